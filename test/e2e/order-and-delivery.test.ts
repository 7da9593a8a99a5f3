import { expect, test } from 'vitest';
import { isFlawless } from '../system/checker.ts';
import { findingsOf, flawless } from '../system/findings.ts';
import { setField } from '../system/published-change.ts';
import { fastWorld, ownerChanges, startFastService } from './fast-world.ts';

test('every change of many territories ends once, in order, with its ETag', async () => {
  const world = await fastWorld();
  const changes = ownerChanges(world, { territories: 20, assignments: 4, count: 400 });
  await startFastService(world);
  changes.forEach((change) => world.publish(change));
  await world.untilEnded(changes.length, 15_000);
  const found = findingsOf(world, changes);
  expect(found).toEqual(flawless(400));
  expect(isFlawless(found)).toBe(true);
});

test('a change that the mesh delivers twice, or its publisher sends twice, has one effect and one outcome', async () => {
  const world = await fastWorld();
  const [change] = ownerChanges(world, { territories: 1, assignments: 1, count: 1 });
  if (!change) throw new Error('no change');
  await startFastService(world);
  world.publish(change);
  world.publish(change);
  await world.untilEnded(1, 10_000);
  await world.mesh.until((mesh) => mesh.depth(world.queues.work).unsettled === 0, 5_000);
  world.publish(change);
  world.mesh.faults.dropConnections();
  await world.untilReceiving();
  const last = setField('after', change.territoryId, 'A-0', 'owner', 'last');
  world.publish(last);
  await world.untilEnded(2, 10_000);
  await world.mesh.until(
    (mesh) => mesh.depth(world.queues.work).unsettled + mesh.depth(world.queues.work).ready === 0,
    5_000,
  );
  expect(world.outcomes().map(({ data }) => data.change.id)).toEqual([change.id, 'after']);
  expect(world.api.history().map(({ fields }) => fields['owner'])).toEqual(['E0', 'last']);
});

test('other writers cost retries, never order and never their own fields', async () => {
  const world = await fastWorld();
  const changes = ownerChanges(world, { territories: 6, assignments: 5, count: 300 });
  await startFastService(world);
  const writers = world.api.startForeignWriters({ everyMs: 15, fields: ['note'] });
  for (const change of changes) world.publish(change);
  await world.untilEnded(changes.length, 20_000);
  writers.stop();
  const found = findingsOf(world, changes);
  expect(found).toMatchObject({ ended: 300, failed: 0, lost: 0, outOfOrder: 0, overwrittenForeign: 0 });
  expect(writers.writes).toBeGreaterThan(5);
  const { conflicts409, conflicts412 } = world.api.stats();
  expect(conflicts409 + conflicts412).toBeGreaterThan(0);
});

test('connections that drop while flights are under way lose nothing and keep the order', async () => {
  const world = await fastWorld({
    api: { caches: { minLagMs: 40, maxLagMs: 100 }, latency: { baseMs: 20 } },
  });
  const changes = ownerChanges(world, { territories: 10, assignments: 3, count: 300 });
  await startFastService(world);
  for (let dropped = 0; dropped < 3; dropped += 1) {
    const seen = world.mesh.counters.acceptances;
    for (const change of changes.slice(dropped * 100, dropped * 100 + 100)) world.publish(change);
    await world.mesh.until((mesh) => mesh.counters.acceptances > seen + 10, 10_000);
    world.mesh.faults.dropConnections();
  }
  await world.untilEnded(changes.length, 20_000);
  expect(findingsOf(world, changes)).toMatchObject({
    ended: 300,
    failed: 0,
    contradictions: 0,
    lost: 0,
    outOfOrder: 0,
  });
  expect(world.mesh.counters.redeliveries).toBeGreaterThan(0);
});
