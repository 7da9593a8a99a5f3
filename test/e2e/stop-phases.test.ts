/**
 * SIGTERM in whatever phase the service is: it ends by itself within its limit, with exit code 0, and nothing is lost. The limit is a
 * fifth of the usual one, and what is waited for at each phase takes longer than that.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it, test } from 'vitest';
import { describeNeeding } from '../integration/needing.ts';
import { whyNoRedis, startRedis } from '../integration/redis-server.ts';
import { newDatabase, whyNoServer } from '../integration/postgres-server.ts';
import { wayTo, type Way } from '../integration/postgres-outage.ts';
import { check } from '../system/checker.ts';
import { closedAfterEach } from '../system/closing.ts';
import { withPostgres } from '../system/postgres-binding.ts';
import { withService } from '../system/provided-service.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import type { World } from '../system/world.ts';
import { FAST_SETTINGS, fastWorld, ownerChanges } from './fast-world.ts';

const MAIN = fileURLToPath(new URL('../../srv/main.ts', import.meta.url));
const LIMIT_S = 10;
const LOAD = { territories: 10, assignments: 10, count: 450 };
const SETTINGS = { ...FAST_SETTINGS, SHUTDOWN_TIMEOUT_S: String(LIMIT_S) };
/** What a process could not give back is free soon. */
const SHORT_LEASES = { LEASE_TTL_S: '6', LOCK_TTL_S: '6', TERRITORY_TIMEOUT_MS: '4000' };
const PATIENCE = { interval: 5, timeout: 15_000 };

const missing = (await whyNoServer()) ?? whyNoRedis();

const open = closedAfterEach();

interface Phase {
  readonly name: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** Makes the trouble; answers the way to end it. */
  readonly begin?: (world: World) => () => void;
  /** Resolves as soon as the service is in the phase. */
  readonly reached: (world: World, service: ServiceProcess) => Promise<unknown>;
}

const writes = ({ api }: World): number => api.requests().filter(({ method }) => method === 'PATCH').length;
const cleared = (world: World) => (): void => world.mesh.faults.clearFaults();

const PHASES: readonly Phase[] = [
  {
    name: 'the mesh takes no attach',
    begin(world) {
      world.mesh.faults.refuseAttaches('amqp:not-allowed', 'until-cleared');
      return cleared(world);
    },
    reached: (_world, service) => expect.poll(() => service.output(), PATIENCE).toContain('not allowed'),
  },
  {
    name: 'more has come than an append holds',
    reached: ({ mesh, queues }) => mesh.until((now) => now.depth(queues.work).unsettled > 200, 15_000),
  },
  {
    name: 'the API does not answer a write',
    begin({ api }) {
      const fault = api.faults.inject({ kind: 'no-answer', on: 'write', how: 'silence', effect: 'written' });
      return () => fault.remove();
    },
    reached: (world) => expect.poll(() => writes(world), PATIENCE).toBeGreaterThan(0),
  },
  {
    name: 'the API does not answer a read',
    begin({ api }) {
      const fault = api.faults.inject({
        kind: 'no-answer',
        on: 'read',
        how: 'silence',
        effect: 'not-written',
      });
      return () => fault.remove();
    },
    reached: ({ api }) => expect.poll(() => api.requests().length, PATIENCE).toBeGreaterThan(0),
  },
  {
    name: 'every lane waits for its next try, for 32 s',
    settings: { RETRY_FIRST_DELAY_MS: '32000', RETRY_MAX_DELAY_MS: '32000' },
    begin({ api }) {
      const fault = api.faults.inject({
        kind: 'record-status',
        on: 'write',
        status: 412,
        records: () => true,
      });
      return () => fault.remove();
    },
    reached: (_world, service) =>
      expect
        .poll(async () => await (await fetch(`${service.url}/api/v1/summary`)).json(), PATIENCE)
        .toMatchObject({ lanes: { retrying: LOAD.territories } }),
  },
  {
    name: 'the breaker is open',
    settings: { API_PROBE_INTERVAL_MS: '60000' },
    begin({ api }) {
      const fault = api.faults.inject({ kind: 'status', status: 503 });
      return () => fault.remove();
    },
    reached: (_world, service) => expect.poll(() => service.output(), PATIENCE).toContain('is in trouble'),
  },
  {
    name: 'the mesh confirms no outcome',
    begin(world) {
      world.mesh.faults.answerPublishes({ kind: 'unanswered', message: 'lost' }, 'until-cleared');
      return cleared(world);
    },
    reached: (world) => expect.poll(() => writes(world), PATIENCE).toBeGreaterThan(2),
  },
  {
    name: 'the mesh gives every outcome back',
    begin(world) {
      world.mesh.faults.answerPublishes({ kind: 'released' }, 'until-cleared');
      return cleared(world);
    },
    reached: (world) => expect.poll(() => writes(world), PATIENCE).toBeGreaterThan(2),
  },
  {
    name: 'an alert is being told to a mesh that confirms nothing',
    settings: { API_DAILY_BUDGET: '1' },
    begin(world) {
      world.mesh.faults.answerPublishes({ kind: 'unanswered', message: 'lost' }, 'until-cleared');
      return cleared(world);
    },
    reached: (_world, service) => expect.poll(() => service.output(), PATIENCE).toContain('Alert: '),
  },
];

/** Sends SIGTERM; answers exit code and seconds. */
async function stopped(
  service: ServiceProcess,
): Promise<{ readonly code: number; readonly seconds: number }> {
  const fromMs = performance.now();
  const code = await service.stop();
  return { code, seconds: (performance.now() - fromMs) / 1000 };
}

/** Another process ends what is left. Embedded, what was not told is applied again, so each life by itself keeps the order. */
async function endedByTheNext(
  world: World,
  env: Record<string, string>,
  published: ReturnType<typeof ownerChanges>,
): Promise<void> {
  const before = world.api.history().length;
  const next = await startService(env);
  open.push(() => next.kill());
  await world.untilEnded(published.length, 40_000);
  const records = world.api.records();
  const history = world.api.history();
  const run = { published, outcomes: world.outcomes(), records };
  expect(check({ ...run, history })).toMatchObject({
    ended: published.length,
    failed: 0,
    lost: 0,
    blindWrites: 0,
  });
  expect(check({ ...run, history: history.slice(0, before) }).outOfOrder).toBe(0);
  expect(check({ ...run, history: history.slice(before) }).outOfOrder).toBe(0);
}

test.each(PHASES)(
  'SIGTERM while $name',
  async ({ name, settings, begin, reached }) => {
    const world = await fastWorld({});
    const changes = ownerChanges(world, LOAD);
    const end = begin?.(world);
    const service = await startService(world.env({ ...SETTINGS, ...settings }));
    open.push(() => service.kill());
    changes.forEach((change) => world.publish(change));
    await reached(world, service);
    const { code, seconds } = await stopped(service);
    console.log(`${name}: exit code ${code} after ${seconds.toFixed(1)} s`);
    expect(code, service.output()).toBe(0);
    expect(seconds).toBeLessThan(LIMIT_S);
    end?.();
    await endedByTheNext(world, world.env(FAST_SETTINGS), changes);
  },
  90_000,
);

describeNeeding(missing, 'With PostgreSQL and Redis', () => {
  /** A service on a database that can be taken away, with locks in a Redis of its own, in the middle of its work. */
  const atWork = async (limitS: number) => {
    const world = await fastWorld({ api: { latency: { baseMs: 50 } } });
    const changes = ownerChanges(world, LOAD);
    const database = await newDatabase();
    open.push(() => database.drop());
    const way: Way = await wayTo(database.credentials.uri);
    open.push(() => way.stop());
    const redis = await startRedis();
    open.push(() => redis.stop());
    const env = (settings: Readonly<Record<string, string>>, credentials = way.credentials) =>
      withService(withPostgres(world.env(settings), credentials), {
        name: 'locks',
        tag: 'redis',
        credentials: redis.credentials,
      });
    const service = await startService(
      env({ ...SETTINGS, ...SHORT_LEASES, SHUTDOWN_TIMEOUT_S: String(limitS) }),
    );
    open.push(() => service.kill());
    changes.forEach((change) => world.publish(change));
    await expect.poll(() => writes(world), PATIENCE).toBeGreaterThan(1);
    return { world, changes, database, way, redis, env, service };
  };

  // 1: the time is over, as the log says, and the next process finds everything in the database.
  it.each([
    {
      name: 'PostgreSQL refuses connections',
      take: async ({ way }: Stage) => way.close(),
      limitS: 30,
      expected: 0,
    },
    {
      name: 'PostgreSQL does not answer',
      take: async ({ way }: Stage) => way.freeze(),
      limitS: LIMIT_S,
      expected: 1,
    },
    { name: 'Redis is gone', take: ({ redis }: Stage) => redis.kill(), limitS: LIMIT_S, expected: 0 },
  ])(
    'SIGTERM while $name',
    async ({ name, take, limitS, expected }) => {
      const stage = await atWork(limitS);
      const { world, changes, database, way, redis, env, service } = stage;
      await take(stage);
      const { code, seconds } = await stopped(service);
      console.log(`${name}: exit code ${code} after ${seconds.toFixed(1)} s`);
      expect(code, service.output()).toBe(expected);
      expect(seconds).toBeLessThan(limitS + 1);
      way.open();
      await redis.restart();
      await endedByTheNext(world, env({ ...FAST_SETTINGS, ...SHORT_LEASES }, database.credentials), changes);
    },
    120_000,
  );
  it('SIGTERM while the start waits for PostgreSQL', async () => {
    const world = await fastWorld({});
    const database = await newDatabase();
    open.push(() => database.drop());
    const way = await wayTo(database.credentials.uri);
    open.push(() => way.stop());
    way.close();
    const child = spawn(process.execPath, [MAIN], {
      env: {
        PATH: process.env['PATH'] ?? '',
        PORT: '0',
        ...withPostgres(world.env(SETTINGS), way.credentials),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    const exited = once(child, 'exit');
    open.push(async () => child.kill('SIGKILL'));
    await expect.poll(() => output, PATIENCE).toContain('PostgreSQL cannot be used');
    const fromMs = performance.now();
    child.kill('SIGTERM');
    expect(await exited, output).toEqual([0, null]);
    expect(performance.now() - fromMs).toBeLessThan(LIMIT_S * 1000);
  });
  type Stage = Awaited<ReturnType<typeof atWork>>;
});
