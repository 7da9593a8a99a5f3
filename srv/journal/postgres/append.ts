/**
 * Appends a batch in one transaction. A batch that PostgreSQL refuses for its values is appended once more in halves, and halves
 * of these, until the culprits stand alone: they are answered as `refused`, the others are in, in their order.
 */
import { setsErased } from '../../events/erased.ts';
import { isSound } from '../../events/text.ts';
import {
  JournalUnavailable,
  type AppendResult,
  type Arrival,
  type ChangeArrival,
  type UnreadableArrival,
} from '../port.ts';
import { appendUnreadable } from './append-unreadable.ts';
import { openRecords } from './change-rows.ts';
import type { Database, Run, Transaction } from './database.ts';
import { appendReplay, appendUnreadableReplay } from './decide.ts';
import { CHANGE_FORMAT } from './format.ts';
import type { Answer, Placed } from './placed.ts';
import { describe, kindOf } from './problem.ts';

type Step<Kind extends Arrival> = (run: Run, placed: readonly Placed<Kind>[]) => Promise<readonly Answer[]>;

/** @throws JournalUnavailable: nothing was appended */
export async function appendBatch(
  database: Database,
  arrivals: readonly Arrival[],
): Promise<readonly AppendResult[]> {
  try {
    return await database.transaction((transaction) => appendAll(arrivals, transaction, plainly));
  } catch (error) {
    if (kindOf(error) !== 'data') throw error;
    return database.transaction((transaction) => appendAll(arrivals, transaction, inHalves));
  }
}

type Manner = typeof plainly;

async function appendAll(
  arrivals: readonly Arrival[],
  transaction: Transaction,
  manner: Manner,
): Promise<readonly AppendResult[]> {
  const changes: Placed<ChangeArrival>[] = [];
  const unreadable: Placed<UnreadableArrival>[] = [];
  const answers = new Map<number, AppendResult>();
  for (const [index, arrival] of arrivals.entries()) {
    if (arrival.kind === 'unreadable') unreadable.push({ index, arrival });
    else {
      const reason = faultOf(arrival);
      if (reason === undefined) changes.push({ index, arrival });
      else answers.set(index, { kind: 'refused', reason });
    }
  }
  if (changes.length > 0) {
    await transaction.run('append/lock-lanes', [changes.map(({ arrival }) => arrival.change.territoryId)]);
  }
  const told = [
    ...(await manner(
      transaction,
      changes.filter(({ arrival }) => !arrival.replay),
      appendChanges,
    )),
    ...(await manner(
      transaction,
      changes.filter(({ arrival }) => arrival.replay),
      appendReplays,
    )),
    ...(await appendUnreadable(
      transaction.run,
      unreadable.filter(({ arrival }) => arrival.replayOf === undefined),
    )),
    ...(await appendUnreadableReplays(
      transaction.run,
      unreadable.filter(({ arrival }) => arrival.replayOf !== undefined),
    )),
  ];
  for (const [index, result] of told) answers.set(index, result);
  return arrivals.map((_, index) => {
    const answer = answers.get(index);
    if (answer) return answer;
    throw new JournalUnavailable(
      'A known change was deleted while it was delivered again; it is tried again',
    );
  });
}

async function plainly<Kind extends Arrival>(
  { run }: Transaction,
  placed: readonly Placed<Kind>[],
  step: Step<Kind>,
): Promise<readonly Answer[]> {
  return placed.length === 0 ? [] : step(run, placed);
}

async function inHalves<Kind extends Arrival>(
  transaction: Transaction,
  placed: readonly Placed<Kind>[],
  step: Step<Kind>,
): Promise<readonly Answer[]> {
  const [first] = placed;
  if (!first) return [];
  try {
    return await transaction.orUndone(() => step(transaction.run, placed));
  } catch (error) {
    if (kindOf(error) !== 'data') throw error;
    if (placed.length === 1) return [[first.index, { kind: 'refused', reason: describe(error) }]];
    const half = Math.ceil(placed.length / 2);
    // The earlier half first: positions are given in the order of delivery.
    const earlier = await inHalves(transaction, placed.slice(0, half), step);
    return [...earlier, ...(await inHalves(transaction, placed.slice(half), step))];
  }
}

async function appendChanges(run: Run, placed: readonly Placed<ChangeArrival>[]): Promise<readonly Answer[]> {
  const column = <T>(of: (arrival: ChangeArrival) => T): readonly T[] =>
    placed.map(({ arrival }) => of(arrival));
  const inserted = await run('append/insert-changes', [
    CHANGE_FORMAT,
    column(({ change }) => change.territoryId),
    column(({ change }) => change.source),
    column(({ change }) => change.id),
    column(({ payload }) => payload.digest),
    column(({ change }) => JSON.stringify(change)),
    column(({ payload }) => payload.body),
    column(({ payload }) => payload.contentType ?? null),
    column(({ receivedAt }) => receivedAt),
    column(({ change }) => JSON.stringify(openRecords(change.assignments, []))),
  ]);
  const answers = inserted.map((row): Answer => [
    placed[Number(row['index']) - 1]?.index ?? -1,
    { kind: 'appended', position: Number(row['position']) },
  ]);
  const fresh = new Set(answers.map(([index]) => index));
  return [
    ...answers,
    ...(await recognise(
      run,
      placed.filter(({ index }) => !fresh.has(index)),
    )),
  ];
}

/** Tells of what was not new whether it is the same as what is known. */
async function recognise(run: Run, old: readonly Placed<ChangeArrival>[]): Promise<readonly Answer[]> {
  if (old.length === 0) return [];
  const known = await run('append/known-changes', [
    old.map(({ arrival }) => arrival.change.source),
    old.map(({ arrival }) => arrival.change.id),
  ]);
  return known.flatMap((row): Answer[] => {
    const one = old[Number(row['index']) - 1];
    if (!one) return [];
    if (row['digest'] !== one.arrival.payload.digest) return [[one.index, { kind: 'clash' }]];
    return [[one.index, { kind: row['pending'] === true ? 'pending' : 'duplicate' }]];
  });
}

/** Few: one after the other. */
async function appendReplays(run: Run, placed: readonly Placed<ChangeArrival>[]): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  await run('decide/lock-letters', [placed.map(({ arrival }) => arrival.replay?.deadLetterId ?? '')]);
  for (const { index, arrival } of placed) {
    if (arrival.replay) answers.push([index, await appendReplay(run, arrival, arrival.replay)]);
  }
  return answers;
}

async function appendUnreadableReplays(
  run: Run,
  placed: readonly Placed<UnreadableArrival>[],
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (const { index, arrival } of placed) {
    const { replayOf = '' } = arrival;
    answers.push([index, await appendUnreadableReplay(run, arrival, replayOf)]);
  }
  return answers;
}

/** Why it cannot be kept as it is, whatever PostgreSQL says; undefined where it can. */
function faultOf(arrival: ChangeArrival): string | undefined {
  if (!hasSoundKeys(arrival)) return 'its keys hold a NUL or half a character';
  // Of a dead letter that is replayed as it stands.
  if (setsErased(arrival.change.assignments)) return 'a value in it was erased: give new assignments';
  return undefined;
}

/** Keys are compared as text, so they must come back as they were; PostgreSQL would not refuse half a character there. */
function hasSoundKeys({ change }: ChangeArrival): boolean {
  return [change.source, change.id, change.territoryId].every(isSound);
}
