/**
 * Two instances on one exclusive queue: the mesh makes one of them the receiver, and the other when the first is gone. Embedded journal,
 * so what the first had not finished comes again.
 */
import { expect, test } from 'vitest';
import type { CommittedWrite } from '../sandbox/territory-api/index.ts';
import { check } from '../system/checker.ts';
import type { World } from '../system/world.ts';
import { fastWorld, ownerChanges, startFastService } from './fast-world.ts';

const API = { caches: { minLagMs: 40, maxLagMs: 100 }, latency: { baseMs: 25 } };
const CHANGES = 400;
/** So small that deliveries go on all the time. */
const SETTINGS = { INTAKE_WINDOW: '40' };

/** Sees every delivery of the work queue, and who receives at that moment. */
function watchHandover(world: World): { gapMs(): number; end(): Promise<void> } {
  let seen = world.mesh.counters.deliveries;
  let lastOfFirst = performance.now();
  let firstOfSecond: number | undefined;
  let over = false;
  const watching = world.mesh.until((mesh) => {
    const { deliveries } = mesh.counters;
    if (deliveries > seen) {
      seen = deliveries;
      if (mesh.consumers(world.queues.work).standby > 0) lastOfFirst = performance.now();
      else firstOfSecond ??= performance.now();
    }
    return over;
  }, 60_000);
  // Where the test fails before its end, the mesh stops under it.
  watching.catch(() => undefined);
  return {
    gapMs: () => (firstOfSecond ?? Number.NaN) - lastOfFirst,
    async end() {
      over = true;
      // Any change of the broker makes it look once more.
      world.mesh.createQueue('looked-at');
      await watching;
    },
  };
}

/** Writes whose requests reached the API before `atMs` (epoch), and the later ones. */
function splitAt(
  world: World,
  atMs: number,
): readonly [readonly CommittedWrite[], readonly CommittedWrite[]] {
  const arrivals = new Map(world.api.requests().map(({ requestId, at }) => [requestId, at]));
  const isEarly = ({ requestId }: CommittedWrite): boolean => (arrivals.get(requestId ?? '') ?? 0) <= atMs;
  const history = world.api.history();
  return [history.filter(isEarly), history.filter((write) => !isEarly(write))];
}

test.each([
  ['killed', 'kill'],
  ['told to stop', 'stop'],
] as const)('when the receiver is %s the other goes on: nothing lost, order kept', async (_name, end) => {
  const world = await fastWorld({ api: API });
  const changes = ownerChanges(world, { territories: 10, assignments: 4, count: CHANGES });
  const first = await startFastService(world, SETTINGS);
  await startFastService(world, SETTINGS);
  const { work } = world.queues;
  await world.mesh.until((mesh) => mesh.consumers(work).standby === 1, 10_000);
  changes.forEach((change) => world.publish(change));
  await world.mesh.until((mesh) => mesh.depth(world.queues.outcomes).ready >= 60, 15_000);

  const handover = watchHandover(world);
  const toldAt = performance.now();
  await first[end]();
  const goneAtMs = Date.now();
  const took = performance.now() - toldAt;
  await world.untilEnded(CHANGES, 25_000);
  await handover.end();

  console.log(
    `Handover, receiver ${_name}: ${handover.gapMs().toFixed(0)} ms between its last delivery and the other's first; ` +
      `its process was gone after ${took.toFixed(0)} ms`,
  );
  expect(world.mesh.consumers(work)).toEqual({ active: 1, standby: 0 });
  expect(handover.gapMs()).toBeLessThan(10_000);
  const outcomes = world.outcomes();
  const records = world.api.records();
  const history = world.api.history();
  expect(check({ published: changes, outcomes, records, history })).toMatchObject({
    ended: CHANGES,
    failed: 0,
    lost: 0,
    blindWrites: 0,
  });
  expect(world.mesh.depth(world.queues.deadLetters)).toEqual({ ready: 0, unsettled: 0 });
  // Killed, it may leave writes whose changes come again: an intermediate value is then written twice. Each life keeps the order.
  const lives = end === 'kill' ? splitAt(world, goneAtMs) : [history];
  for (const life of lives) {
    expect(life.length).toBeGreaterThan(20);
    expect(check({ published: changes, outcomes, records, history: life }).outOfOrder).toBe(0);
  }
  if (end === 'kill') return;
  const written = history.map(({ fields }) => fields['owner']);
  expect(new Set(written).size, 'no value is written twice').toBe(written.length);
});
