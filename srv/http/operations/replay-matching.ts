/** Replays all dead letters that match a filter, one after the other in the order in which they failed. */
import type { DecisionResult, DeadLetterDesk, DeadLetterFilter } from '../../operations/port.ts';

/** Decided in one call, so that it ends; of more than that, the rest is still open for the next call. */
export const MATCHING_LIMIT = 1000;

export interface MatchingReplayed {
  /** Open ones that matched. */
  readonly matched: number;
  readonly accepted: number;
  /** Those that were tried and not replayed, with the code that each would have had alone. */
  readonly skipped: readonly { readonly id: string; readonly code: string }[];
}

/** @param order who, and why; nothing is edited and nothing overwritten */
export async function replayMatching(
  desk: Pick<DeadLetterDesk, 'matching' | 'replay'>,
  filter: DeadLetterFilter,
  order: { readonly by: string; readonly note: string },
): Promise<MatchingReplayed> {
  const ids = await desk.matching(filter);
  let accepted = 0;
  const skipped: { id: string; code: string }[] = [];
  for (const id of ids.slice(0, MATCHING_LIMIT)) {
    const code = skipCode(await desk.replay(id, { ...order, overwrite: false }));
    if (code === undefined) accepted += 1;
    else skipped.push({ id, code });
  }
  return { matched: ids.length, accepted, skipped };
}

function skipCode(result: DecisionResult): string | undefined {
  switch (result.kind) {
    case 'accepted':
      return undefined;
    case 'unknown':
      return 'UNKNOWN_DEAD_LETTER';
    case 'decided':
      return 'ALREADY_DECIDED';
    case 'refused':
      return result.code;
  }
}
