/**
 * The deployment descriptor as the deploy service reads it: extended, placeholders replaced, service parameters laid over
 * their files. The deploy service ignores a name that it does not know; here a misspelt one is an error.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

const quota = z.string().regex(/^\d+(?:M|MB|G|GB)$/i, 'must be a number with M, MB, G or GB');
const endpoint = z.string().regex(/^\/\S*$/, 'must be a path');
const seconds = z.int().positive();
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const parameters = z.record(z.string(), scalar);

const moduleForm = z.strictObject({
  name: z.string(),
  type: z.literal('nodejs'),
  path: z.string(),
  'build-parameters': z.strictObject({ builder: z.enum(['npm', 'npm-ci', 'custom']) }),
  parameters: z.strictObject({
    memory: quota,
    'heap-mb': z.int().positive(),
    'disk-quota': quota,
    instances: z.int().positive(),
    command: z.string(),
    'health-check-type': z.literal('http'),
    'health-check-http-endpoint': endpoint,
    'health-check-timeout': seconds,
    'health-check-invocation-timeout': seconds,
    'readiness-health-check-type': z.literal('http'),
    'readiness-health-check-http-endpoint': endpoint,
    'readiness-health-check-invocation-timeout': seconds,
    'readiness-health-check-interval': seconds,
    'app-features': z.strictObject({ ssh: z.boolean() }),
    'keep-existing': z.strictObject({
      env: z.boolean(),
      'service-bindings': z.boolean(),
      routes: z.boolean(),
    }),
  }),
  properties: parameters,
  requires: z.array(z.strictObject({ name: z.string() })),
});

const resourceForm = z.strictObject({
  name: z.string(),
  type: z.literal('org.cloudfoundry.managed-service'),
  parameters: z.strictObject({
    service: z.string(),
    'service-plan': z.string(),
    path: z.string().optional(),
    config: z.record(z.string(), z.unknown()).optional(),
    'fail-on-service-update': z.strictObject({ parameters: z.boolean(), plan: z.boolean() }).optional(),
  }),
});

const descriptorForm = z.strictObject({
  '_schema-version': z.string().regex(/^3\.\d+(?:\.\d+)?$/),
  ID: z.string(),
  version: z.string(),
  description: z.string(),
  parameters,
  'build-parameters': z.strictObject({
    'before-all': z.array(z.strictObject({ builder: z.literal('custom'), commands: z.array(z.string()) })),
  }),
  modules: z.array(moduleForm).min(1),
  resources: z.array(resourceForm),
});

const part = z.strictObject({
  name: z.string(),
  parameters: z.record(z.string(), z.unknown()).optional(),
  properties: parameters.optional(),
});

const extensionForm = z.strictObject({
  '_schema-version': z.string(),
  ID: z.string(),
  extends: z.string(),
  parameters: parameters.optional(),
  modules: z.array(part).optional(),
  resources: z.array(part).optional(),
});

export type Mta = z.infer<typeof descriptorForm>;
export type MtaModule = Mta['modules'][number];
export type MtaResource = Mta['resources'][number];

/** A descriptor that the deploy service would refuse, or resolve to something nobody meant. */
export class DescriptorError extends Error {
  override readonly name = 'DescriptorError';
  readonly code = 'DESCRIPTOR';
}

type Values = Readonly<Record<string, unknown>>;

/** What the landscape tells the deploy service. */
const LANDSCAPE: Values = { org: 'acme', space: 'dev' };

/**
 * `mta.yaml` with every placeholder replaced.
 * @param extension path of an extension descriptor from the project's root
 * @throws {DescriptorError} for an unknown placeholder or an extension that does not fit; ZodError for a wrong form
 */
export function readMta(extension?: string): Mta {
  const base = parse(projectFile('mta.yaml')) as Values;
  const raw =
    extension === undefined ? base : extend(base, extensionForm.parse(parse(projectFile(extension))));
  const top = { ...LANDSCAPE, ...record(raw['parameters']) };
  const scoped = (list: unknown) =>
    (list as readonly Values[]).map((one) => resolve(one, { ...top, ...record(one['parameters']) }));
  return descriptorForm.parse({
    ...(resolve({ ...raw, modules: [], resources: [] }, top) as Values),
    modules: scoped(raw['modules']),
    resources: scoped(raw['resources']),
  });
}

/** The variables that a module's process gets, besides those of the platform. */
export function environmentOf({ properties }: MtaModule): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, String(value)]));
}

/** What the service's broker is sent: the file, and over it the descriptor's own values, key by key. */
export function serviceParameters({ parameters: { path, config } }: MtaResource): Values {
  const file = path === undefined ? {} : record(JSON.parse(projectFile(path)));
  return { ...file, ...config };
}

/** @param path from the project's root */
export function projectFile(path: string): string {
  return readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), 'utf8');
}

function extend(base: Values, extension: z.infer<typeof extensionForm>): Values {
  const { extends: extended, parameters: values, modules = [], resources = [] } = extension;
  if (extended !== base['ID'] || extension['_schema-version'] !== base['_schema-version']) {
    throw new DescriptorError(`${extension.ID} must extend ${String(base['ID'])} in the same schema version`);
  }
  return {
    ...base,
    parameters: merge(record(base['parameters']), values ?? {}),
    modules: extendParts(base['modules'] as readonly Values[], modules),
    resources: extendParts(base['resources'] as readonly Values[], resources),
  };
}

/** An extension may change parts but not add any. */
function extendParts(base: readonly Values[], parts: readonly z.infer<typeof part>[]): readonly Values[] {
  const stray = parts.find(({ name }) => !base.some((one) => one['name'] === name));
  if (stray) throw new DescriptorError(`there is no ${stray.name} that could be extended`);
  return base.map((one) => merge(one, parts.find(({ name }) => name === one['name']) ?? {}));
}

/** Maps are merged to the bottom, everything else is replaced, lists too. */
function merge(base: Values, over: Values): Values {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    merged[name] = isRecord(value) ? merge(record(base[name]), value) : value;
  }
  return merged;
}

function resolve(value: unknown, scope: Values): unknown {
  if (Array.isArray(value)) return value.map((one) => resolve(one, scope));
  if (isRecord(value))
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolve(v, scope)]));
  if (typeof value !== 'string') return value;
  return value.replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
    const found = scope[name];
    if (typeof found === 'string' || typeof found === 'number') return String(found);
    throw new DescriptorError(`nothing gives the placeholder ${name} a value`);
  });
}

function record(value: unknown): Values {
  return isRecord(value) ? value : {};
}

function isRecord(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
