/** The bound services, found the way SAP's libraries find them, by label or else by tag, never by an instance's name. */
import { filterServices } from '@sap/xsenv';
import type { BoundService } from '@sap/xsenv';

import { ConfigurationError } from './problems.ts';

/** A bound service; `credentials` hold secrets, so a binding is never logged. */
export interface ServiceBinding {
  readonly name: string;
  readonly label: string;
  readonly credentials: Readonly<Record<string, unknown>>;
}

interface Wanted {
  readonly labels: readonly string[];
  /** Besides the labels, which count as tags too. */
  readonly tags: readonly string[];
}

const WANTED = {
  mesh: { labels: ['enterprise-messaging', 'event-mesh-message-client'], tags: ['mesh'] },
  destination: { labels: ['destination'], tags: [] },
  connectivity: { labels: ['connectivity'], tags: [] },
  redis: { labels: ['redis-cache'], tags: ['redis'] },
  postgres: { labels: ['postgresql-db'], tags: ['postgres'] },
  xsuaa: { labels: ['xsuaa'], tags: [] },
  alertNotification: { labels: ['alert-notification'], tags: [] },
  // A user-provided instance of SAP Cloud Logging has to carry the tag in this spelling.
  cloudLogging: { labels: ['cloud-logging'], tags: ['Cloud Logging'] },
} as const satisfies Readonly<Record<string, Wanted>>;

export type ServiceName = keyof typeof WANTED;

/** What is bound; absent where nothing fits. */
export type Bindings = { readonly [S in ServiceName]?: ServiceBinding };

/** All bound services that a filter accepts, in the form of `@sap/xsenv`. */
export type ServiceSource = (filter: (service: BoundService) => boolean) => readonly BoundService[];

/**
 * Looks up all services that the program knows: by label, and only where none has the label, by tag.
 * @param source defaults to `VCAP_SERVICES`, else `SERVICE_BINDING_ROOT`
 * @throws ConfigurationError if the environment's services cannot be read, or several fit where one is wanted
 */
export function readBindings(source: ServiceSource = filterServices): Bindings {
  const bindings: { [S in ServiceName]?: ServiceBinding } = {};
  const problems: string[] = [];
  for (const service of Object.keys(WANTED) as ServiceName[]) {
    const found = find(source, WANTED[service]);
    if (found.length > 1) problems.push(ambiguous(WANTED[service], found));
    else if (found[0]) bindings[service] = found[0];
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return bindings;
}

function find(source: ServiceSource, { labels, tags }: Wanted): readonly ServiceBinding[] {
  const labelled = lookUp(source, (service) => labels.some((label) => isLabelled(service, label)));
  if (labelled.length > 0) return labelled;
  const wanted: readonly unknown[] = [...labels, ...tags];
  return lookUp(source, (service) => tagsOf(service).some((tag) => wanted.includes(tag)));
}

function lookUp(
  source: ServiceSource,
  filter: (service: BoundService) => boolean,
): readonly ServiceBinding[] {
  // Kubernetes mounts a volume with hidden folders (`..data`) that look like instances.
  const services = read(source, (service) => !text(service.name).startsWith('..') && filter(service));
  return services.map((service) => ({
    name: text(service.name),
    label: text(service.label) || text(service.type),
    credentials: record(service.credentials),
  }));
}

function read(source: ServiceSource, filter: (service: BoundService) => boolean): readonly BoundService[] {
  try {
    return source(filter);
  } catch {
    // Without its cause: the parser's message quotes the text, which may be a password.
    throw new ConfigurationError([
      'The bound services cannot be read: VCAP_SERVICES (or the file of VCAP_SERVICES_FILE_PATH) must be valid JSON, ' +
        'and SERVICE_BINDING_ROOT a folder of bindings.',
    ]);
  }
}

function ambiguous({ labels, tags }: Wanted, found: readonly ServiceBinding[]): string {
  const names = found.map(({ name }) => name).join(', ');
  const fitting = [...labels, ...tags].join(', ');
  return `${found.length} bound services fit where one is wanted (${fitting}): ${names}; unbind all but one.`;
}

function isLabelled(service: BoundService, label: string): boolean {
  // In the layout of servicebinding.io `type` is what Cloud Foundry calls a label.
  return service.label === label || service.type === label || record(service.credentials)['label'] === label;
}

/** Tags come as a list, or from files as its JSON text. */
function tagsOf(service: BoundService): readonly unknown[] {
  const tags = service.tags ?? record(service.credentials)['tags'];
  if (Array.isArray(tags)) return tags;
  if (typeof tags !== 'string') return [];
  try {
    const parsed: unknown = JSON.parse(tags);
    return Array.isArray(parsed) ? parsed : [tags];
  } catch {
    return tags.split(',').map((tag) => tag.trim());
  }
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
