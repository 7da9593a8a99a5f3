/**
 * Compares what each record went through with the same changes applied one by one in the order of the queue. It knows nothing of
 * lanes, merging or ETags: only what was published, what subscribers were told, and what the API's records were.
 */
import type { Scalar } from '../../../srv/events/change.ts';
import type { AssignmentResult } from '../../../srv/events/outcome.ts';
import type { Records, Version } from '../world/records.ts';
import { editedFields, type Order } from '../world/operators.ts';
import { FIELDS, type PublishedChange } from '../world/workload.ts';
import { checkFault, type FaultRules } from './faults.ts';
import type { Told } from './outcomes.ts';
import type { Verdict } from './violation.ts';

/** A change that was published, and when. */
export interface Expected extends PublishedChange {
  readonly publishedMs: number;
}

export interface EffectRules extends FaultRules {
  /** `again`: after a crash of an embedded journal an intermediate value may appear again. */
  readonly repetition: 'never' | 'again';
  readonly ordersOn: (changeId: string) => readonly Order[];
}

/** What a field is where there is no record. */
const ABSENT = Symbol('absent');
type Value = Scalar | typeof ABSENT;

/** One field of one assignment of one change. */
interface Item {
  readonly name: string;
  /** What it sets; more than one where somebody may have edited it. */
  readonly values: readonly Value[];
  readonly before: Scalar | undefined;
  readonly publishedMs: number;
  readonly endedMs: number;
  readonly succeeded: boolean;
  readonly isReplay: boolean;
  /** Replays that were ordered, carried out or not. */
  readonly replays: readonly Order[];
}

/** One assignment of a change, and what became of it. */
export interface Step {
  readonly expected: Expected;
  readonly index: number;
  readonly result: AssignmentResult;
  readonly told: Told;
}

const WRITTEN: readonly AssignmentResult['result'][] = ['created', 'updated', 'deleted', 'unchanged'];

export function checkEffects(
  expected: readonly Expected[],
  outcomes: ReadonlyMap<string, ReadonlyMap<number, Told>>,
  records: Records,
  rules: EffectRules,
  verdict: Verdict,
): void {
  const byRecord = new Map<string, Step[]>();
  for (const change of expected) {
    const told = [...(outcomes.get(change.id)?.values() ?? [])]
      .toSorted((a, b) => a.decision - b.decision)
      .at(-1);
    if (!told) continue;
    verdict.demand(
      told.assignments.length === change.assignments.length || told.code === 'DISCARDED',
      'every-assignment',
      () =>
        `${change.id} has ${told.assignments.length} results for ${change.assignments.length} assignments`,
    );
    change.assignments.forEach((assignment, index) => {
      const record = `${change.territoryId}/${assignment.id}`;
      const result = told.assignments[index] ?? { id: assignment.id, result: 'failed' };
      const steps = byRecord.get(record) ?? [];
      steps.push({ expected: change, index, result, told });
      byRecord.set(record, steps);
    });
  }
  for (const record of records.keys()) {
    const steps = byRecord.get(record) ?? [];
    const history = records.history(record);
    for (const field of FIELDS) {
      const items = itemsOf(field, steps, rules);
      const values = valuesOf(field, history);
      checkFound(`${record}.${field}`, items, values, history, rules, verdict);
      checkLast(`${record}.${field}`, field, items, values, history, rules, verdict);
      checkOwn(`${record}.${field}`, field, items, history, rules, verdict);
    }
    for (const step of steps) checkFault(record, step, history, rules, verdict);
    checkSuperseded(record, steps, rules, verdict);
  }
}

function itemsOf(field: string, steps: readonly Step[], rules: EffectRules): readonly Item[] {
  return steps.flatMap(({ expected, index, result, told }): Item[] => {
    const assignment = expected.assignments[index];
    if (!assignment) return [];
    const isDelete = assignment.operation === 'delete';
    if (!isDelete && !(field in assignment.fields)) return [];
    const replays = rules.ordersOn(expected.id).filter(({ kind }) => kind === 'replay');
    const isEdited = !isDelete && replays.some(({ edited }) => edited);
    const value = isDelete ? ABSENT : (assignment.fields[field] ?? null);
    return [
      {
        name: `${expected.id}[${index}]`,
        values: isEdited ? [value, editedFields(assignment.fields)[field] ?? null] : [value],
        before: assignment.before?.[field],
        replays,
        publishedMs: expected.publishedMs,
        endedMs: told.atMs,
        succeeded: WRITTEN.includes(result.result),
        isReplay: told.decision > 0,
      },
    ];
  });
}

function valuesOf(field: string, history: readonly Version[]): readonly Value[] {
  return history.map(({ fields }) => fields?.[field] ?? ABSENT);
}

/**
 * Whatever succeeded and was not overwritten before it could be seen was there at some moment between its publication and its
 * outcome; these moments follow each other in the order of the changes.
 */
function checkFound(
  name: string,
  items: readonly Item[],
  values: readonly Value[],
  history: readonly Version[],
  { repetition }: EffectRules,
  verdict: Verdict,
): void {
  // What ran again after a crash may have ended well before it failed or was superseded.
  const endedWell = (item: Item) => item.succeeded || repetition === 'again';
  let from = 0;
  items.forEach((item, at) => {
    if (!item.succeeded) return;
    // A later change that was there before this one ended may have been merged with it, or have left nothing of a replay.
    const mayHide = items
      .slice(at + 1)
      .some((later) => endedWell(later) && (later.publishedMs <= item.endedMs || item.isReplay));
    if (mayHide) return;
    const found = values.findIndex(
      (value, index) =>
        index >= from &&
        item.values.includes(value) &&
        (history[index]?.atMs ?? 0) <= item.endedMs &&
        (history[index + 1]?.atMs ?? Infinity) >= item.publishedMs,
    );
    verdict.demand(
      found !== -1,
      'lost-update',
      () =>
        `${name}: ${item.name} ended well, but its ${item.values.map(String).join(' or ')} is not in its place: ${show(values)}`,
    );
    if (found !== -1) from = found;
  });
}

/** The program's last write of a field is that of the last change which sets it, unless this one found it as it wanted later. */
function checkLast(
  name: string,
  field: string,
  items: readonly Item[],
  values: readonly Value[],
  history: readonly Version[],
  { repetition }: EffectRules,
  verdict: Verdict,
): void {
  const last = items.at(-1);
  // What failed may have landed all the same; what a replay left out is not there.
  if (!last?.succeeded || last.isReplay) return;
  // Whoever replays an older change with all its fields undoes what came later.
  if (items.some(({ replays }) => replays.some(({ overwrite }) => overwrite))) return;
  const written = history.findLastIndex(
    ({ by }) => isOwn(by) && (by.operation === 'delete' || field in by.fields),
  );
  const isThere = values.some(
    (value, index) =>
      index >= written &&
      last.values.includes(value) &&
      // What ran again after a crash may be written once more, after it was told.
      (repetition === 'again' || (history[index]?.atMs ?? 0) <= last.endedMs) &&
      (history[index + 1]?.atMs ?? Infinity) >= last.publishedMs,
  );
  verdict.demand(
    isThere,
    'undone',
    () =>
      `${name}: ${last.name} set ${last.values.map(String).join(' or ')}, which the program undid: ${show(values)}`,
  );
}

/** The program's own writes follow the order of the changes, and set nothing that no change had set. */
function checkOwn(
  name: string,
  field: string,
  items: readonly Item[],
  history: readonly Version[],
  rules: EffectRules,
  verdict: Verdict,
): void {
  let from = 0;
  for (const { by, atMs } of history) {
    if (!isOwn(by)) continue;
    if (by.operation !== 'delete' && !(field in by.fields)) continue;
    const value = by.operation === 'delete' ? ABSENT : (by.fields[field] ?? null);
    const sets = (item: Item) => item.values.includes(value) && item.publishedMs <= atMs;
    const place = items.findIndex((item, index) => index >= from && sets(item));
    if (place === -1 && rules.repetition === 'again' && items.some(sets)) continue;
    // A replay comes after later changes, and undoes none of them.
    const replayed = items.findIndex(
      (item) => sets(item) && item.replays.some((order) => order.atMs <= atMs),
    );
    if (replayed !== -1) {
      checkReplay(name, items, replayed, verdict);
      if (place === -1 || replayed < place) continue;
    }
    verdict.demand(
      place !== -1,
      'order',
      () =>
        `${name}: ${String(value)} was written at ${atMs} after what ${items[from]?.name ?? 'nothing'} set; the changes are ${items
          .map((item) => `${item.name}=${item.values.map(String).join('|')}`)
          .join(' ')}`,
    );
    if (place !== -1) from = place;
  }
}

/** Superseded is only what later changes have set again, every field of it. */
function checkSuperseded(
  record: string,
  steps: readonly Step[],
  { repetition }: EffectRules,
  verdict: Verdict,
): void {
  const ended: readonly AssignmentResult['result'][] = [...WRITTEN, 'superseded'];
  steps.forEach(({ expected, index, result, told }, at) => {
    if (result.result !== 'superseded') return;
    // What ran again after a crash may have ended well before it failed.
    const later = steps
      .slice(at + 1)
      .filter((step) => repetition === 'again' || ended.includes(step.result.result));
    const covers = (field: string) =>
      later.some((step) => {
        const assignment = step.expected.assignments[step.index];
        return assignment?.operation === 'delete' || field in (assignment?.fields ?? {});
      });
    const fields = Object.keys(expected.assignments[index]?.fields ?? {});
    verdict.demand(
      told.decision > 0 || (fields.length > 0 && fields.every(covers)),
      'superseded',
      () =>
        `${expected.id}[${index}] on ${record} was superseded, but nothing later set all of ${fields.join()}`,
    );
  });
}

/** A replay leaves alone what later changes had ended on before it was ordered, unless it is to overwrite. */
function checkReplay(name: string, items: readonly Item[], at: number, verdict: Verdict): void {
  const item = items[at];
  if (!item || item.replays.some(({ overwrite }) => overwrite)) return;
  const [first] = item.replays;
  // A value that others set too is not known to be the replay's.
  if (items.some((other, index) => index !== at && other.values.some((value) => item.values.includes(value))))
    return;
  const undone = items
    .slice(at + 1)
    .find((later) => later.succeeded && !later.isReplay && later.endedMs < (first?.atMs ?? 0));
  verdict.demand(
    undone === undefined || first === undefined || item.replays.length > 1,
    'replay-undid',
    () => `${name}: the replay of ${item.name} wrote over ${String(undone?.name)}`,
  );
}

function isOwn(by: Version['by']): by is Exclude<Version['by'], string> {
  return typeof by !== 'string';
}

function show(values: readonly Value[]): string {
  return values.map(String).join(' → ');
}
