/** SIGTERM meets lanes that were claimed and do not fly yet: they are given back, and the stop waits for that. */
import { expect, test } from 'vitest';
import type { ClaimedLane, Journal, LaneCompletion } from '../../../srv/journal/port.ts';
import { Dispatcher } from '../../../srv/lanes/dispatcher.ts';
import { NOTHING_SENT } from '../../../srv/lanes/flight.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { silent } from '../../doubles/silent-log.ts';
import { lane } from './samples.ts';

/** A dispatcher whose claims and flights end when the test says so. @param slow territory whose lane flies after the others */
function dispatcherAtWork(slow?: string) {
  const clock = new ManualClock();
  const claims: ((lanes: readonly ClaimedLane[]) => void)[] = [];
  const landings: (() => void)[] = [];
  const givenBack: LaneCompletion[] = [];
  const journal = {
    claim: () => new Promise<readonly ClaimedLane[]>((resolve) => claims.push(resolve)),
    nextDueMs: () => Promise.resolve(undefined),
    complete: async (lanes: readonly LaneCompletion[]) => {
      givenBack.push(...lanes);
      return new Set(lanes.map(({ territoryId }) => territoryId));
    },
    renew: () => Promise.resolve(new Set<string>()),
    onWork: () => () => undefined,
  } as unknown as Journal;
  const dispatcher = new Dispatcher({
    journal,
    clock,
    log: silent,
    breaker: { state: 'closed', trip: () => undefined, wrote: () => undefined },
    fly: () =>
      new Promise((resolve) => {
        landings.push(() => resolve(NOTHING_SENT));
      }),
    isSlow: ({ territoryId }) => territoryId === slow,
    concurrency: 4,
    batchSize: () => 50,
    leaseMs: 60_000,
    requestMs: 30_000,
    gate: () => true,
  });
  return { clock, dispatcher, claims, landings, givenBack };
}

test('lanes that a claim under way still brings are given back as they were, and do not fly', async () => {
  const { clock, dispatcher, claims, landings, givenBack } = dispatcherAtWork();
  dispatcher.start();
  await clock.elapse(10);
  let stopped = false;
  const stopping = dispatcher.stop(10_000).then(() => (stopped = true));
  await clock.elapse(1);
  expect(stopped).toBe(false);
  const late = lane([]);
  claims[0]?.([late]);
  await stopping;
  expect(landings).toHaveLength(0);
  const { territoryId, fence, memory } = late;
  expect(givenBack).toEqual([{ territoryId, fence, memory, progress: [], ended: [] }]);
  expect(clock.pendingTimers).toBe(0);
});

test('a lane that waits for the others of its flight is given back at once, while they still fly', async () => {
  const { clock, dispatcher, claims, landings, givenBack } = dispatcherAtWork('SLOW');
  dispatcher.start();
  await clock.elapse(10);
  claims[0]?.([lane([]), { ...lane([]), territoryId: 'SLOW' }]);
  await clock.elapse(1);
  claims[1]?.([]);
  expect(landings).toHaveLength(1);
  dispatcher.startNoMore();
  await clock.elapse(0);
  expect(givenBack.map(({ territoryId }) => territoryId)).toEqual(['SLOW']);
  const stopping = dispatcher.stop(10_000);
  landings[0]?.();
  await stopping;
  expect(landings).toHaveLength(1);
  expect(givenBack).toHaveLength(1);
  expect(clock.pendingTimers).toBe(0);
});

test('lanes that fly after the others begin as soon as these have landed', async () => {
  const { clock, dispatcher, claims, landings } = dispatcherAtWork('SLOW');
  dispatcher.start();
  await clock.elapse(10);
  claims[0]?.([lane([]), { ...lane([]), territoryId: 'SLOW' }]);
  await clock.elapse(1);
  claims[1]?.([]);
  landings[0]?.();
  await clock.elapse(0);
  expect(landings).toHaveLength(2);
  const stopping = dispatcher.stop(10_000);
  landings[1]?.();
  await stopping;
  expect(clock.pendingTimers).toBe(0);
});

test('no lane is claimed any more once it was said so', async () => {
  const { clock, dispatcher, claims } = dispatcherAtWork();
  dispatcher.start();
  dispatcher.startNoMore();
  dispatcher.wake();
  await clock.elapse(5000);
  expect(claims).toHaveLength(0);
  expect(clock.pendingTimers).toBe(0);
});
