import { describe, expect, test } from 'vitest';
import type { Rest } from '../../../srv/journal/port.ts';
import { earlyAgeMs, hasCaughtUp, probeIntervalMs, restAfter } from '../../../srv/lanes/propagation.ts';
import type { RecordState } from '../../../srv/territory-api/port.ts';

const RULES = { minMs: 2000, maxMs: 5000 };
const NOW = 100_000;

function reads(etags: Readonly<Record<string, string | undefined>>): ReadonlyMap<string, RecordState> {
  return new Map(
    Object.entries(etags).map(([id, etag]) => [
      id,
      etag ? { found: true, etag, fields: {} } : { found: false },
    ]),
  );
}

function rest(etags: Readonly<Record<string, string>>, latest = NOW + 5000): Rest {
  const shownBy = new Map(Object.keys(etags).map((id) => [id, latest]));
  return { latest, expected: new Map(Object.entries(etags)), shownBy };
}

describe('after a write', () => {
  test('the lane rests as long as the estimate says, and at most the longest time', () => {
    expect(restAfter(new Map([['T1', 'e1']]), undefined, NOW, RULES, 3000)).toEqual({
      rest: rest({ T1: 'e1' }),
      delayMs: 3000,
    });
  });

  test('of a lane that never comes to an end, so many records are looked for and no more, those written last', () => {
    let made: Rest | undefined;
    for (let flight = 0; flight < 100; flight += 1) {
      const ids = ['HOT', ...Array.from({ length: 50 }, (_, at) => `T${flight * 50 + at}`)];
      const written = new Map(ids.map((id) => [id, `e${flight}`]));
      made = restAfter(written, made, NOW + flight * 20, RULES, 20).rest;
    }
    expect(made?.expected.size).toBe(1000);
    expect([...(made?.expected.keys() ?? [])].at(-1)).toBe('T4999');
    expect(made?.expected.get('HOT')).toBe('e99');
    expect(made?.expected.has('T0')).toBe(false);
  });

  test('a record is looked for as long as caches may be late for it, however long the lane goes on writing others', () => {
    const first = restAfter(new Map([['T1', 'e1']]), undefined, NOW, RULES, 2000).rest;
    const second = restAfter(new Map([['T2', 'e2']]), first, NOW + 3000, RULES, 2000).rest;
    const foreign = reads({ T1: 'of another writer' });
    expect(hasCaughtUp(second, foreign, false, NOW + 4999)).toBe(false);
    expect(hasCaughtUp(second, foreign, false, NOW + 5000)).toBe(true);
    expect(hasCaughtUp(second, reads({ T2: 'e1' }), false, NOW + 5000)).toBe(false);
    expect(earlyAgeMs(second, 'T1', 'e1', NOW + 4000, RULES)).toBe(4000);
    expect(earlyAgeMs(second, 'T2', 'e2', NOW + 4000, RULES)).toBe(1000);
    expect(earlyAgeMs(second, 'T1', 'e1', NOW + 5000, RULES)).toBeUndefined();
    const third = restAfter(new Map([['T3', 'e3']]), second, NOW + 6000, RULES, 2000).rest;
    expect([...(third?.expected.keys() ?? [])]).toEqual(['T2', 'T3']);
  });

  test('whose new ETag the API did not tell, it rests the longest time', () => {
    const { rest: made, delayMs } = restAfter(
      new Map([['T1', undefined]]),
      rest({ T1: 'e1' }),
      NOW,
      RULES,
      2000,
    );
    expect(delayMs).toBe(5000);
    expect(made?.expected.size).toBe(0);
  });

  test('what it still waits for from earlier writes is not forgotten', () => {
    const { rest: made } = restAfter(new Map([['T2', 'e2']]), rest({ T1: 'e1' }), NOW, RULES, 2000);
    expect(made).toEqual(rest({ T1: 'e1', T2: 'e2' }));
  });

  test('it does not rest where the API has no late caches', () => {
    expect(restAfter(new Map([['T1', 'e1']]), undefined, NOW, { minMs: 0, maxMs: 0 }, 0)).toEqual({
      rest: undefined,
      delayMs: 0,
    });
  });

  test('and a flight without a write adds no rest, but keeps one that is not over', () => {
    expect(restAfter(new Map(), rest({ T1: 'e1' }), NOW, RULES, 2000)).toEqual({
      rest: rest({ T1: 'e1' }),
      delayMs: 0,
    });
    expect(restAfter(new Map(), rest({ T1: 'e1' }, NOW), NOW, RULES, 2000).rest).toBeUndefined();
  });
});

describe('the lane goes on', () => {
  test('when the read shows the ETags of all that we wrote to these records', () => {
    const known = rest({ T1: 'e1', T2: 'e2' });
    expect(hasCaughtUp(known, reads({ T1: 'e1', T2: 'e2', T3: 'e9' }), false, NOW)).toBe(true);
    expect(hasCaughtUp(known, reads({ T1: 'e1', T2: 'e0' }), false, NOW)).toBe(false);
    expect(hasCaughtUp(known, reads({ T1: undefined }), false, NOW)).toBe(false);
  });

  test('when the read proves its freshness, whatever it shows', () => {
    expect(hasCaughtUp(rest({ T1: 'e1' }), reads({ T1: 'e9' }), true, NOW)).toBe(true);
  });

  test('after the longest time regardless, and not a millisecond before', () => {
    const known = rest({ T1: 'e1' }, NOW);
    expect(hasCaughtUp(known, reads({ T1: 'e0' }), false, NOW - 1)).toBe(false);
    expect(hasCaughtUp(known, reads({ T1: 'e0' }), false, NOW)).toBe(true);
  });

  test('where it never wrote', () => {
    expect(hasCaughtUp(undefined, reads({ T1: 'e1' }), false, NOW)).toBe(true);
  });
});

test('probes are spread over the time between shortest and longest rest, and never come thick and fast', () => {
  expect(probeIntervalMs(RULES)).toBe(500);
  expect(probeIntervalMs({ minMs: 2000, maxMs: 2000 })).toBeGreaterThanOrEqual(50);
});

test('a write went early if it carried the ETag of our own last write before the longest rest was over', () => {
  expect(earlyAgeMs(rest({ T1: 'e1' }), 'T1', 'e1', NOW, RULES)).toBe(0);
  expect(earlyAgeMs(rest({ T1: 'e1' }), 'T1', 'e1', NOW + 4999, RULES)).toBe(4999);
  expect(earlyAgeMs(rest({ T1: 'e1' }), 'T1', 'e1', NOW + 5000, RULES)).toBeUndefined();
  expect(earlyAgeMs(rest({ T1: 'e1' }), 'T1', 'e9', NOW, RULES)).toBeUndefined();
  expect(earlyAgeMs(rest({ T1: 'e1' }), 'T2', undefined, NOW, RULES)).toBeUndefined();
  expect(earlyAgeMs(undefined, 'T1', 'e1', NOW, RULES)).toBeUndefined();
});
