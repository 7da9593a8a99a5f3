/** SIGTERM meets a claim that is under way: its lanes fly, and the stop waits for them. */
import { expect, test } from 'vitest';
import type { ClaimedLane, Journal } from '../../../srv/journal/port.ts';
import { Dispatcher } from '../../../srv/lanes/dispatcher.ts';
import { NOTHING_SENT } from '../../../srv/lanes/flight.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { lane, silent } from './samples.ts';

/** A dispatcher whose claims and flights end when the test says so. */
function dispatcherAtWork() {
  const clock = new ManualClock();
  const claims: ((lanes: readonly ClaimedLane[]) => void)[] = [];
  const landings: (() => void)[] = [];
  const journal = {
    claim: () => new Promise<readonly ClaimedLane[]>((resolve) => claims.push(resolve)),
    nextDueMs: () => Promise.resolve(undefined),
    renew: () => Promise.resolve(new Set<string>()),
    onWork: () => () => undefined,
  } as unknown as Journal;
  const dispatcher = new Dispatcher({
    journal,
    clock,
    log: silent,
    breaker: { state: 'closed', trip: () => undefined },
    fly: () =>
      new Promise((resolve) => {
        landings.push(() => resolve(NOTHING_SENT));
      }),
    isSlow: () => false,
    concurrency: 4,
    batchSize: () => 50,
    leaseMs: 60_000,
    requestMs: 30_000,
    gate: () => true,
  });
  return { clock, dispatcher, claims, landings };
}

test('a flight that a claim under way still brings is waited for', async () => {
  const { clock, dispatcher, claims, landings } = dispatcherAtWork();
  dispatcher.start();
  await clock.elapse(10);
  let stopped = false;
  const stopping = dispatcher.stop(10_000).then(() => (stopped = true));
  claims[0]?.([lane([])]);
  await clock.elapse(1);
  expect(landings).toHaveLength(1);
  expect(stopped).toBe(false);
  landings[0]?.();
  await stopping;
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
