/**
 * Judges a run by CAP's own record of commits and by the outcome events, field by field. It knows nothing of the
 * service but its user. Expects that no two changes set a field of a record to the same value, so that a commit tells
 * whose it is.
 */
import type { PublishedChange } from '../system/published-change.ts';
import type { OutcomeEvent } from '../system/world.ts';
import { canonical, etagOf, type Commit, type Row } from './commit.ts';
import { countUnexplained } from './commit-replay.ts';
import type { ForeignWrite } from './foreign-writers.ts';

export interface CapRun {
  /** In the order of publishing. */
  readonly published: readonly PublishedChange[];
  /** Every message on the outcome topics. */
  readonly outcomes: readonly OutcomeEvent[];
  readonly commits: readonly Commit[];
  /** What CAP gives at the end. */
  readonly rows: ReadonlyMap<string, Row>;
  /** What other programs were told was done. */
  readonly foreign: readonly ForeignWrite[];
  /** The service's user. */
  readonly user: string;
}

export interface Findings {
  readonly published: number;
  /** Changes with an outcome. */
  readonly ended: number;
  readonly failed: number;
  /** Outcome messages beyond one per change. */
  readonly toldAgain: number;
  /** Commits and records at the end that do not follow from the commits before: the record itself would be wrong. */
  readonly unexplained: number;
  /** Effects of changes that did not fail and that neither they nor a later change brought about. */
  readonly lost: number;
  /** Effects of the service that came after one of a later change. */
  readonly outOfOrder: number;
  /** Effects that came again after another writer had set the field: only doubt about a lost answer excuses them. */
  readonly repeatedOverForeign: number;
  /** Writes of the service without the ETag of exactly the version that they replaced. */
  readonly blind: number;
  /** Fields that the service set though no change says so. */
  readonly stray: number;
  /** Acknowledged foreign writes that are not in the record of commits. */
  readonly lostForeign: number;
  /** Results told of as written that the commits do not bear out. */
  readonly untrue: number;
}

/** Findings of a run in which nothing at all is wrong. */
export function flawless(changes: number): Findings {
  return {
    published: changes,
    ended: changes,
    failed: 0,
    toldAgain: 0,
    unexplained: 0,
    lost: 0,
    outOfOrder: 0,
    repeatedOverForeign: 0,
    blind: 0,
    stray: 0,
    lostForeign: 0,
    untrue: 0,
  };
}

export function judge(run: CapRun): Findings {
  const { published, outcomes, commits, user } = run;
  const told = new Set(outcomes.map(({ data }) => data.change.id));
  const failed = new Set(
    outcomes.filter(({ data }) => data.outcome === 'failed').map(({ data }) => data.change.id),
  );
  const wishes = wishesOf(published);
  const ours = commits.filter(({ writer }) => writer === user);
  const effects = effectsOf(commits, wishes, user);
  return {
    published: published.length,
    ended: published.filter(({ id }) => told.has(id)).length,
    failed: failed.size,
    toldAgain: outcomes.length - told.size,
    unexplained: countUnexplained(commits, run.rows),
    lost: countLost(wishes, effects, failed),
    outOfOrder: countOutOfOrder(effects),
    repeatedOverForeign: countRepeated(effects),
    blind: ours.filter(({ before, ifMatch }) =>
      before === null ? ifMatch !== null : ifMatch !== etagOf(before),
    ).length,
    stray: effects.filter(({ by, turn }) => by === 'service' && turn === undefined).length,
    lostForeign: countLostForeign(run),
    untrue: countUntrue(run, effects),
  };
}

/** The pseudo-field under which a delete is known. */
const EXISTENCE = '(deleted)';

/** What a change wants of one field of one record. */
interface Wish {
  readonly change: string;
  /** Place of the change in the order of publishing. */
  readonly turn: number;
  readonly assignment: string;
  readonly field: string;
  readonly value: string;
}

/** What a commit did to one field of one record. */
interface Effect {
  readonly by: 'service' | 'foreign';
  readonly assignment: string;
  readonly field: string;
  /** Of the change that wants exactly this; undefined where none does. */
  readonly turn: number | undefined;
}

function wishesOf(published: readonly PublishedChange[]): Wish[] {
  return published.flatMap(({ id: change, assignments }, turn) =>
    assignments.flatMap(({ id: assignment, operation, fields = {} }) => {
      const wish = { change, turn, assignment };
      if (operation === 'delete') return [{ ...wish, field: EXISTENCE, value: 'true' }];
      return Object.entries(fields).map(([field, value]) => ({ ...wish, field, value: canonical(value) }));
    }),
  );
}

/** In commit order. A delete that comes again belongs to the record's next change that deletes. */
function effectsOf(commits: readonly Commit[], wishes: readonly Wish[], user: string): Effect[] {
  const turns = Map.groupBy(wishes, ({ assignment, field, value }) => nameOf(assignment, field, value));
  const used = new Map<string, number>();
  return commits.flatMap(({ writer, operation, assignment, sent }): Effect[] => {
    const by = writer === user ? 'service' : 'foreign';
    if (operation === 'DELETE') {
      const name = nameOf(assignment, EXISTENCE, 'true');
      const earlier = used.get(name) ?? 0;
      used.set(name, earlier + 1);
      return [{ by, assignment, field: EXISTENCE, turn: turns.get(name)?.[earlier]?.turn }];
    }
    return Object.entries(sent).map(([field, value]) => {
      const name = nameOf(assignment, field, canonical(value));
      return { by, assignment, field, turn: by === 'service' ? turns.get(name)?.[0]?.turn : undefined };
    });
  });
}

function nameOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

function countLost(wishes: readonly Wish[], effects: readonly Effect[], failed: ReadonlySet<string>): number {
  // The latest change of each field, and of each record's existence, that took effect.
  const latest = new Map<string, number>();
  for (const { assignment, field, turn = -1 } of effects) {
    const name = nameOf(assignment, field);
    latest.set(name, Math.max(latest.get(name) ?? -1, turn));
  }
  return wishes.filter(({ change, turn, assignment, field }) => {
    const reached = Math.max(
      latest.get(nameOf(assignment, field)) ?? -1,
      latest.get(nameOf(assignment, EXISTENCE)) ?? -1,
    );
    return !failed.has(change) && reached < turn;
  }).length;
}

function countOutOfOrder(effects: readonly Effect[]): number {
  const latest = new Map<string, number>();
  let violations = 0;
  for (const { assignment, field, turn } of effects) {
    if (turn === undefined) continue;
    // A delete comes after everything before it, and everything later after the delete.
    const places =
      field === EXISTENCE ? [...latest.keys()].filter((name) => nameStarts(name, assignment)) : [];
    places.push(nameOf(assignment, field), nameOf(assignment, EXISTENCE));
    if (places.some((place) => (latest.get(place) ?? -1) > turn)) violations += 1;
    else latest.set(nameOf(assignment, field), turn);
  }
  return violations;
}

function nameStarts(name: string, assignment: string): boolean {
  return (JSON.parse(name) as string[])[0] === assignment;
}

function countRepeated(effects: readonly Effect[]): number {
  const last = new Map<string, { readonly turn: number; foreignSince: boolean }>();
  let repeated = 0;
  for (const { by, assignment, field, turn } of effects) {
    const name = nameOf(assignment, field);
    const known = last.get(name);
    if (by === 'foreign') {
      if (known) known.foreignSince = true;
    } else if (turn !== undefined) {
      if (known?.turn === turn && known.foreignSince) repeated += 1;
      last.set(name, { turn, foreignSince: false });
    }
  }
  return repeated;
}

function countLostForeign({ commits, foreign }: CapRun): number {
  const done = new Set(
    commits.flatMap(({ writer, assignment, sent }) =>
      Object.entries(sent).map(([field, value]) => nameOf(writer, assignment, field, canonical(value))),
    ),
  );
  return foreign.filter(
    (write) => !done.has(nameOf(write.writer, write.assignment, write.field, write.value)),
  ).length;
}

/** `updated`, `created` and `deleted` need a commit with an effect of that change, their ETag one that existed. */
function countUntrue({ published, outcomes, commits }: CapRun, effects: readonly Effect[]): number {
  const turnOf = new Map(published.map(({ id }, turn) => [id, turn]));
  const done = new Set(effects.map(({ assignment, turn }) => nameOf(assignment, String(turn))));
  const etags = new Set(
    commits.flatMap(({ assignment, after }) => (after === null ? [] : [nameOf(assignment, etagOf(after))])),
  );
  return outcomes
    .flatMap(({ data }) =>
      data.assignments.map((result) => ({ ...result, turn: turnOf.get(data.change.id) })),
    )
    .filter(({ id, result, etag, turn }) => {
      const written = ['updated', 'created', 'deleted'].includes(result);
      const untold = etag !== undefined && !etags.has(nameOf(id, etag));
      return untold || (written && !done.has(nameOf(id, String(turn))));
    }).length;
}
