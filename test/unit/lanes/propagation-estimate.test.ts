import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PropagationEstimate, type EarlyWrite } from '../../../srv/lanes/propagation-estimate.ts';

const RULES = { minMs: 2000, maxMs: 5000 };
const TICK_MS = 250;

function after(writes: readonly EarlyWrite[]): PropagationEstimate {
  const estimate = new PropagationEstimate(RULES);
  for (const write of writes) estimate.observe(write);
  return estimate;
}

function accepted(times: number, ageMs = 4900): EarlyWrite[] {
  return Array.from({ length: times }, () => ({ ageMs, answer: 'accepted' }));
}

describe('The rest after a write', () => {
  it('is the longest one while nothing else is known, and ends on a tick that all share', () => {
    const estimate = after([]);
    expect(estimate.restFrom(100_000)).toBe(5000);
    expect(estimate.restFrom(100_001)).toBe(5249);
    expect(estimate.restFrom(100_249)).toBe(5001);
  });

  it('is a tick shorter after one flight in ten, so that a shorter one is tried', () => {
    const estimate = after([]);
    const rests = Array.from({ length: 20 }, () => estimate.restFrom(100_000));
    expect(rests.map((restMs) => restMs < 5000)).toEqual(rests.map((_, index) => index % 10 === 9));
  });

  it('becomes shorter for good once thirty early writes in a row were accepted', () => {
    expect(after(accepted(29)).restMs).toBe(5000);
    expect(after(accepted(30)).restMs).toBe(5000 - TICK_MS);
    expect(after([...accepted(29), { ageMs: 4900, answer: 'refused' }, ...accepted(29)]).restMs).toBe(5000);
  });

  it('grows by half the range when a write that was not early is refused, and not for an early one', () => {
    const short = [...accepted(30 * 12, 0)];
    expect(after(short).restMs).toBe(2000);
    expect(after([...short, { ageMs: 2100, answer: 'refused' }]).restMs).toBe(3500);
    expect(after([...short, { ageMs: 1900, answer: 'refused' }]).restMs).toBe(2000);
  });

  it('stays between the shortest and the longest time, whatever comes', () => {
    const write = fc.record<EarlyWrite>({
      ageMs: fc.nat({ max: 6000 }),
      answer: fc.constantFrom('accepted', 'accepted', 'refused'),
    });
    fc.assert(
      fc.property(
        fc.array(write, { maxLength: 500, size: 'max' }),
        fc.nat({ max: 1_000_000 }),
        (writes, nowMs) => {
          const estimate = after(writes);
          const restMs = estimate.restFrom(nowMs);
          expect(estimate.restMs).toBeGreaterThanOrEqual(2000);
          expect(estimate.restMs).toBeLessThanOrEqual(5000);
          expect(restMs).toBeGreaterThanOrEqual(2000);
          expect(restMs).toBeLessThan(5000 + TICK_MS);
        },
      ),
    );
  });

  it('is none where the API has no late caches', () => {
    expect(new PropagationEstimate({ minMs: 0, maxMs: 0 }).restFrom(100_001)).toBe(0);
  });
});
