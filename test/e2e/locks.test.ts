/** The service with a Redis bound, beside other programs that lock the same territories. */
import { beforeEach, expect, it } from 'vitest';
import { describeNeeding } from '../integration/needing.ts';
import { newDatabase, whyNoServer } from '../integration/postgres-server.ts';
import { startRedis, whyNoRedis, type OwnRedis } from '../integration/redis-server.ts';
import { closedAfterEach } from '../system/closing.ts';
import { findingsOf, flawless } from '../system/findings.ts';
import { withPostgres } from '../system/postgres-binding.ts';
import { withService } from '../system/provided-service.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import type { World } from '../system/world.ts';
import { summaryOf } from './asked.ts';
import { FAST_SETTINGS, fastWorld, ownerChanges } from './fast-world.ts';

const missing = whyNoRedis() ?? (await whyNoServer());
const API = { caches: { minLagMs: 40, maxLagMs: 100 }, latency: { baseMs: 25 } };
/** An hour: nothing in a test ends by itself. */
const LOCK = { LOCK_TTL_S: '3600' };
const KEY = 'territory:lock:TER-0';
const OF_TERRITORIES = 'territory:lock:TER-*';

describeNeeding(missing, 'With Redis', () => {
  const open = closedAfterEach();
  let redis: OwnRedis;
  beforeEach(async () => {
    redis = await startRedis();
    open.push(() => redis.stop());
  });

  const bound = (env: Readonly<Record<string, string>>) =>
    withService(env, { name: 'locks', tag: 'redis', credentials: redis.credentials });
  const start = async (world: World, env: Readonly<Record<string, string>>): Promise<ServiceProcess> => {
    const service = await startService(env);
    open.push(() => service.kill());
    await world.untilReceiving();
    return service;
  };
  const lockCheckOf = async (service: ServiceProcess): Promise<unknown> => {
    const ready = (await (await fetch(`${service.url}/health/ready`)).json()) as {
      readonly checks: readonly { readonly name: string }[];
    };
    return ready.checks.find(({ name }) => name === 'lock');
  };
  it('a territory that another program has locked waits, the others go on, and it follows when it is free', async () => {
    const world = await fastWorld({ api: API });
    const changes = ownerChanges(world, { territories: 5, assignments: 2, count: 50 });
    await redis.client.set(KEY, 'some other program');
    const service = await start(world, bound(world.env({ ...FAST_SETTINGS, ...LOCK })));
    changes.forEach((change) => world.publish(change));
    await world.untilEnded(40, 15_000);
    const territory = async () =>
      (await (await fetch(`${service.url}/api/v1/territories/TER-0`)).json()) as { readonly state: string };
    await expect
      .poll(territory, { timeout: 5000 })
      .toMatchObject({ id: 'TER-0', state: 'locked', pending: 10 });
    expect(world.api.history().filter(({ territoryId }) => territoryId === 'TER-0')).toEqual([]);
    expect(await redis.client.get(KEY)).toBe('some other program');
    await redis.client.del(KEY);
    await world.untilEnded(50, 15_000);
    expect(findingsOf(world, changes)).toEqual(flawless(50));
    await expect.poll(() => redis.client.keys('*'), { timeout: 5000 }).toEqual([]);
    expect(await service.stop()).toBe(0);
  });

  it.each(['the queue', 'PostgreSQL'] as const)(
    'the locks of a process that was killed are taken over at once by the next one, where the journal is in %s',
    async (kept) => {
      const world = await fastWorld({ api: { ...API, latency: { baseMs: 300 } } });
      const changes = ownerChanges(world, { territories: 5, assignments: 2, count: 20 });
      const settings = { ...FAST_SETTINGS, ...LOCK, TERRITORY_TIMEOUT_MS: '1500', LEASE_TTL_S: '2' };
      let env = bound(world.env(settings));
      if (kept === 'PostgreSQL') {
        const database = await newDatabase();
        open.push(() => database.drop());
        env = withPostgres(env, database.credentials);
      }
      const first = await start(world, env);
      changes.forEach((change) => world.publish(change));
      await expect
        .poll(() => redis.client.keys(OF_TERRITORIES), { timeout: 10_000, interval: 5 })
        .not.toEqual([]);
      await first.kill();
      const left = await redis.client.keys(OF_TERRITORIES);
      expect(left.length).toBeGreaterThan(0);
      await start(world, env);
      await world.untilEnded(20, 25_000);
      expect(findingsOf(world, changes)).toMatchObject({ published: 20, ended: 20, failed: 0, lost: 0 });
      await expect.poll(() => redis.client.keys('*'), { timeout: 5000 }).toEqual([]);
    },
  );

  it('flights wait while Redis is away, readiness says so, and all goes on by itself when it is back', async () => {
    const world = await fastWorld({ api: API });
    const changes = ownerChanges(world, { territories: 10, assignments: 2, count: 200 });
    const service = await start(world, bound(world.env({ ...FAST_SETTINGS, ...LOCK })));
    changes.slice(0, 100).forEach((change) => world.publish(change));
    await expect.poll(() => world.outcomes().length, { timeout: 15_000 }).toBeGreaterThan(10);
    await redis.kill();
    await expect
      .poll(() => lockCheckOf(service), { timeout: 10_000 })
      .toEqual({ name: 'lock', status: 'DOWN', since: expect.any(String), reason: 'ECONNREFUSED' });
    changes.slice(100).forEach((change) => world.publish(change));
    // Received, and left alone: whatever was under way has ended by now.
    await expect
      .poll(() => summaryOf(service), { timeout: 10_000 })
      .toMatchObject({ lanes: { 'in-flight': 0 } });
    const writtenThen = world.api.history().length;
    expect((await summaryOf(service)).backlog.changes).toBeGreaterThan(0);
    await redis.restart();
    await world.untilEnded(200, 25_000);
    expect(world.api.history().length).toBeGreaterThan(writtenThen);
    expect(findingsOf(world, changes)).toEqual(flawless(200));
    expect(world.mesh.depth(world.queues.deadLetters)).toEqual({ ready: 0, unsettled: 0 });
    expect(await lockCheckOf(service)).toEqual({ name: 'lock', status: 'UP', since: expect.any(String) });
  });

  it('a binding that cannot be used stops the start with a line that names it', async () => {
    const world = await fastWorld({ api: API });
    const env = withService(world.env(), { name: 'locks', tag: 'redis', credentials: { uri: 'http://x' } });
    await expect(startService(env)).rejects.toThrow(/The binding locks has a wrong "uri"/);
  });
});
