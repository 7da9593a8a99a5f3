import { describe, expect, test } from 'vitest';
import { LeaseKeeper } from '../../../srv/lanes/lease-keeper.ts';
import type { LaneClaim } from '../../../srv/journal/port.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { silent } from '../../doubles/silent-log.ts';

const CLAIMS: readonly LaneClaim[] = [
  { territoryId: 'NORTH', fence: 1 },
  { territoryId: 'SOUTH', fence: 2 },
];

/** A keeper with leases of 60 s and requests of at most 30 s, over a journal that answers as told. */
function keeperOf(renew: (asked: number) => Promise<ReadonlySet<string>>, leaseMs = 60_000) {
  const clock = new ManualClock();
  const asked: number[] = [];
  const start = clock.monotonicMs();
  const keptBy = {
    renew(claims: readonly LaneClaim[], askedMs: number) {
      expect(claims).toBe(CLAIMS);
      expect(askedMs).toBe(leaseMs);
      asked.push(clock.monotonicMs() - start);
      return renew(asked.length);
    },
  };
  const options = { keptBy, what: 'leases' as const, clock, log: silent, leaseMs, requestMs: 30_000 };
  return { clock, asked, keeper: new LeaseKeeper(options, CLAIMS, start) };
}

const held = () => Promise.resolve(new Set(['NORTH', 'SOUTH']));

test('leases are renewed at a third of their time, as long as the flight lasts', async () => {
  const { clock, asked, keeper } = keeperOf(held);
  await clock.elapse(200_000);
  expect(asked).toEqual(Array.from({ length: 10 }, (_, index) => 20_000 * (index + 1)));
  expect(keeper.maySend()).toBe(true);
  keeper.stop();
  expect(clock.pendingTimers).toBe(0);
});

test.each([31_000, 35_000, 40_000, 45_000, 60_000, 300_000])(
  'while leases of %i ms are renewed there is no time at which nothing may be sent',
  async (leaseMs) => {
    const { clock, keeper } = keeperOf(held, leaseMs);
    for (let passedMs = 0; passedMs < 2 * leaseMs; passedMs += 100) {
      expect([passedMs, keeper.maySend()]).toEqual([passedMs, true]);
      await clock.elapse(100);
    }
    keeper.stop();
  },
);

describe('nothing may be sent', () => {
  test('that could outlive the lease while it cannot be renewed', async () => {
    const { clock, keeper } = keeperOf(() => Promise.reject(new Error('the journal is away')));
    await clock.elapse(29_999);
    expect(keeper.maySend()).toBe(true);
    await clock.elapse(1);
    expect(keeper.maySend()).toBe(false);
  });

  test('while a renewal hangs, and the answer counts from when it was asked', async () => {
    let answer: (held: ReadonlySet<string>) => void = () => {};
    const { clock, asked, keeper } = keeperOf(() => new Promise((resolve) => (answer = resolve)));
    await clock.elapse(45_000);
    expect([asked.length, keeper.maySend()]).toEqual([1, false]);
    answer(new Set(['NORTH', 'SOUTH']));
    await clock.elapse(0);
    expect(keeper.maySend()).toBe(true);
    await clock.elapse(5000);
    expect(keeper.maySend()).toBe(false);
  });

  test('once any of the lanes was lost, and nothing is renewed any more', async () => {
    const { clock, asked, keeper } = keeperOf(() => Promise.resolve(new Set(['NORTH'])));
    await clock.elapse(100_000);
    expect(keeper.maySend()).toBe(false);
    expect([asked.length, clock.pendingTimers]).toEqual([1, 0]);
  });

  test('after the end, nor does a late answer start anything again', async () => {
    let answer: (held: ReadonlySet<string>) => void = () => {};
    const { clock, keeper } = keeperOf(() => new Promise((resolve) => (answer = resolve)));
    await clock.elapse(20_000);
    keeper.stop();
    answer(new Set(['NORTH', 'SOUTH']));
    await clock.elapse(0);
    expect([keeper.maySend(), clock.pendingTimers]).toEqual([false, 0]);
  });
});

test('a renewal that failed is tried again, and saves the lease if it comes in time', async () => {
  const { clock, asked, keeper } = keeperOf((count) =>
    count === 1 ? Promise.reject(new Error('away')) : held(),
  );
  await clock.elapse(40_000);
  expect([asked.length, keeper.maySend()]).toEqual([2, true]);
  keeper.stop();
});
