/**
 * Replays against a sequential model, over random histories of changes, failures and replays: the same ones in every run, unless
 * `REPLAY_MODEL_SEED` (a number, or `random`) asks for others.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Fields } from '../../../srv/events/change.ts';
import { histories, SEEDED } from './replay-model/history.ts';
import { isLater, run, type Ended } from './replay-model/run.ts';

const SEED = process.env['REPLAY_MODEL_SEED'] ?? '1';

/** The records after everything that ended, in the order of the lane whenever it ended. */
function inOrder(ended: readonly Ended[]): ReadonlyMap<string, Fields> {
  const records = new Map<string, Fields>(Object.entries(SEEDED));
  for (const { assignment, result } of ended.toSorted((a, b) => (isLater(a.place, b.place) ? 1 : -1))) {
    const { id, operation, fields } = assignment;
    if (operation !== 'delete') records.set(id, { ...records.get(id), ...fields });
    // A delete that later changes have superseded is as if it had never been.
    else if (result !== 'superseded') records.delete(id);
  }
  return records;
}

it('replays end as if each change had taken effect in its own place: none undoes a later one, and all else lands', async () => {
  let replays = 0;
  let superseded = 0;
  await fc.assert(
    fc.asyncProperty(histories, async (history) => {
      const { records, ended, replayed, runs } = await run(history);
      expect(runs.ended).toBe(runs.begun);
      replays += replayed;
      superseded += ended.filter(({ result }) => result === 'superseded').length;
      // Where somebody overwrote, order is what he wanted: that is checked when it happens.
      const overwritten = new Set(
        ended.filter(({ overwrote }) => overwrote).map(({ assignment }) => assignment.id),
      );
      const kept = (all: ReadonlyMap<string, Fields>) =>
        Object.fromEntries([...all].filter(([id]) => !overwritten.has(id)));
      expect(kept(records)).toEqual(kept(inOrder(ended)));
    }),
    { numRuns: 10_000, ...(SEED !== 'random' && { seed: Number(SEED) }) },
  );
  // The histories are worth the name only if the rules were needed.
  expect(replays).toBeGreaterThan(5000);
  expect(superseded).toBeGreaterThan(1000);
}, 120_000);
