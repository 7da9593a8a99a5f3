/** The descriptors against the code: what nothing but a deployment would find out otherwise. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { readConfiguration } from '../../../srv/config/configuration.ts';
import { SETTINGS } from '../../../srv/config/settings-table.ts';
import { createHttpServer } from '../../../srv/http/server.ts';
import type { HttpServer } from '../../../srv/http/server.ts';
import { environmentOf, projectFile, readMta, serviceParameters } from '../../system/mta-descriptor.ts';
import type { Mta, MtaResource } from '../../system/mta-descriptor.ts';
import { asBoundService } from './bound-service.ts';
import { allows, meshDescriptor } from './mesh-rules.ts';
import { securityDescriptor } from './security-descriptor.ts';
import { silent } from '../../doubles/silent-log.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const extensions = readdirSync(`${root}deploy`).filter((name) => name.endsWith('.mtaext'));
const manifest = z
  .object({
    version: z.string(),
    engines: z.object({ node: z.string() }),
    scripts: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(projectFile('package.json')));

/** SAP BTP kills what is left of a process this long after SIGTERM. */
const PLATFORM_STOP_LIMIT_S = 60;
/** Newest Node of either line in the buildpack 1.9.4, June 2026. */
const BUILDPACK_NODES = ['22.23.1', '24.18.0'];

describe.each([
  { name: 'mta.yaml', extension: undefined },
  ...extensions.map((name) => ({ name, extension: `deploy/${name}` })),
])('$name', ({ extension }) => {
  const mta = readMta(extension);
  const [service] = mta.modules;
  if (!service) throw new Error('mta.yaml has no module');
  const environment = environmentOf(service);
  const meshResource = theResource(mta, 'enterprise-messaging');
  const mesh = meshDescriptor.parse(serviceParameters(meshResource));
  const bound = mta.resources.filter(({ name }) =>
    service.requires.some((required) => required.name === name),
  );
  const configuration = readConfiguration(
    { ...environment, PORT: '8080', VCAP_APPLICATION: JSON.stringify({ application_name: service.name }) },
    (filter) => bound.map(asBoundService).filter(filter),
  );
  const { settings } = configuration;

  it('names everything once, and binds every service that it has', () => {
    const names = [...mta.modules, ...mta.resources].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const resources = mta.resources.map(({ name }) => name);
    expect(service.requires.map(({ name }) => name).toSorted()).toEqual(resources.toSorted());
  });

  it('points to files that are there, or that the build makes', () => {
    const paths = mta.resources.flatMap(({ parameters }) => parameters.path ?? []);
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((path) => !existsSync(root + path))).toEqual([]);
    const { compilerOptions } = JSON.parse(projectFile('tsconfig.build.json')) as {
      compilerOptions: { rootDir: string; outDir: string };
    };
    const built = /(\S+)\/main\.js$/.exec(service.parameters.command)?.[1];
    expect(`${service.path}/${built}`).toBe(compilerOptions.outDir);
    expect(existsSync(`${root}${compilerOptions.rootDir}/main.ts`)).toBe(true);
  });

  it('builds with scripts that exist', () => {
    const commands = mta['build-parameters']['before-all'].flatMap((step) => step.commands);
    const scripts = commands.flatMap((command) => /^npm run (\S+)$/.exec(command)?.[1] ?? []);
    expect(scripts).toContain('build');
    expect(scripts.filter((script) => !(script in manifest.scripts))).toEqual([]);
    expect(mta.version).toBe(manifest.version);
  });

  it('starts node in the place of the shell, with a heap of three quarters of the memory', () => {
    const { command, memory } = service.parameters;
    const heapMb = Number(/^exec node --max-old-space-size=(\d+) \S+\.js$/.exec(command)?.[1]);
    expect(heapMb / megabytes(memory)).toBeCloseTo(0.75, 2);
  });

  it('sets only what the program reads, to values that it takes', () => {
    expect(Object.keys(environment).filter((name) => !(name in SETTINGS))).toEqual([]);
    expect(configuration.warnings).toEqual([]);
    expect(settings.territory.destination).toBe(mta.parameters['territory-destination']);
    expect(settings.http.host).toBe('0.0.0.0');
  });

  it('binds services under labels by which the program finds them, and none that it does not', () => {
    const found = Object.values(configuration.bindings).map(({ name }) => name);
    expect(found.toSorted()).toEqual(mta.resources.map(({ name }) => name).toSorted());
  });

  it('runs one instance as long as the journal is in memory', () => {
    expect(configuration.bindings.postgres === undefined ? service.parameters.instances : 1).toBe(1);
  });

  it('leaves the program more time to drain than it takes', () => {
    expect(settings.shutdown.timeoutS).toBeLessThan(PLATFORM_STOP_LIMIT_S);
  });

  it('lets nobody in, and keeps nothing that it does not say', () => {
    expect(service.parameters['app-features']).toEqual({ ssh: false });
    expect(Object.values(service.parameters['keep-existing'])).toEqual([false, false, false]);
  });

  it('has rules on the mesh for every queue and topic of the settings', () => {
    const { topicRules, queueRules } = mesh.rules;
    const { queue, deadLetterQueue, successTopic, failureTopic, subscriptions, namespace } = settings.mesh;
    expect(namespace).toBe(mta.parameters['mesh-namespace']);
    const allowed = (filters: readonly string[]) => (name: string) => allows(filters, mesh.namespace, name);
    expect([queue, deadLetterQueue].filter((name) => !allowed(queueRules.subscribeFilter)(name))).toEqual([]);
    expect([queue, deadLetterQueue].filter((name) => !allowed(queueRules.publishFilter)(name))).toEqual([]);
    expect([successTopic, failureTopic].filter((name) => !allowed(topicRules.publishFilter)(name))).toEqual(
      [],
    );
    expect(subscriptions.filter((name) => !allowed(topicRules.subscribeFilter)(name))).toEqual([]);
  });

  it('grants no publishing outside of its own namespace', () => {
    const { topicRules, queueRules } = mesh.rules;
    for (const { publishFilter } of [topicRules, queueRules]) {
      expect(allows(publishFilter, mesh.namespace, 'other/system/prod/ce/x')).toBe(false);
    }
  });

  it('asks for queue management exactly where the program is to create the queues', () => {
    expect(settings.mesh.setup).toBe(true);
    expect(configuration.mesh.management?.kind).toBe('event-mesh');
  });

  it('has the scopes that the operations API asks for, and nobody decides who may not look', () => {
    const security = securityDescriptor.parse(serviceParameters(theResource(mta, 'xsuaa')));
    expect(security.xsappname).toBe('territory-sync-dev');
    expect(security.scopes.map(({ name }) => name)).toEqual(['$XSAPPNAME.Viewer', '$XSAPPNAME.Operator']);
    const rights = Object.fromEntries(
      security['role-templates'].map((template) => [template.name, template['scope-references']]),
    );
    expect(rights).toEqual({
      Viewer: ['$XSAPPNAME.Viewer'],
      Operator: ['$XSAPPNAME.Viewer', '$XSAPPNAME.Operator'],
    });
    const granted = security['role-collections'].flatMap((one) => one['role-template-references']);
    expect(granted).toEqual(Object.keys(rights).map((name) => `$XSAPPNAME.${name}`));
    expect(security['role-collections'].every(({ name }) => name.endsWith(' dev'))).toBe(true);
  });

  describe('the health checks', () => {
    let server: HttpServer;
    let url: string;
    beforeAll(async () => {
      server = createHttpServer({
        host: '127.0.0.1',
        port: 0,
        log: silent,
        readiness: () => ({ mode: 'embedded', receiver: 'active', checks: [] }),
      });
      url = `http://127.0.0.1:${(await server.listen()).port}`;
    });
    afterAll(() => server.close());

    it.each(['health-check-http-endpoint', 'readiness-health-check-http-endpoint'] as const)(
      '%s is one that the program answers',
      async (name) => {
        expect((await fetch(url + service.parameters[name])).status).toBe(200);
      },
    );

    it('ask readiness for traffic and only liveness for life', () => {
      expect(service.parameters['health-check-http-endpoint']).toBe('/health/live');
      expect(service.parameters['readiness-health-check-http-endpoint']).toBe('/health/ready');
    });
  });
});

describe('the landscapes', () => {
  it('share a subaccount without sharing a namespace', () => {
    const namespaces = extensions.map((name) => readMta(`deploy/${name}`).parameters['mesh-namespace']);
    expect(namespaces.length).toBeGreaterThan(1);
    expect(new Set(namespaces).size).toBe(namespaces.length);
  });
});

describe('the manifest', () => {
  it.each(BUILDPACK_NODES)('lets the buildpack take its Node %s', (version) => {
    expect(fits(manifest.engines.node, version)).toBe(true);
  });

  it('keeps it from taking an older or a newer line', () => {
    expect(
      ['20.20.2', '22.18.0', '26.0.0'].filter((version) => fits(manifest.engines.node, version)),
    ).toEqual([]);
  });
});

describe('a push of the folder itself', () => {
  it('leaves the credentials of a developer behind', () => {
    const ignored = projectFile('.cfignore').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['default-env.json', 'node_modules/', 'test/']));
  });
});

function theResource({ resources }: Mta, service: string): MtaResource {
  const found = resources.filter(({ parameters }) => parameters.service === service);
  if (found[0] && found.length === 1) return found[0];
  throw new Error(`mta.yaml has ${found.length} resources of service ${service} where one is wanted`);
}

function megabytes(quota: string): number {
  return Number.parseInt(quota, 10) * (/G/i.test(quota) ? 1024 : 1);
}

/** A range of caret alternatives, `^22.19 || ^24`, which is all that the manifest needs. */
function fits(range: string, version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return range.split('||').some((alternative) => {
    const [, wantedMajor, leastMinor = '0'] = /^\^(\d+)(?:\.(\d+))?$/.exec(alternative.trim()) ?? [];
    return major === Number(wantedMajor) && minor >= Number(leastMinor);
  });
}
