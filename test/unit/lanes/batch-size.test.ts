/** The size of flights: the pure rule, and what it is told by the writes that pass. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initialBatch, nextBatch, type BatchState, type BatchWrite } from '../../../srv/lanes/batch-size.ts';
import { BatchSteering } from '../../../srv/lanes/batch-steering.ts';
import type { RecordAnswer, WriteAnswer } from '../../../srv/territory-api/port.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { PROMPT, TerritoryApiDouble } from '../../doubles/territory-api.ts';
import { request } from './samples.ts';

const RULES = { start: 50, max: 200, conflictRate: 0.05, windowMs: 300_000 };

function answered(records: number, conflicts = 0): BatchWrite {
  return { records, conflicts, request: 'answered' };
}

/** The size after these writes, a second apart. */
function sizeAfter(writes: readonly BatchWrite[], rules = RULES): number {
  return writes.reduce<BatchState>(
    (state, write, index) => nextBatch(state, write, rules, 1000 * index),
    initialBatch(rules, 0),
  ).size;
}

const times = (count: number, write: BatchWrite) => Array.from({ length: count }, () => write);

describe('The size of a flight', () => {
  it('starts as set, and grows step by step up to the most that is allowed', () => {
    expect(sizeAfter([])).toBe(50);
    expect(sizeAfter([answered(50)])).toBe(55);
    expect(sizeAfter([answered(50), answered(55)])).toBe(60);
    expect(sizeAfter(times(100, answered(200)))).toBe(200);
  });

  it('does not grow while no request comes near it', () => {
    expect(sizeAfter(times(100, answered(10)))).toBe(50);
  });

  it('shrinks by a share when too many writes are refused, and stays between the limits', () => {
    expect(sizeAfter([answered(50, 3)])).toBe(35);
    expect(sizeAfter([answered(50, 2)])).toBe(50);
  });

  it('decides on no fewer than fifty writes', () => {
    expect(sizeAfter(times(4, answered(10, 10)))).toBe(50);
    expect(sizeAfter(times(5, answered(10, 10)))).toBe(35);
  });

  it('looks at what was written since the last decision, so that one bad stretch counts once', () => {
    expect(sizeAfter([answered(50, 50), answered(25), answered(25)])).toBe(40);
  });

  it('forgets writes that are older than the window', () => {
    const state = nextBatch(initialBatch(RULES, 0), answered(40, 40), RULES, 0);
    expect(nextBatch(state, answered(40), RULES, RULES.windowMs + 1)).toMatchObject({
      size: 50,
      conflicts: 0,
    });
  });

  it('halves at once when a request was too large or had no answer in time', () => {
    expect(sizeAfter([{ records: 50, conflicts: 0, request: 'oversized' }])).toBe(25);
  });

  it('is halved once by requests of one size that fail together, and not by small ones', () => {
    expect(sizeAfter(times(4, { records: 50, conflicts: 0, request: 'oversized' }))).toBe(25);
    expect(sizeAfter([answered(50), { records: 1, conflicts: 0, request: 'oversized' }])).toBe(5);
  });

  it('is never below the floor, nor above the most, whatever comes', () => {
    const write = fc.record<BatchWrite>({
      records: fc.integer({ min: 1, max: 1000 }),
      conflicts: fc.nat({ max: 1000 }),
      request: fc.constantFrom('answered', 'oversized'),
    });
    const rules = fc
      .tuple(fc.integer({ min: 1, max: 300 }), fc.nat({ max: 300 }))
      .map(([start, more]) => ({ ...RULES, start, max: start + more }));
    fc.assert(
      fc.property(rules, fc.array(write), (given, writes) => {
        const size = sizeAfter(writes, given);
        return size >= Math.min(5, given.start) && size <= given.max;
      }),
    );
  });
});

class AnsweringApi extends TerritoryApiDouble {
  answer: WriteAnswer = { kind: 'answered', records: [] };

  override async write(): Promise<WriteAnswer> {
    return this.answer;
  }
}

describe('What passes on its way to the API', () => {
  const write = async (answer: WriteAnswer, signal = new AbortController().signal) => {
    const clock = new ManualClock();
    const api = new AnsweringApi(clock, PROMPT);
    api.answer = answer;
    const steering = new BatchSteering(RULES, clock);
    const requests = Array.from({ length: 50 }, (_, index) => request({ id: `T${index}` }));
    expect(await steering.watch(api).write(requests, signal)).toBe(answer);
    return steering.size;
  };
  const trouble = (reason: 'timeout' | 'unavailable'): WriteAnswer => ({
    kind: 'trouble',
    sent: true,
    trouble: { reason, message: 'none' },
  });
  const records = (of: (index: number) => RecordAnswer) =>
    Array.from({ length: 50 }, (_, index) => of(index));

  it('makes the next flights larger, or smaller where it was refused as conflict', async () => {
    expect(await write({ kind: 'answered', records: records(() => ({ kind: 'done', status: 200 })) })).toBe(
      55,
    );
    const conflict = { kind: 'conflict', status: 412 } as const;
    expect(await write({ kind: 'answered', records: records(() => conflict) })).toBe(35);
  });

  it('makes them smaller where it was too large, or had no answer in time', async () => {
    expect(await write({ kind: 'refused-whole', status: 413 })).toBe(25);
    expect(await write(trouble('timeout'))).toBe(25);
  });

  it('knows the part of it that was too large', async () => {
    const request = { kind: 'refused-whole', status: 413 } as const;
    const half = records((index) =>
      index < 20 ? { kind: 'done', status: 200 } : { kind: 'missing', request },
    );
    expect(await write({ kind: 'answered', records: half })).toBe(15);
  });

  it('says nothing of the size where the API is down, refuses the content, or is not asked to the end', async () => {
    expect(await write(trouble('unavailable'))).toBe(50);
    expect(await write({ kind: 'refused-whole', status: 400 })).toBe(50);
    expect(await write(trouble('timeout'), AbortSignal.abort())).toBe(50);
  });
});
