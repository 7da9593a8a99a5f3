import { expect, it } from 'vitest';

import { MATCHING_LIMIT, replayMatching } from '../../../srv/http/operations/replay-matching.ts';
import type { DecisionResult } from '../../../srv/operations/port.ts';

const order = { by: 'eva', note: 'repaired' };

it('one dead letter at a time, in order, is replayed, and what could not be is named with its code', async () => {
  const results: Record<string, DecisionResult> = {
    a: { kind: 'accepted', id: 'a', decision: 1, changeId: 'c', position: 1 },
    b: { kind: 'unknown' },
    c: { kind: 'decided', state: 'discarded', by: 'eva', at: 0 },
    d: { kind: 'refused', code: 'NEEDS_OVERWRITE', message: 'm', action: 'a' },
  };
  const calls: string[] = [];
  let running = 0;
  const desk = {
    matching: async () => Object.keys(results),
    replay: async (id: string): Promise<DecisionResult> => {
      running += 1;
      expect(running).toBe(1);
      calls.push(id);
      await Promise.resolve();
      running -= 1;
      return results[id] ?? { kind: 'unknown' };
    },
  };
  expect(await replayMatching(desk, {}, order)).toEqual({
    matched: 4,
    accepted: 1,
    skipped: [
      { id: 'b', code: 'UNKNOWN_DEAD_LETTER' },
      { id: 'c', code: 'ALREADY_DECIDED' },
      { id: 'd', code: 'NEEDS_OVERWRITE' },
    ],
  });
  expect(calls).toEqual(['a', 'b', 'c', 'd']);
});

it('one call ends: beyond its limit the rest stays open, and the count of matches says so', async () => {
  let replayed = 0;
  const desk = {
    matching: async () => Array.from({ length: MATCHING_LIMIT + 5 }, (_, index) => String(index)),
    replay: async (id: string): Promise<DecisionResult> => {
      replayed += 1;
      return { kind: 'accepted', id, decision: 1, changeId: 'c', position: 1 };
    },
  };
  expect(await replayMatching(desk, {}, order)).toEqual({
    matched: MATCHING_LIMIT + 5,
    accepted: MATCHING_LIMIT,
    skipped: [],
  });
  expect(replayed).toBe(MATCHING_LIMIT);
});
