/**
 * What a replay starts with: the assignments of the earlier run that had taken effect are not run again. An edited replay may
 * have others, in another order, so they are told by what they do and not by their place. Pure.
 */
import type { AssignmentChange } from '../events/change.ts';
import { sha256 } from '../events/digest.ts';
import type { AssignmentResult } from '../events/outcome.ts';

export type Results = readonly (AssignmentResult | undefined)[];

/** Results of what had succeeded, by what was to be done. */
export type Succeeded = ReadonlyMap<string, AssignmentResult>;

/** @param results by index of the assignment */
export function succeededOf(assignments: readonly AssignmentChange[], results: Results): Succeeded {
  const found = new Map<string, AssignmentResult>();
  for (const [index, key] of keysOf(assignments).entries()) {
    const result = results[index];
    if (result && succeeded(result.result)) found.set(key, result);
  }
  return found;
}

/** Results that a replay of these assignments starts with, by index. */
export function carriedOver(before: Succeeded, assignments: readonly AssignmentChange[]): Results {
  return keysOf(assignments).map((key) => before.get(key));
}

/** Written, found as wanted, or superseded by what was: the record is as the assignment, or a later one, wants it. */
export function succeeded(result: AssignmentResult['result']): boolean {
  return result !== 'failed' && result !== 'skipped';
}

/**
 * Whether an earlier change that is replayed has to respect this one: it succeeded, and it was not a delete that was
 * superseded, which was never carried out. (The statement `later-changes` says the same in SQL.)
 */
export function standsAgainstReplay(
  { operation }: Pick<AssignmentChange, 'operation'>,
  { result }: Pick<AssignmentResult, 'result'>,
): boolean {
  return succeeded(result) && !(operation === 'delete' && result === 'superseded');
}

/** What each assignment does, short; one that is there twice is told by its number. */
function keysOf(assignments: readonly AssignmentChange[]): readonly string[] {
  const seen = new Map<string, number>();
  return assignments.map(({ id, operation, fields }) => {
    const members = Object.entries(fields).toSorted(([a], [b]) => (a < b ? -1 : 1));
    const does = sha256(JSON.stringify([id, operation, members]));
    const number = seen.get(does) ?? 0;
    seen.set(does, number + 1);
    return `${does} ${number}`;
  });
}
