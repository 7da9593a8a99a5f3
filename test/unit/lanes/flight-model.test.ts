/**
 * Whole flights over the memory journal against an API that misbehaves in every way that is known of, in thousands of
 * random histories, each compared with the same changes applied one by one. A failure prints the seed and the smallest
 * history that shows it. The histories are the same in every run, unless `FLIGHT_MODEL_SEED` (a number, or `random`) asks
 * for others; `FLIGHT_MODEL_RUNS` says how many.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { check } from './flight-model/check.ts';
import { histories } from './flight-model/history.ts';
import { run, type Run } from './flight-model/run.ts';

const RUNS = Number(process.env['FLIGHT_MODEL_RUNS'] ?? 10_000);
const SEED = process.env['FLIGHT_MODEL_SEED'] ?? '1';

/** A history takes about a millisecond; slow machines have all the time they need. */
const PATIENCE_MS = 60_000 + 20 * RUNS;

test(
  'every change has the effect of its turn, once, or fails for its own fault, whatever the API does',
  async () => {
    const met = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const made = await run(history);
        count(met, made);
        check(history, made);
      }),
      { numRuns: RUNS, ...(SEED !== 'random' && { seed: Number(SEED) }) },
    );
    // A history without faults proves little: each kind of them has to have been met often.
    for (const what of EXPECTED.split(' ')) {
      expect(met.get(what) ?? 0, `how often the histories met: ${what}`).toBeGreaterThan(RUNS / 1000);
    }
  },
  PATIENCE_MS,
);

test(
  'where changes are transactions, all of a change takes effect or nothing, whatever the API does',
  async () => {
    const met = new Map<string, number>();
    const atomic = histories.map((history) => ({ ...history, transactionsUpTo: 2 }));
    await fc.assert(
      fc.asyncProperty(atomic, async (history) => {
        const made = await run(history);
        count(met, made);
        check(history, made);
      }),
      { numRuns: RUNS / 2, ...(SEED !== 'random' && { seed: Number(SEED) }) },
    );
    for (const what of `${EXPECTED} skipped TOO_LARGE INVALID_EVENT`.split(' ')) {
      expect(met.get(what) ?? 0, `how often the histories met: ${what}`).toBeGreaterThan(RUNS / 2000);
    }
  },
  PATIENCE_MS,
);

const EXPECTED =
  'conflicts failures unanswered late staleReads unread refusedWhole replays deaths fenced merged ' +
  'broken created updated deleted unchanged superseded API_ERROR REJECTED_BY_API UNKNOWN_ASSIGNMENT CONFLICT_LIMIT OVERLAP';

function count(met: Map<string, number>, { api, deaths, fenced, merged, journeys }: Run): void {
  const add = (what: string, times = 1) => met.set(what, (met.get(what) ?? 0) + times);
  const { late, staleReads, replays, unread } = api;
  const figures = { ...api.toldInAll, late, staleReads, unread, replays, deaths, fenced, merged };
  for (const [what, times] of Object.entries(figures)) add(what, times);
  for (const { results } of journeys.flatMap(({ endings }) => endings)) {
    for (const { result, error } of results) add(error?.code ?? result);
  }
}
