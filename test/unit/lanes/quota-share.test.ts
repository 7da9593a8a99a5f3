import { expect, test } from 'vitest';
import { JournalUnavailable, type QuotaFigures, type SharedQuota } from '../../../srv/journal/port.ts';
import { ApiBudget } from '../../../srv/lanes/api-budget.ts';
import { Breaker } from '../../../srv/lanes/breaker.ts';
import { QuotaShare } from '../../../srv/lanes/quota-share.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { silent } from '../../doubles/silent-log.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** What instances share, in memory. */
class Store implements SharedQuota {
  private readonly clock: ManualClock;
  private readonly listeners = new Set<() => void>();
  requests = 0;
  reports = 0;
  untilMs = 0;
  down = false;

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  async report(requests: number): Promise<QuotaFigures> {
    this.reports += 1;
    if (this.down) throw new JournalUnavailable('away');
    this.requests += requests;
    return {
      spent: this.requests > 0 ? [{ requests: this.requests, freesInMs: DAY_MS }] : [],
      pausedForMs: Math.max(0, this.untilMs - this.clock.monotonicMs()),
    };
  }

  async pause(forMs: number): Promise<void> {
    if (this.down) throw new JournalUnavailable('away');
    this.untilMs = this.clock.monotonicMs() + forMs;
    this.ring();
  }

  async lift(): Promise<void> {
    if (this.down) throw new JournalUnavailable('away');
    this.untilMs = 0;
    this.ring();
  }

  /** As it does now and then, and when a pause was set or lifted. */
  ring(): void {
    for (const listener of this.listeners) listener();
  }

  onPaused(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

/** Two instances that share a budget of 100 requests; the API answers each probe. */
function twoOf() {
  const clock = new ManualClock();
  const store = new Store(clock);
  const instance = () => {
    const budget = new ApiBudget({ limit: 100, clock, log: silent });
    const breaker: Breaker = new Breaker({
      api: { probe: async () => undefined },
      clock,
      log: silent,
      probeIntervalMs: 5000,
      writesAgainWithinMs: 100_000,
      onClosed: () => undefined,
      onQuota: (waitMs) => share.paused(waitMs),
    });
    let known = 0;
    const share = new QuotaShare({
      budget,
      breaker,
      shared: store,
      clock,
      log: silent,
      onKnown: () => (known += 1),
    });
    const spend = (requests: number) => Array.from({ length: requests }).forEach(() => budget.spend());
    return { budget, breaker, share, spend, timesKnown: () => known };
  };
  return { clock, store, one: instance(), two: instance() };
}

test('nothing is known before the first answer, which is waited for', async () => {
  const { clock, store, one } = twoOf();
  store.requests = 100;
  store.down = true;
  one.share.start();
  await clock.elapse(2000);
  expect([one.share.isKnown, one.timesKnown()]).toEqual([false, 0]);
  store.down = false;
  await clock.elapse(500);
  expect([one.share.isKnown, one.timesKnown(), one.budget.exhausted]).toEqual([true, 1, true]);
  await one.share.stop();
});

test('each instance knows within seconds what the other has sent, and within half a second once little is left', async () => {
  const { clock, store, one, two } = twoOf();
  one.share.start();
  two.share.start();
  await clock.elapse(0);
  one.spend(40);
  two.spend(50);
  await clock.elapse(5000);
  store.ring();
  await clock.elapse(0);
  expect([one.budget.used, two.budget.used]).toEqual([90, 90]);
  one.spend(10);
  await clock.elapse(500);
  two.spend(1);
  await clock.elapse(500);
  expect([one.budget.exhausted, two.budget.exhausted]).toEqual([true, true]);
  await one.share.stop();
  await two.share.stop();
});

test('what an outage kept from being reported is reported once, and at the latest at the stop', async () => {
  const { clock, store, one } = twoOf();
  one.share.start();
  await clock.elapse(0);
  store.down = true;
  one.spend(7);
  await clock.elapse(20_000);
  expect([store.requests, one.budget.used]).toEqual([0, 7]);
  store.down = false;
  await clock.elapse(5000);
  expect(store.requests).toBe(7);
  one.spend(2);
  await one.share.stop();
  expect([store.requests, clock.pendingTimers]).toEqual([9, 0]);
});

test('an instance that sends nothing asks for nothing by itself', async () => {
  const { clock, store, one } = twoOf();
  one.share.start();
  await clock.elapse(HOUR_MS);
  expect(store.reports).toBe(1);
  await one.share.stop();
});

test('a wait of hours that the API tells one instance pauses the others, and one that starts later', async () => {
  const { clock, one, two } = twoOf();
  one.share.start();
  await clock.elapse(0);
  one.breaker.trip({ reason: 'throttled', message: 'quota', retryAfterMs: 2 * HOUR_MS });
  await clock.elapse(HOUR_MS);
  two.share.start();
  await clock.elapse(0);
  expect(two.breaker.state).toBe('quota');
  await clock.elapse(HOUR_MS);
  expect([one.breaker.state, two.breaker.state]).toEqual(['closed', 'closed']);
  await one.share.stop();
  await two.share.stop();
});

test('a pause that the journal could not take yet is told when it answers again', async () => {
  const { clock, store, one } = twoOf();
  one.share.start();
  await clock.elapse(0);
  store.down = true;
  one.breaker.trip({ reason: 'throttled', message: 'quota', retryAfterMs: HOUR_MS });
  await clock.elapse(60_000);
  expect(one.breaker.state).toBe('quota');
  store.down = false;
  await clock.elapse(500);
  expect(store.untilMs - clock.monotonicMs()).toBeGreaterThan(HOUR_MS - 61_000);
  await one.share.stop();
  one.breaker.stop();
});

test('a pause that somebody lifts is over for all, and stays where the journal does not answer', async () => {
  const { clock, store, one, two } = twoOf();
  one.share.start();
  two.share.start();
  await clock.elapse(0);
  one.breaker.trip({ reason: 'throttled', message: 'quota', retryAfterMs: HOUR_MS });
  await clock.elapse(10);
  expect(two.breaker.state).toBe('quota');
  store.down = true;
  await expect(two.share.lift()).rejects.toThrow(JournalUnavailable);
  expect(two.breaker.state).toBe('quota');
  store.down = false;
  await two.share.lift();
  await clock.elapse(10);
  expect([one.breaker.state, two.breaker.state]).toEqual(['closed', 'closed']);
  await one.share.stop();
  await two.share.stop();
});
