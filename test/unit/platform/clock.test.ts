/** The system's timers keep to their delays, also where `setTimeout` would not. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../srv/platform/clock.ts';

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test.each([0, 1, LONGEST_TIMEOUT_MS, LONGEST_TIMEOUT_MS + 1, 3 * LONGEST_TIMEOUT_MS + 7])(
  'a timer of %i ms runs after that time, once, and not before',
  (delayMs) => {
    let runs = 0;
    systemClock.after(delayMs, () => (runs += 1));
    vi.advanceTimersByTime(Math.max(0, delayMs - 1));
    expect(runs).toBe(delayMs === 0 ? 1 : 0);
    vi.advanceTimersByTime(1);
    expect(runs).toBe(1);
    vi.advanceTimersByTime(2 * LONGEST_TIMEOUT_MS);
    expect(runs).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  },
);

test('one that never falls due does not run, and can be cancelled at any time', () => {
  let runs = 0;
  const timer = systemClock.after(Infinity, () => (runs += 1));
  vi.advanceTimersByTime(5 * LONGEST_TIMEOUT_MS);
  expect([runs, vi.getTimerCount()]).toEqual([0, 1]);
  timer.cancel();
  expect(vi.getTimerCount()).toBe(0);
});

test('a delay that is no number is a defect, not a delay of nothing', () => {
  expect(() => systemClock.after(NaN, () => undefined)).toThrow(RangeError);
});
