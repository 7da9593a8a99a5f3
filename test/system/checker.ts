/**
 * Judges a run by what others can see: the API's own history of commits and the outcome events on the mesh. It knows
 * nothing of the client that ran. Expects every value that a change sets to be unique, so that a commit tells its change.
 */
import type { CommittedWrite, SandboxRecord } from '../sandbox/territory-api/index.ts';
import type { PublishedChange } from './published-change.ts';
import type { OutcomeEvent } from './world.ts';

export interface Run {
  /** In the order of publishing. */
  readonly published: readonly PublishedChange[];
  readonly outcomes: readonly OutcomeEvent[];
  /** In commit order. */
  readonly history: readonly CommittedWrite[];
  /** As they stand at the end. */
  readonly records: readonly SandboxRecord[];
}

export interface Findings {
  readonly published: number;
  /** Changes with an outcome. */
  readonly ended: number;
  readonly failed: number;
  /** Changes told of with two different outcomes. */
  readonly contradictions: number;
  /**
   * Fields that do not have the value of the last change that did not fail on them (one without an outcome did not fail),
   * and fields of changes told of as applied that no commit ever set.
   */
  readonly lost: number;
  /** Fields that a commit sets for an earlier change of the record than a commit before it. */
  readonly outOfOrder: number;
  /** Commits of the client that undid another writer's field. */
  readonly overwrittenForeign: number;
  /** Commits of the client whose `If-Match` was not the version it replaced; a first write has none and replaces none. */
  readonly blindWrites: number;
}

/** True if nothing at all is wrong. */
export function isFlawless(found: Findings): boolean {
  const { published, ended, ...faults } = found;
  return published === ended && Object.values(faults).every((count) => count === 0);
}

export function check(run: Run): Findings {
  const outcomes = byChange(run.outcomes);
  const ours = run.history.filter(({ by }) => by === 'client');
  return {
    published: run.published.length,
    ended: run.published.filter(({ id }) => outcomes.has(id)).length,
    failed: new Set(run.outcomes.filter(hasFailed).map(({ data }) => data.change.id)).size,
    contradictions: [...outcomes.values()].filter((kinds) => kinds.size > 1).length,
    lost: countLost(run) + countNeverWritten(run, ours),
    outOfOrder: countOutOfOrder(run.published, ours),
    overwrittenForeign: countOverwritten(run.history),
    blindWrites: ours.filter(({ ifMatch, etagBefore }) => ifMatch !== etagBefore).length,
  };
}

function byChange(outcomes: readonly OutcomeEvent[]): Map<string, Set<string>> {
  const kinds = new Map<string, Set<string>>();
  for (const { data } of outcomes) {
    const known = kinds.get(data.change.id) ?? new Set();
    kinds.set(data.change.id, known.add(data.outcome));
  }
  return kinds;
}

function hasFailed({ data }: OutcomeEvent): boolean {
  return data.outcome === 'failed';
}

/** One field that a published change sets. */
interface Setting {
  readonly change: string;
  /** Place of the change in the order of publishing. */
  readonly turn: number;
  readonly territoryId: string;
  readonly record: string;
  readonly field: string;
  readonly value: unknown;
}

function settings(published: readonly PublishedChange[]): readonly Setting[] {
  return published.flatMap(({ id: change, territoryId, assignments }, turn) =>
    assignments.flatMap(({ id: record, fields = {} }) =>
      Object.entries(fields).map(([field, value]) => ({ change, turn, territoryId, record, field, value })),
    ),
  );
}

const key = (...parts: readonly unknown[]): string => JSON.stringify(parts);

function countLost({ published, outcomes, records }: Run): number {
  const survivors = new Map(
    outcomes.filter(hasFailed).map(({ data }) => [data.change.id, doneRecords(data)]),
  );
  const wanted = new Map<string, Setting>();
  for (const setting of settings(published)) {
    const { change, territoryId, record, field } = setting;
    const done = survivors.get(change);
    if (done === undefined || done.has(record)) wanted.set(key(territoryId, record, field), setting);
  }
  const found = new Map(records.map((record) => [key(record.territoryId, record.id), record]));
  return [...wanted.values()].filter(
    ({ territoryId, record, field, value }) => found.get(key(territoryId, record))?.fields[field] !== value,
  ).length;
}

/** Of a failed change, the records on which it did not fail. */
function doneRecords({ assignments }: OutcomeEvent['data']): ReadonlySet<string> {
  const done = assignments.filter(({ result }) => result !== 'failed' && result !== 'skipped');
  return new Set(done.map(({ id }) => id));
}

function countNeverWritten({ published, outcomes }: Run, ours: readonly CommittedWrite[]): number {
  const written = new Set(
    ours.flatMap(({ territoryId, recordId, fields }) =>
      Object.entries(fields).map(([field, value]) => key(territoryId, recordId, field, value)),
    ),
  );
  const updated = new Set(
    outcomes.flatMap(({ data }) =>
      data.assignments
        .filter(({ result }) => result === 'updated' || result === 'created')
        .map(({ id }) => key(data.change.id, id)),
    ),
  );
  // Of a merged write only the last value of a field is seen, so a change shows by any one of its fields.
  const shown = new Map<string, boolean>();
  for (const { change, territoryId, record, field, value } of settings(published)) {
    const part = key(change, record);
    shown.set(part, shown.get(part) === true || written.has(key(territoryId, record, field, value)));
  }
  return [...shown].filter(([part, isShown]) => !isShown && updated.has(part)).length;
}

function countOutOfOrder(published: readonly PublishedChange[], ours: readonly CommittedWrite[]): number {
  const turns = new Map<string, number>();
  for (const { territoryId, record, field, value, turn } of settings(published)) {
    turns.set(key(territoryId, record, field, value), turn);
  }
  // Per record, not per field: a merged write covers successive changes, so whole writes must follow each other.
  const latest = new Map<string, number>();
  let violations = 0;
  for (const { territoryId, recordId, fields } of ours) {
    const record = key(territoryId, recordId);
    const before = latest.get(record) ?? -1;
    const set = Object.entries(fields).map(
      ([field, value]) => turns.get(key(territoryId, recordId, field, value)) ?? -1,
    );
    violations += set.filter((turn) => turn < before).length;
    latest.set(record, Math.max(before, ...set));
  }
  return violations;
}

/** Fields that others wrote: whatever the client sets there must be what it found. */
function countOverwritten(history: readonly CommittedWrite[]): number {
  const foreign = new Set<string>();
  let overwritten = 0;
  for (const { by, recordId, territoryId, fields, before } of history) {
    for (const [field, value] of Object.entries(fields)) {
      const place = key(territoryId, recordId, field);
      if (by === 'foreign') foreign.add(place);
      else if (foreign.has(place) && before?.[field] !== value) overwritten += 1;
    }
  }
  return overwritten;
}
