/** Where the program runs: what Cloud Foundry, Kubernetes or neither says of it. */
import type { Environment } from './environment.ts';
import { ConfigurationError } from './problems.ts';

export interface Application {
  /** Application's name; `territory-sync` where nothing names it. */
  readonly name: string;
  readonly id?: string;
  readonly space?: string;
  readonly spaceId?: string;
  readonly organization?: string;
  readonly organizationId?: string;
  /** 0 where it is not known. */
  readonly instanceIndex: number;
  readonly containerIp?: string;
  /** URL of the application's first route. */
  readonly url?: string;
  /** Cloud Foundry or Kubernetes runs it. */
  readonly deployed: boolean;
  /** Deployed, or `NODE_ENV` is `production`: logs are for machines. */
  readonly production: boolean;
  /** CloudEvents `source` of the outcome events, a URI reference. */
  readonly source: string;
}

/**
 * Reads `VCAP_APPLICATION`, `CF_INSTANCE_INDEX`, `CF_INSTANCE_IP`, `KUBERNETES_SERVICE_HOST` and `NODE_ENV`.
 * @throws ConfigurationError if `VCAP_APPLICATION` is not a JSON object
 */
export function readApplication(env: Environment): Application {
  const vcap = readVcap(env['VCAP_APPLICATION']);
  const name = text(vcap?.['application_name']);
  const space = text(vcap?.['space_name']);
  const uris = vcap?.['application_uris'];
  const route = text(Array.isArray(uris) ? uris[0] : undefined);
  const deployed = vcap !== undefined || Boolean(env['KUBERNETES_SERVICE_HOST']);
  return Object.freeze({
    name: name ?? 'territory-sync',
    ...optional('id', text(vcap?.['application_id'])),
    ...optional('space', space),
    ...optional('spaceId', text(vcap?.['space_id'])),
    ...optional('organization', text(vcap?.['organization_name'])),
    ...optional('organizationId', text(vcap?.['organization_id'])),
    instanceIndex: index(vcap?.['instance_index']) ?? index(env['CF_INSTANCE_INDEX']) ?? 0,
    ...optional('containerIp', text(env['CF_INSTANCE_IP'])),
    ...optional('url', route && `https://${route}`),
    deployed,
    production: deployed || env['NODE_ENV'] === 'production',
    source: name && space ? `/territory-sync/${encode(name)}/${encode(space)}` : '/territory-sync/local',
  });
}

function readVcap(json: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (!json) return undefined;
  const value = parse(json);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new ConfigurationError([
    'VCAP_APPLICATION is not a JSON object: Cloud Foundry sets it; remove it where none runs the program.',
  ]);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Numbers and their texts only: what else JSON can hold may be nested too deep to be turned into a number. */
function index(value: unknown): number | undefined {
  if ((typeof value !== 'number' && typeof value !== 'string') || value === '') return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string });
}

/** Space and application names may hold blanks and more; a CloudEvents source may not. */
function encode(segment: string): string {
  return encodeURIComponent(segment.toWellFormed());
}
