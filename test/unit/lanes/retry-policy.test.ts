import fc from 'fast-check';
import { expect, test } from 'vitest';
import { retryDelayMs } from '../../../srv/lanes/retry-policy.ts';

const policy = { limit: 5, firstDelayMs: 2000, maxDelayMs: 32_000 };

test('the wait doubles from the first delay to the greatest and stays there', () => {
  const delays = [1, 2, 3, 4, 5, 6, 5000].map((retry) => retryDelayMs(policy, retry, 0));
  expect(delays).toEqual([2000, 4000, 8000, 16_000, 32_000, 32_000, 32_000]);
});

test('chance only ever extends a wait, by at most a quarter', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (retry, fraction) => {
        const floor = retryDelayMs(policy, retry, 0);
        const delay = retryDelayMs(policy, retry, fraction);
        expect(delay).toBeGreaterThanOrEqual(floor);
        expect(delay).toBeLessThanOrEqual(floor * 1.1 + 1);
      },
    ),
  );
});

test('the wait that the API asks for is a floor, never a ceiling', () => {
  expect(retryDelayMs(policy, 1, 0, 10_000)).toBe(10_000);
  expect(retryDelayMs(policy, 1, 0.5, 10_000)).toBeGreaterThan(10_000);
  expect(retryDelayMs(policy, 4, 0, 10_000)).toBe(16_000);
});

test('without delays there is no wait, however often it is tried', () => {
  expect(retryDelayMs({ limit: 5, firstDelayMs: 0, maxDelayMs: 0 }, 2000, 0.5)).toBe(0);
});
