import { expect, test } from 'vitest';
import { check } from '../system/checker.ts';
import { findingsOf } from '../system/findings.ts';
import { fastWorld, ownerChanges, startFastService } from './fast-world.ts';

const API = { caches: { minLagMs: 40, maxLagMs: 100 }, latency: { baseMs: 25 } };

/** Many records in small flights, so that the end comes while most of the work is still to be done. */
const LOAD = { territories: 20, assignments: 20, count: 800 };
const SMALL_FLIGHTS = { BATCH_SIZE: '20', TERRITORY_CONCURRENCY: '2' };

test('killed in the middle and started again, the service loses nothing and ends in the right state, in order', async () => {
  const world = await fastWorld({ api: API });
  const changes = ownerChanges(world, LOAD);
  const first = await startFastService(world, SMALL_FLIGHTS);
  changes.forEach((change) => world.publish(change));
  await world.mesh.until((mesh) => mesh.depth(world.queues.outcomes).ready >= 60, 15_000);
  await first.kill();
  const atCrash = world.api.history().length;
  const { ready, unsettled } = world.mesh.depth(world.queues.work);
  expect(ready + unsettled).toBeGreaterThan(0);

  await startFastService(world);
  await world.untilEnded(changes.length, 20_000);
  const records = world.api.records();
  const history = world.api.history();
  const run = { published: changes, outcomes: world.outcomes(), records };
  expect(check({ ...run, history })).toMatchObject({ ended: LOAD.count, failed: 0, lost: 0, blindWrites: 0 });
  // An intermediate value may be written again after a crash; each life by itself keeps the order.
  expect(check({ ...run, history: history.slice(0, atCrash) }).outOfOrder).toBe(0);
  expect(check({ ...run, history: history.slice(atCrash) }).outOfOrder).toBe(0);
});

test('SIGTERM under load ends within ten seconds; the next start goes on, with nothing lost or repeated', async () => {
  const world = await fastWorld({ api: API });
  const changes = ownerChanges(world, LOAD);
  const first = await startFastService(world, SMALL_FLIGHTS);
  changes.forEach((change) => world.publish(change));
  await world.mesh.until((mesh) => mesh.depth(world.queues.outcomes).ready >= 60, 15_000);
  const stoppedAt = performance.now();
  expect(await first.stop(), first.output()).toBe(0);
  expect(performance.now() - stoppedAt).toBeLessThan(10_000);
  expect(world.mesh.depth(world.queues.deadLetters)).toEqual({ ready: 0, unsettled: 0 });

  await startFastService(world);
  await world.untilEnded(changes.length, 20_000);
  const found = findingsOf(world, changes);
  expect(found).toMatchObject({ ended: LOAD.count, failed: 0, lost: 0, outOfOrder: 0 });
  const written = world.api.history().map(({ fields }) => fields['owner']);
  expect(new Set(written).size).toBe(written.length);
  const told = world.outcomes().map(({ data }) => data.change.id);
  expect(new Set(told).size).toBe(told.length);
});

test('where others stand by, nothing is asked of the API until the one before has had the time to stop', async () => {
  const world = await fastWorld({ api: API });
  const waitMs = 1_500;
  const changes = ownerChanges(world, { territories: 2, assignments: 2, count: 8 });
  await startFastService(world, { TAKEOVER_WAIT_MS: String(waitMs) });
  const publishedAt = Date.now();
  changes.forEach((change) => world.publish(change));
  await world.untilEnded(changes.length, 20_000);
  const writes = world.api.requests().filter(({ method }) => method === 'PATCH');
  expect(writes.length).toBeGreaterThan(0);
  expect(Math.min(...writes.map(({ at }) => at)) - publishedAt).toBeGreaterThanOrEqual(waitMs);
});

test('a wrong setting stops the start with exit code 2 and one line that names it', async () => {
  const world = await fastWorld();
  await expect(startFastService(world, { BATCH_SIZE: 'many' })).rejects.toThrow(/BATCH_SIZE.*many/);
});

test('health tells whether the mesh is there', async () => {
  const world = await fastWorld();
  const service = await startFastService(world);
  const ready = await fetch(`${service.url}/health/ready`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toMatchObject({ status: 'UP', mode: 'embedded', receiver: 'active' });
  expect(await (await fetch(`${service.url}/health/live`)).json()).toEqual({ status: 'UP' });
});
