/** Replays a record of commits from nothing, field by field: only one that replays can tell what happened. */
import { sameValue, type Commit, type Row } from './commit.ts';

/**
 * Counts commits that did not find what the one before left, or left anything but that with their own fields, and
 * records at the end that are not what the last commit left.
 */
export function countUnexplained(commits: readonly Commit[], rows: ReadonlyMap<string, Row>): number {
  const state = new Map<string, Row>();
  let unexplained = 0;
  for (const { assignment, before, after, sent, operation } of commits) {
    const known = state.get(assignment);
    const wanted = operation === 'DELETE' ? undefined : { ...known, ...sent };
    const follows = sameRow(before, known) && (wanted === undefined ? after === null : holds(after, wanted));
    if (!follows || (before !== null && before.version === after?.version)) unexplained += 1;
    if (after === null) state.delete(assignment);
    else state.set(assignment, after);
  }
  const different = [...state].filter(([id, row]) => !sameRow(rows.get(id) ?? null, row)).length;
  return unexplained + different + [...rows.keys()].filter((id) => !state.has(id)).length;
}

function sameRow(row: Row | null, known: Row | undefined): boolean {
  if (row === null || known === undefined) return row === null && known === undefined;
  return row.version === known.version && holds(row, known);
}

/** Every field but the version, which CAP gives by itself. */
function holds(row: Row | null, wanted: Partial<Row>): boolean {
  if (row === null) return false;
  return Object.entries(wanted).every(([name, value]) => name === 'version' || sameValue(value, row[name]));
}
