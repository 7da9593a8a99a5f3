/**
 * Where each change is a transaction: all of its records are written or none. Whenever one of them is, every one shows what the
 * change sets; and no outcome tells of some that were written and others that failed.
 */
import type { AssignmentChange, Fields } from '../../../srv/events/change.ts';
import type { AssignmentResult } from '../../../srv/events/outcome.ts';
import type { Records, Version } from '../world/records.ts';
import type { Expected } from './effects.ts';
import type { Told } from './outcomes.ts';
import type { Verdict } from './violation.ts';

export interface TransactionRules {
  /** What people decided on a change: a replay leaves out what came later, so their territories are left out here. */
  readonly ordersOn: (changeId: string) => readonly unknown[];
  /** Others change fields that changes set: then a record may show another value as soon as it was written. */
  readonly foreign: 'other-fields' | 'same-fields';
}

const WRITTEN: readonly AssignmentResult['result'][] = ['created', 'updated', 'deleted'];
const NOT_WRITTEN: readonly AssignmentResult['result'][] = ['failed', 'skipped'];

export function checkTransactions(
  expected: readonly Expected[],
  outcomes: ReadonlyMap<string, ReadonlyMap<number, Told>>,
  records: Records,
  { foreign, ordersOn }: TransactionRules,
  verdict: Verdict,
): void {
  for (const record of records.keys()) {
    for (const { by } of records.history(record)) {
      if (typeof by === 'string') continue;
      verdict.demand(
        by.transaction !== undefined,
        'all-or-none',
        () => `${record} was written outside of any transaction`,
      );
    }
  }
  if (foreign === 'same-fields') return;
  const decided = new Set(
    expected.flatMap(({ id, territoryId }) => (ordersOn(id).length > 0 ? [territoryId] : [])),
  );
  for (const change of expected) {
    const told = outcomes.get(change.id)?.get(0);
    if (!told || decided.has(change.territoryId)) continue;
    const results = told.assignments.map(({ result }) => result);
    verdict.demand(
      !results.some((result) => WRITTEN.includes(result)) ||
        !results.some((result) => NOT_WRITTEN.includes(result)),
      'all-or-none',
      () => `${change.id} ended in part: ${results.join(' ')}`,
    );
    checkLanding(change, told, records, verdict);
  }
}

/** Each time that a write of the change took effect. */
function checkLanding(change: Expected, { position }: Told, records: Records, verdict: Verdict): void {
  const wanted = wantedOf(change.assignments);
  const nameOf = (id: string): string => `${change.territoryId}/${id}`;
  for (const id of wanted.keys()) {
    for (const { by, atMs } of records.history(nameOf(id))) {
      if (typeof by === 'string' || by.transaction !== String(position)) continue;
      for (const [other, fields] of wanted) {
        verdict.demand(
          shows(records.history(nameOf(other)), atMs, fields),
          'all-or-none',
          () => `${change.id} was written to ${id} at ${atMs}, and ${other} was not as it wants it`,
        );
      }
    }
  }
}

/** What each record is after the change; undefined: deleted. */
function wantedOf(assignments: readonly AssignmentChange[]): ReadonlyMap<string, Fields | undefined> {
  const wanted = new Map<string, Fields | undefined>();
  for (const { id, operation, fields } of assignments) {
    wanted.set(id, operation === 'delete' ? undefined : { ...wanted.get(id), ...fields });
  }
  return wanted;
}

function shows(history: readonly Version[], atMs: number, wanted: Fields | undefined): boolean {
  return history.some((version, index) => {
    const untilMs = history[index + 1]?.atMs ?? Infinity;
    if (version.atMs > atMs || untilMs < atMs) return false;
    if (!wanted) return version.fields === undefined;
    return Object.entries(wanted).every(([name, value]) => version.fields?.[name] === value);
  });
}
