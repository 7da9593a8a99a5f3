/** What the build makes, from the platform's variables alone: no source, no development dependency, no setting. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, afterAll, expect, test } from 'vitest';
import { closedAfterEach } from '../system/closing.ts';
import {
  installDeployable,
  startDeployed,
  type DeployedService,
  type Installation,
} from '../system/deployment.ts';
import { startDestinationService, type DestinationService } from '../system/destination-service.ts';
import { readMta } from '../system/mta-descriptor.ts';
import { setField } from '../system/published-change.ts';
import { startWorld, type World } from '../system/world.ts';

const [service] = readMta().modules;
if (!service) throw new Error('mta.yaml has no module');
const { parameters } = service;

const basicAuth = { username: 'territory-sync', password: 'of the destination, not of the mesh' };
const open = closedAfterEach();
let installation: Installation;

beforeAll(async () => {
  installation = await installDeployable();
}, 240_000);

afterAll(() => installation?.remove());

test('gen/, installed in an empty folder, works from PORT and VCAP_* alone and ends with 0 on SIGTERM', async () => {
  const world = await startWorld({ api: { basicAuth, caches: { minLagMs: 20, maxLagMs: 50 } } });
  open.push(() => world.stop());
  const destinations = await startDestinationService([destinationOf(world)]);
  open.push(() => destinations.stop());
  const records = Array.from({ length: 12 }, (_, index) => ({
    territoryId: `TER-${index % 4}`,
    id: `A-${index}`,
    fields: { owner: 'nobody' },
  }));
  world.api.seedRecords(records);

  const running = await start(world, destinations);
  for (const [index, { territoryId, id }] of records.entries()) {
    world.publish(setField(`first-${index}`, territoryId, id, 'owner', `E${index}`));
  }
  await world.untilEnded(records.length, 20_000);
  // With the defaults its territory still rests, until the API's caches have caught up with the first write.
  world.publish(setField('second', 'TER-0', 'A-0', 'owner', 'last'));
  await world.untilEnded(records.length + 1, 15_000);

  expect(world.api.records().map(({ fields }) => fields['owner'])).toEqual([
    'last',
    ...records.slice(1).map((_, index) => `E${index + 1}`),
  ]);
  expect(world.outcomes()).toHaveLength(records.length + 1);
  for (const outcome of world.outcomes()) {
    expect(outcome).toMatchObject({
      type: 'cx.territory.sync.succeeded.v1',
      source: '/territory-sync/territory-sync/dev',
      data: { outcome: 'applied' },
    });
  }

  // The destination's property, not the default protocol, decided how the API is spoken to.
  expect(new Set(destinations.lookups())).toEqual(new Set(['TERRITORY_API']));
  const writes = world.api.requests().filter(({ method }) => method !== 'GET');
  expect(new Set(writes.map(({ url }) => url))).toEqual(new Set(['/territory-api/v1/$batch']));

  for (const name of ['health-check-http-endpoint', 'readiness-health-check-http-endpoint'] as const) {
    expect((await fetch(running.url + parameters[name])).status, name).toBe(200);
  }
  await world.mesh.until((mesh) => mesh.depth(world.queues.work).unsettled === 0, 5_000);
  expect(await running.stop(), running.output()).toBe(0);
  expect(world.mesh.depth(world.queues.work)).toEqual({ ready: 0, unsettled: 0 });
  expect(running.output()).not.toContain(basicAuth.password);
}, 40_000);

test('what is installed has neither sources nor anything that only development needs', async () => {
  const files = await readdir(installation.folder, { recursive: true });
  expect(files).toContain(join('srv', 'main.js'));
  const own = files.filter((name) => !name.startsWith('node_modules'));
  expect(own.filter((name) => name.endsWith('.ts') || name.endsWith('.map'))).toEqual([]);
  expect(own.filter((name) => !name.startsWith('srv')).toSorted()).toEqual([
    'package-lock.json',
    'package.json',
  ]);
  const packages = await readdir(join(installation.folder, 'node_modules'));
  expect(packages).toContain('fastify');
  const development =
    /^(?:vitest|typescript|rhea|yaml|fast-check|prettier|node-(?:bin-)?(?:linux|darwin|win)-?.*)$/;
  expect(packages.filter((name) => development.test(name))).toEqual([]);
});

async function start(world: World, destinations: DestinationService): Promise<DeployedService> {
  const running = await startDeployed(installation.folder, parameters.command, {
    PORT: '0',
    VCAP_APPLICATION: JSON.stringify({
      application_id: '8f1c4c0e-4f8a-4f0e-9d0f-0c8d2f0f6b11',
      application_name: service?.name,
      application_uris: ['acme-dev-territory-sync.cfapps.example'],
      organization_name: 'acme',
      space_name: 'dev',
      limits: { mem: Number.parseInt(parameters.memory, 10) },
    }),
    VCAP_SERVICES: JSON.stringify({
      ...world.mesh.binding(),
      destination: [destinations.binding()],
      connectivity: [unused('connectivity')],
      xsuaa: [unused('xsuaa')],
    }),
  });
  open.push(() => running.kill());
  await world.untilReceiving();
  return running;
}

/** A destination as an administrator creates it; its property overrides the protocol of the settings. */
function destinationOf(world: World) {
  return {
    Name: 'TERRITORY_API',
    Type: 'HTTP',
    URL: world.api.url,
    ProxyType: 'Internet',
    Authentication: 'BasicAuthentication',
    User: basicAuth.username,
    Password: basicAuth.password,
    'territory.protocol': 'odata-v4',
  };
}

/** Bound as the descriptor binds it, and never asked for anything here. */
function unused(label: string): object {
  const credentials = {
    clientid: `sb-${label}`,
    clientsecret: 'unused',
    url: 'http://127.0.0.1:9',
    uaadomain: '127.0.0.1:9',
    xsappname: 'territory-sync-dev!t1',
  };
  return { label, name: `territory-sync-${label}`, tags: [label], credentials };
}
