/**
 * What of a replay is still to be written. Pure. A replay keeps the place that its change had among the changes of its
 * lane, so it must not undo what came later: fields that a later change has ended on are left out, a later delete leaves
 * nothing. An operator who says `overwrite` wants all of it.
 */
import type { AssignmentChange, Fields } from '../events/change.ts';
import type { AssignmentResult } from '../events/outcome.ts';
import type { LaterOnRecord, PendingChange } from '../journal/port.ts';

/** An assignment of a replay that has not ended, as far as it is still to be written; undefined: superseded. */
export interface ReplayItem {
  readonly index: number;
  readonly assignment: AssignmentChange | undefined;
}

/** What is left of each assignment of a replay that has not ended. */
export function replayItems({ change, results, replay, later }: PendingChange): readonly ReplayItem[] {
  return change.assignments.flatMap((assignment, index) => {
    if (results[index]) return [];
    const own = laterInside(change.assignments, results, index);
    if (replay?.overwrite) return { index, assignment: withoutBefore(dropLater(assignment, own)) };
    const left = dropLater(assignment, later?.get(assignment.id));
    return { index, assignment: left && dropLater(left, own) };
  });
}

/**
 * The assignment without what came later; undefined where nothing is left. A delete is as a whole before whatever later
 * change has ended on its record. What a later change has ended on exists, so a create of it is an update.
 */
export function dropLater(
  assignment: AssignmentChange,
  later: LaterOnRecord | undefined,
): AssignmentChange | undefined {
  if (!later) return assignment;
  if (later.deleted || assignment.operation === 'delete') return undefined;
  const fields = Object.create(null) as Record<string, Fields[string]>;
  for (const [name, value] of Object.entries(assignment.fields)) {
    if (!later.fields.has(name)) fields[name] = value;
  }
  if (Object.keys(fields).length === 0) return undefined;
  return { ...assignment, operation: 'update', fields };
}

/** What later assignments of the change itself have ended on: one record may be there several times. */
function laterInside(
  assignments: readonly AssignmentChange[],
  results: readonly (AssignmentResult | undefined)[],
  index: number,
): LaterOnRecord | undefined {
  const id = assignments[index]?.id;
  const ended = assignments.filter(
    (assignment, other) => other > index && assignment.id === id && tookEffect(assignment, results[other]),
  );
  if (ended.length === 0) return undefined;
  return {
    fields: new Set(ended.flatMap(({ fields }) => Object.keys(fields))),
    deleted: ended.some(({ operation }) => operation === 'delete'),
  };
}

/** A delete that was superseded was not carried out: what is later than it stands, and it hides nothing. */
function tookEffect({ operation }: AssignmentChange, result: AssignmentResult | undefined): boolean {
  if (!result || result.result === 'failed' || result.result === 'skipped') return false;
  return operation !== 'delete' || result.result !== 'superseded';
}

/** Whoever overwrites has seen what is there: it overlaps with nothing. */
function withoutBefore(assignment: AssignmentChange | undefined): AssignmentChange | undefined {
  if (!assignment) return undefined;
  const { before: _, ...rest } = assignment;
  return rest;
}
