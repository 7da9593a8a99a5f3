/** A record's next write, and how it is made of the assignment changes that it carries the effect of. Pure. */
import type { AssignmentChange, Fields, Operation } from '../events/change.ts';
import type { FailureCode } from '../events/failure.ts';
import type { Covered } from '../journal/port.ts';

/** One record's next write, made of one assignment change or of several successive updates. */
export interface PlannedWrite {
  readonly id: string;
  readonly operation: Operation;
  readonly fields: Fields;
  /** What the source saw before, field by field: of the earliest change that sets the field. */
  readonly before: Fields;
  /** Ascending. */
  readonly covers: readonly Covered[];
  /** Of these, the ones whose every field a later one sets again. */
  readonly supersedes: readonly Covered[];
  /** Its first part, which goes alone where a read does not show that the whole has landed: the parts are told apart. */
  readonly apart?: PlannedWrite;
  /** Where changes are transactions: that of its change, whose writes take effect all or none. */
  readonly transaction?: string;
  /** Its change cannot be a transaction and ends without a write. */
  readonly refusal?: Refusal | 'of another record';
}

/** Why a change is never sent. */
export interface Refusal {
  readonly code: FailureCode;
  readonly message: string;
}

/** An assignment change that has not ended, and where it stands. */
export interface Item {
  readonly covered: Covered;
  readonly assignment: AssignmentChange;
}

/** One write whose effect equals applying the run's items in order. */
export function merge(run: readonly Item[]): PlannedWrite {
  const fields = Object.create(null) as Record<string, Fields[string]>;
  const before = Object.create(null) as Record<string, Fields[string]>;
  for (const { assignment } of run) {
    for (const [name, value] of Object.entries(assignment.fields)) {
      const image = assignment.before?.[name];
      if (!(name in fields) && image !== undefined) before[name] = image;
      fields[name] = value;
    }
  }
  const [first] = run as [Item];
  return {
    id: first.assignment.id,
    operation: first.assignment.operation,
    fields,
    before,
    covers: run.map(({ covered }) => covered),
    supersedes: supersededOf(run),
  };
}

function supersededOf(run: readonly Item[]): Covered[] {
  const setLater = new Set<string>();
  const superseded: Covered[] = [];
  for (const [fromEnd, { covered, assignment }] of run.toReversed().entries()) {
    const names = Object.keys(assignment.fields);
    if (fromEnd > 0 && names.every((name) => setLater.has(name))) superseded.unshift(covered);
    for (const name of names) setLater.add(name);
  }
  return superseded;
}
