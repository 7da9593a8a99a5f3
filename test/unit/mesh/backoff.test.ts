import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs } from '../../../srv/mesh/backoff.ts';

const limits = { firstMs: 1_000, maxMs: 30_000 };

describe('the wait before the next attempt', () => {
  test('doubles up to the ceiling', () => {
    const least = [0, 1, 2, 3, 4, 5, 6, 100].map((failures) => backoffMs(failures, limits, 0));
    expect(least).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
  });

  test('lies between half of its ceiling and the ceiling, whatever chance says', () => {
    fc.assert(
      fc.property(
        fc.nat(2_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (failures, chance) => {
          const ceiling = Math.min(30_000, 1_000 * 2 ** failures);
          const waitMs = backoffMs(failures, limits, chance);
          expect(waitMs).toBeGreaterThanOrEqual(ceiling / 2);
          expect(waitMs).toBeLessThanOrEqual(ceiling);
        },
      ),
    );
  });

  test('is no shorter than a peer asked for, is spread above it, and stays below the maximum', () => {
    expect(backoffMs(0, limits, 0, 15_000)).toBe(15_000);
    expect(backoffMs(0, limits, 0.5, 15_000)).toBe(18_750);
    expect(backoffMs(0, limits, 0.9, 60_000)).toBe(30_000);
  });
});
