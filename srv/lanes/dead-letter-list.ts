/** The dead letters as lists show them. Pure. */
import type { DeadLetterFilter, DeadLetterItem, Decision, Page, PageQuery } from '../operations/port.ts';
import { cursorOf, keysIn, pageOf } from './cursor.ts';
import type { HeldLetter } from './held-letter.ts';

/** Names the cursors of this list. */
export const LETTERS_LIST = 'dead-letters';

/** Who decided where nobody was asked: the message was moved back to the work queue. */
export const BY_HAND = 'whoever moved it to the work queue';

/** @param lifeMs how long the queue keeps it; 0: without end */
export function itemOf(letter: HeldLetter, decision: Decision | undefined, lifeMs: number): DeadLetterItem {
  return {
    id: letter.id,
    territoryId: letter.territoryId ?? null,
    changeId: letter.ref.id,
    source: letter.ref.source,
    reason: letter.reason,
    message: letter.message,
    failedAt: letter.failedAt ?? letter.seenAt,
    attempts: letter.attempts,
    conflicts: letter.conflicts,
    state: decision ? decidedState(decision) : 'open',
    expiresAt: lifeMs > 0 && letter.failedAt !== undefined ? letter.failedAt + lifeMs : null,
  };
}

export function decidedState({ action }: Pick<Decision, 'action'>): 'replayed' | 'discarded' {
  return action === 'replay' ? 'replayed' : 'discarded';
}

/** True where every part of the filter that is given fits. */
export function matches(
  item: DeadLetterItem,
  { reason, territory, failedBefore }: DeadLetterFilter,
): boolean {
  return (
    (reason === undefined || item.reason === reason) &&
    (territory === undefined || item.territoryId === territory) &&
    (failedBefore === undefined || item.failedAt < failedBefore)
  );
}

/**
 * One page, the latest failure first.
 * @throws UnknownCursor
 */
export function pageOfLetters(
  items: readonly DeadLetterItem[],
  { cursor, limit }: PageQuery,
): Page<DeadLetterItem> {
  const keys = keysIn(LETTERS_LIST, cursor, ['number', 'string']);
  const after = keys && { failedAt: keys[0], id: keys[1] };
  const rest = items.filter((item) => !after || byFailure(item, after) < 0);
  const sorted = rest.toSorted((a, b) => byFailure(b, a));
  return pageOf(sorted, limit, ({ failedAt, id }) => cursorOf(LETTERS_LIST, [failedAt, id]));
}

/** Oldest first; a total order, also over those that failed in one millisecond. */
export function byFailure(a: Pick<DeadLetterItem, 'failedAt' | 'id'>, b: typeof a): number {
  if (a.failedAt !== b.failedAt) return a.failedAt - b.failedAt;
  return a.id === b.id ? 0 : a.id < b.id ? -1 : 1;
}
