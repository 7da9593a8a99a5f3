/**
 * Compares what a history came to with the same changes applied one by one. The program may leave out states (it merges),
 * and leave out what failed; it may not add a state, change their order, or end in another one.
 */
import type { Fields } from '../../../../srv/events/change.ts';
import type { AssignmentResult } from '../../../../srv/events/outcome.ts';
import { BAD, FOREIGN_FIELD, isBroken, POISON } from '../../../doubles/territory-api.ts';
import { SEEDED, type History, type PlannedAssignment } from './history.ts';
import type { Journey, Run } from './run.ts';

/** One assignment of one change with its result, in the order in which they have to take effect. */
interface Step {
  readonly record: string;
  readonly position: number;
  readonly index: number;
  readonly planned: PlannedAssignment;
  /** All assignments of its change. */
  readonly change: readonly PlannedAssignment[];
  readonly result: AssignmentResult;
  /** A request that carries its effect was carried out. */
  readonly landed: boolean;
}

/** @throws Error in whose message stands which guarantee was broken */
export function check(history: History, run: Run): void {
  for (const journey of run.journeys) checkEnding(journey, history.transactionsUpTo ? 'whole' : 'each alone');
  const steps = stepsOf(run);
  if (history.transactionsUpTo) checkWhole(steps, run);
  const byRecord = Map.groupBy(steps, ({ record }) => record);
  for (const [record, ofRecord] of byRecord) {
    const states = sequentialStates(record, ofRecord, history, run);
    checkStates(record, states, run.api.history(record).map(ownPart));
    for (const step of ofRecord) checkResult(step, ofRecord);
  }
  for (const record of ['A/T1', 'A/T2', 'B/T1', 'B/T2']) checkForeign(record, run.api.history(record));
}

function checkEnding({ planned, position, endings }: Journey, atomic: 'whole' | 'each alone'): void {
  demand(endings.length === 1, `change ${position} has ${endings.length} endings instead of one`);
  for (const { results, attempts, conflicts, outcome } of endings) {
    demand(
      results.length === planned.assignments.length,
      `change ${position} has a result too many or too few`,
    );
    demand(
      results.every(({ id }, index) => id === planned.assignments[index]?.id),
      `change ${position} mixes up results`,
    );
    demand(conflicts <= attempts, `change ${position} had more conflicts than attempts`);
    const written = results.some(({ result }) => ['created', 'updated', 'deleted'].includes(result));
    demand(!written || attempts > 0, `change ${position} was written without an attempt`);
    const skipped = results.some(({ result }) => result === 'skipped');
    demand(!skipped || atomic === 'whole', `change ${position} was skipped in part`);
    demand(
      (outcome === 'failed') === results.some(({ result }) => result === 'failed'),
      `${position}: wrong outcome`,
    );
  }
}

function stepsOf({ journeys, covers, api }: Run): Step[] {
  const landed = new Set<string>();
  for (const { idempotencyKey } of api.landed) {
    for (const { position, index } of covers.get(idempotencyKey) ?? []) landed.add(`${position} ${index}`);
  }
  return journeys
    .toSorted((a, b) => a.position - b.position)
    .flatMap(({ planned, position, endings }) =>
      planned.assignments.map((assignment, index): Step => {
        const result = endings[0]?.results[index];
        if (!result) throw new Error(`change ${position} has no result for its assignment ${index}`);
        const record = `${planned.territoryId}/${assignment.id}`;
        return {
          record,
          position,
          index,
          planned: assignment,
          change: planned.assignments,
          result,
          landed: landed.has(`${position} ${index}`),
        };
      }),
    );
}

/** The states that the record goes through when the steps are applied one by one; each differs from the one before. */
function sequentialStates(
  record: string,
  steps: readonly Step[],
  history: History,
  run: Run,
): readonly (Fields | undefined)[] {
  let state: Fields | undefined = SEEDED[record.slice(2)];
  let createdByDeadLetter = false;
  // Of a delete that was left only the version is kept: what comes after it overlaps where others wrote, or the version is not told.
  const isVersionLost =
    history.behaviour.etags === 'untold' ||
    run.api.history(record).some((fields) => Number(fields?.[FOREIGN_FIELD] ?? 0) > 0);
  let deleteLeft = false;
  const states = [state];
  for (const step of steps) {
    const failed = !hasSucceeded(step);
    const isExcused = deleteLeft && isVersionLost && step.result.error?.code === 'OVERLAP';
    if (failed && step.planned.operation === 'delete') deleteLeft = true;
    if (step.result.result === 'failed' && !isExcused)
      checkFault(step, createdByDeadLetter ? undefined : state, history, run);
    if (failed && !step.landed) continue;
    // A dead letter in doubt may land late: until then its record was rightly unknown.
    if (step.planned.operation === 'create' && !state) createdByDeadLetter = failed;
    state = applied(step, state);
    if (!same(state, states.at(-1))) states.push(state);
  }
  return states;
}

function applied({ planned, result, record }: Step, state: Fields | undefined): Fields | undefined {
  switch (planned.operation) {
    case 'update':
      demand(state !== undefined, `an update of the missing ${record} ended as ${result.result}`);
      return { ...state, ...planned.fields };
    case 'create':
      return { ...state, ...planned.fields };
    case 'delete':
      return undefined;
  }
}

/** A change fails only for a fault of its own. */
function checkFault(
  { planned, change, result, record, landed }: Step,
  state: Fields | undefined,
  history: History,
  run: Run,
): void {
  const code = result.error?.code;
  const told = run.api.toldOf(record);
  const { retryLimit, onOverlap, transactionsUpTo } = history;
  // Of a transaction that is refused as a whole, whoever is told of it stands for the others.
  const responsible = transactionsUpTo ? change : [planned];
  const as = (fault: string) => `${record} failed as ${String(code)}, but ${fault}: ${JSON.stringify(told)}`;
  switch (code) {
    case 'REJECTED_BY_API':
      demand(responsible.some(isWrong), as('nothing was wrong with it'));
      return demand(!landed, as('it was written'));
    case 'UNKNOWN_ASSIGNMENT':
      demand(planned.operation === 'update' && state === undefined, as('it was there'));
      return demand(!landed, as('it was written'));
    case 'CONFLICT_LIMIT':
      demand(told.conflicts > 0, as('met no conflict'));
      return demand(told.conflicts + told.looks > retryLimit, as('met few'));
    case 'API_ERROR':
      const spoilt = responsible.some(isBroken) ? told.broken : 0;
      // Time-outs and refusals count too where the record alone is to blame for them.
      return demand(
        told.failures + told.unanswered + told.refusedWhole + spoilt > retryLimit,
        as('the API failed seldom'),
      );
    case 'OVERLAP':
      demand(onOverlap === 'review', as('the source wins'));
      return demand(
        told.unanswered + told.failures + told.broken + run.deaths > 0,
        as('it never was in doubt'),
      );
    case 'TOO_LARGE': {
      const records = new Set(change.map(({ id }) => id)).size;
      demand(!landed, as('it was written'));
      return demand(transactionsUpTo !== undefined && records > transactionsUpTo, as('it is small'));
    }
    case 'INVALID_EVENT': {
      const same = change.filter(({ id }) => id === planned.id);
      demand(!landed, as('it was written'));
      const isMixed = same.length > 1 && same.some(({ operation }) => operation !== 'update');
      return demand(transactionsUpTo !== undefined && isMixed, as('nothing was wrong with it'));
    }
    case 'DISCARDED':
    case 'FORBIDDEN':
    case undefined:
      throw new Error(as('nothing of that kind happened'));
  }
}

/** What the record really went through has to be a part of what it should have gone through, in order, to the same end. */
function checkStates(
  record: string,
  wanted: readonly (Fields | undefined)[],
  real: readonly (Fields | undefined)[],
): void {
  let place = 0;
  for (const state of real.length > 0 ? real : [undefined]) {
    while (place < wanted.length && !same(wanted[place], state)) place += 1;
    demand(
      place < wanted.length,
      `${record} went through ${show(real)}; one by one it would have been ${show(wanted)}`,
    );
  }
  const [last, right] = [real.at(-1), wanted.at(-1)];
  demand(same(last, right), `${record} ended as ${show([last])} instead of ${show([right])}`);
}

function checkResult(
  { record, position, index, planned, result, landed }: Step,
  ofRecord: readonly Step[],
): void {
  const name = `${record} in change ${position}`;
  const later = ofRecord.filter(
    (step) => step.position > position || (step.position === position && step.index > index),
  );
  switch (result.result) {
    case 'unchanged':
      return demand(!landed, `${name} was written, but ended as unchanged`);
    case 'superseded': {
      const set = new Set(later.filter(hasSucceeded).flatMap((step) => Object.keys(step.planned.fields)));
      return demand(
        Object.keys(planned.fields).every((field) => set.has(field)),
        `${name} was superseded by nothing`,
      );
    }
    case 'created':
      return demand(planned.operation === 'create', `${name} was created by an ${planned.operation}`);
    case 'deleted':
      return demand(planned.operation === 'delete', `${name} was deleted by an ${planned.operation}`);
    case 'updated':
      return demand(planned.operation !== 'delete', `${name} was updated by a delete`);
    case 'failed':
    case 'skipped':
      return;
  }
}

/** Of a change that is a transaction either all was written that needed it, or nothing was. */
function checkWhole(steps: readonly Step[], { api, deaths }: Run): void {
  const { unanswered, failures, broken } = api.toldInAll;
  // After a doubt what is found as wanted counts as written, though somebody else may have wanted the same.
  const everDoubted = unanswered + failures + broken + deaths > 0;
  for (const [position, whole] of Map.groupBy(steps, (step) => step.position)) {
    const results = whole.map(({ result }) => result.result);
    const written = whole.filter(({ landed }) => landed);
    const show = () => JSON.stringify(whole.map(({ landed, result }) => [result, landed]));
    demand(
      written.length === 0 || whole.every((step) => step.landed || hasSucceeded(step)),
      `change ${position} was written in part: ${show()}`,
    );
    const hasWritten = results.some((result) => ['created', 'updated', 'deleted'].includes(result));
    demand(
      everDoubted || !hasWritten || results.every((result) => result !== 'failed'),
      `change ${position} ended in part: ${show()}`,
    );
  }
}

function hasSucceeded({ result }: Step): boolean {
  return result.result !== 'failed' && result.result !== 'skipped';
}

/** Only a delete takes back what another program wrote; then it counts from the start again. */
function checkForeign(record: string, states: readonly (Fields | undefined)[]): void {
  for (const [place, state] of states.entries()) {
    const before = Number(states[place - 1]?.[FOREIGN_FIELD] ?? 0);
    const now = Number(state?.[FOREIGN_FIELD] ?? 0);
    demand(
      state === undefined || now === before || now === before + 1,
      `${record}: a foreign field was overwritten`,
    );
  }
}

function isWrong({ fields }: PlannedAssignment): boolean {
  return Object.values(fields).some((value) => value === BAD || value === POISON);
}

function ownPart(fields: Fields | undefined): Fields | undefined {
  if (!fields) return undefined;
  const { [FOREIGN_FIELD]: _, ...own } = fields;
  return own;
}

function same(one: Fields | undefined, other: Fields | undefined): boolean {
  return show([one]) === show([other]);
}

function show(states: readonly (Fields | undefined)[]): string {
  return states
    .map((state) =>
      state ? JSON.stringify(Object.entries(state).toSorted(([a], [b]) => (a < b ? -1 : 1))) : 'nothing',
    )
    .join(' → ');
}

function demand(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(otherwise);
}
