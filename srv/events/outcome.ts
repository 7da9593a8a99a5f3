/** How a change ended, in the words that subscribers, operators and the journal share. */
import { nameUuid } from '../platform/ids.ts';
import type { ChangeRef } from './change.ts';
import type { FailureCode, FailureReason } from './failure.ts';

export type { FailureCode, FailureReason } from './failure.ts';

export type OutcomeKind = 'applied' | 'unchanged' | 'superseded' | 'failed';

export type AssignmentOutcome =
  | 'created'
  | 'updated'
  | 'deleted'
  | 'unchanged'
  | 'superseded'
  | 'failed'
  /** Not tried: another record of the same transaction failed. */
  | 'skipped';

/** How one assignment of a change ended. */
export interface AssignmentResult {
  readonly id: string;
  readonly result: AssignmentOutcome;
  /** The record's ETag after the write, verbatim, where the API said it. */
  readonly etag?: string;
  /** Of a failed one. `status`: what the API answered, where it did. */
  readonly error?: { readonly status?: number; readonly code: FailureCode; readonly message: string };
}

/** `failed` needs a reason and a dead letter, the others have neither. */
export type ChangeEnding =
  | { readonly outcome: Exclude<OutcomeKind, 'failed'> }
  | {
      readonly outcome: 'failed';
      readonly reason: FailureReason;
      /** The dead letter it became; for a discard the one that was discarded. */
      readonly deadLetterId: string;
    };

/** `failed` if any record failed (or was skipped because of one), else `applied` if any was written, and so on. */
export function outcomeOf(results: readonly Pick<AssignmentResult, 'result'>[]): OutcomeKind {
  const has = (...kinds: readonly AssignmentOutcome[]) =>
    results.some(({ result }) => kinds.includes(result));
  if (has('failed', 'skipped')) return 'failed';
  if (has('created', 'updated', 'deleted')) return 'applied';
  return has('unchanged') ? 'unchanged' : 'superseded';
}

/** The id of the dead letter that a change becomes by a decision. Subscribers may derive it too. */
export function deadLetterId(change: ChangeRef, decision: number): string {
  return nameUuid(JSON.stringify(['dead-letter', change.source, change.id, decision]));
}
