/** What came of the record writes of a flight, in the words of the metrics. */

/** `trouble`: the API certainly did not act on it. `in-doubt`: it may have. */
export const WRITE_RESULTS = ['ok', 'conflict', 'refused', 'trouble', 'in-doubt'] as const;

export type WriteResult = (typeof WRITE_RESULTS)[number];

/** How many writes came to what. */
export type WriteResults = Readonly<Record<WriteResult, number>>;

export const NOTHING_WRITTEN: WriteResults = { ok: 0, conflict: 0, refused: 0, trouble: 0, 'in-doubt': 0 };

export function writesIn(results: WriteResults): number {
  return WRITE_RESULTS.reduce((sum, result) => sum + results[result], 0);
}

export function countResults(results: readonly WriteResult[]): WriteResults {
  const counts: Record<WriteResult, number> = { ...NOTHING_WRITTEN };
  for (const result of results) counts[result] += 1;
  return counts;
}
