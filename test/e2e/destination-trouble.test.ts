/** Destination service and token service in trouble: changes wait, readiness says for what, and all goes on by itself. */
import { expect, test } from 'vitest';
import { closedAfterEach } from '../system/closing.ts';
import {
  startDestinationService,
  type DestinationConfiguration,
  type DestinationService,
} from '../system/destination-service.ts';
import { findingsOf, flawless } from '../system/findings.ts';
import { startTokenServer, type TokenServer } from '../system/token-server.ts';
import type { ServiceProcess } from '../system/service-process.ts';
import type { World } from '../system/world.ts';
import { fastWorld, ownerChanges, startFastService } from './fast-world.ts';

const open = closedAfterEach();

interface Stage {
  readonly world: World;
  readonly tokens: TokenServer;
  readonly destinations: DestinationService;
  /** The destination of the API, which is there until it is removed. */
  readonly api: DestinationConfiguration;
  readonly start: (env?: Readonly<Record<string, string>>) => Promise<ServiceProcess>;
}

/** A service that finds its API as it does when deployed: through a binding of the destination service. */
async function stage(): Promise<Stage> {
  const basicAuth = { username: 'technical', password: 'user' };
  const world = await fastWorld({ api: { basicAuth, caches: { minLagMs: 40, maxLagMs: 100 } } });
  const tokens = await startTokenServer();
  open.push(() => tokens.stop());
  tokens.clients.set('sb-destination', { secret: 'secret' });
  const api = {
    Name: 'TERRITORY_API',
    Type: 'HTTP',
    URL: world.api.url,
    ProxyType: 'Internet',
    Authentication: 'BasicAuthentication',
    User: basicAuth.username,
    Password: basicAuth.password,
  };
  const client = { id: 'sb-destination', credentials: { clientsecret: 'secret' } };
  const destinations = await startDestinationService([api], { tokens, client });
  open.push(() => destinations.stop());
  return {
    world,
    tokens,
    destinations,
    api,
    start: (env) =>
      startFastService(world, {
        destinations: '',
        VCAP_SERVICES: JSON.stringify({ ...world.mesh.binding(), destination: [destinations.binding()] }),
        TERRITORY_TIMEOUT_MS: '600',
        ...env,
      }),
  };
}

/** Status of the readiness endpoint, and of its check of the destination. */
async function readiness({ url }: ServiceProcess) {
  const answer = await fetch(`${url}/health/ready`);
  const body = (await answer.json()) as {
    checks: readonly { name: string; status: string; reason?: string }[];
  };
  const { status, reason } = body.checks.find(({ name }) => name === 'destination') ?? {};
  return { http: answer.status, destination: status, reason };
}

test.each([
  ['destination service', 'down'],
  ['destination service', 'silent'],
  ['token service', 'down'],
  ['token service', 'silent'],
] as const)(
  'while the %s is %s changes wait, readiness says so, and all of them are applied when it is back',
  async (what, trouble) => {
    const { world, tokens, destinations, start } = await stage();
    const service = what === 'token service' ? tokens : destinations;
    service.mode = trouble;
    const running = await start();
    const changes = ownerChanges(world, { territories: 4, assignments: 3, count: 24 });
    changes.forEach((change) => world.publish(change));
    await expect
      .poll(() => readiness(running), { timeout: 15_000, interval: 50 })
      .toMatchObject({ http: 503, destination: 'DOWN', reason: expect.stringContaining('TERRITORY_API') });
    expect(world.outcomes()).toEqual([]);
    expect(world.api.requests()).toEqual([]);

    service.mode = 'up';
    await world.untilEnded(changes.length, 5_000);
    expect(findingsOf(world, changes)).toEqual(flawless(24));
    await expect
      .poll(() => readiness(running), { timeout: 5_000, interval: 50 })
      .toMatchObject({ http: 200, destination: 'UP' });
  },
  60_000,
);

test('a destination that is missing is told at the start, before there is anything to write, and used once it is there', async () => {
  const { world, destinations, api, start } = await stage();
  destinations.remove(api.Name);
  const running = await start();
  await expect
    .poll(() => readiness(running), { timeout: 15_000, interval: 50 })
    .toMatchObject({ http: 503, destination: 'DOWN', reason: expect.stringContaining('TERRITORY_API') });
  expect(running.output()).toContain('destination TERRITORY_API does not exist; create it');
  expect(world.api.requests()).toEqual([]);

  destinations.put(api);
  await expect
    .poll(() => readiness(running), { timeout: 15_000, interval: 50 })
    .toMatchObject({ http: 200, destination: 'UP' });
}, 60_000);

test('a token service that takes its time costs that time once, and nothing else', async () => {
  const { world, tokens, start } = await stage();
  tokens.delayMs = 400;
  const running = await start({ TERRITORY_TIMEOUT_MS: '5000' });
  const changes = ownerChanges(world, { territories: 4, assignments: 3, count: 48 });
  changes.forEach((change) => world.publish(change));
  await world.untilEnded(changes.length, 20_000);
  expect(findingsOf(world, changes)).toEqual(flawless(48));
  expect(await readiness(running)).toMatchObject({ http: 200, destination: 'UP' });
  // One for the destination service; flights that wait for it share it.
  expect(tokens.issued).toEqual(['sb-destination']);
});
