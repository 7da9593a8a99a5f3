import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { SlidingCounts } from '../../../srv/monitor/sliding-counts.ts';

const LENGTH_MS = 1000;
const SLOTS = 10;
const SLOT_MS = LENGTH_MS / SLOTS;

const makeCounts = (onSlotLeft?: (sums: Readonly<Record<'a' | 'b', number>>) => void) =>
  new SlidingCounts({ names: ['a', 'b'], lengthMs: LENGTH_MS, slots: SLOTS, onSlotLeft });

describe('counts over a sliding window', () => {
  it('hold what was added within it, to one slot', () => {
    const step = fc.record({ waitMs: fc.nat({ max: 700 }), a: fc.nat({ max: 9 }), b: fc.nat({ max: 9 }) });
    fc.assert(
      fc.property(fc.nat({ max: 1e9 }), fc.array(step, { maxLength: 40 }), (startMs, steps) => {
        const counts = makeCounts();
        let nowMs = startMs;
        const added: { slot: number; a: number; b: number }[] = [];
        for (const { waitMs, a, b } of steps) {
          nowMs += waitMs;
          counts.add(nowMs, 'a', a);
          counts.add(nowMs, 'b', b);
          added.push({ slot: Math.floor(nowMs / SLOT_MS), a, b });
          const present = Math.floor(nowMs / SLOT_MS);
          const kept = added.filter(({ slot }) => slot > present - SLOTS);
          const sum = (name: 'a' | 'b') => kept.reduce((total, one) => total + one[name], 0);
          expect(counts.totals(nowMs)).toEqual({ a: sum('a'), b: sum('b') });
        }
      }),
    );
  });

  it('are told to whoever watches each time a slot leaves, the last time when all have', () => {
    const seen: number[] = [];
    const counts = makeCounts(({ a }) => seen.push(a));
    counts.add(0, 'a', 1);
    counts.add(SLOT_MS, 'a', 2);
    expect(counts.totals(LENGTH_MS - 1)).toEqual({ a: 3, b: 0 });
    seen.length = 0;
    counts.totals(LENGTH_MS * 1000);
    expect(seen).toHaveLength(SLOTS);
    expect(seen.slice(0, 2)).toEqual([2, 0]);
  });
});
