/**
 * What people decide of dead letters, each once. A change of a lane is its own dead letter: a replay opens it again, with the
 * position that it had and with what had succeeded. Part of the transaction that appends.
 */
import { carriedOver, succeededOf } from '../carried.ts';
import { boundedHistory } from '../history.ts';
import type {
  AppendResult,
  ChangeArrival,
  Decider,
  Discard,
  Replay,
  TrailStep,
  UnreadableArrival,
} from '../port.ts';
import { openRecords, recordedProgressOf, resultsText, type StoredStep } from './change-rows.ts';
import type { Row, Run } from './database.ts';
import { CHANGE_FORMAT } from './format.ts';
import { queueMessages, storable } from './outbox-rows.ts';
import { unreadableRow } from './unreadable-rows.ts';

/** A dead letter's change runs again. Its lane is locked. */
export async function appendReplay(run: Run, arrival: ChangeArrival, replay: Replay): Promise<AppendResult> {
  const { change, receivedAt, payload } = arrival;
  const { deadLetterId } = replay;
  const [letter] = await run('decide/dead-change', [deadLetterId]);
  if (!(await isNew(run, deadLetterId, 'replay', [], replay.decider))) return repeated(run, deadLetterId);
  const trail = letter ? [...trailUpTo(letter), ...replay.history.slice(-1)] : replay.history;
  const history = JSON.stringify(boundedHistory<StoredStep>(trail));
  const written = [
    JSON.stringify(replay),
    JSON.stringify(change),
    payload.body,
    payload.contentType ?? null,
    receivedAt,
  ];
  await run('decide/count-run', [change.territoryId, CHANGE_FORMAT]);
  if (letter && letter['territory_id'] === change.territoryId) {
    const { position, assignments, results } = recordedProgressOf(letter);
    const carried = carriedOver(succeededOf(assignments, results), change.assignments);
    const open = JSON.stringify(openRecords(change.assignments, carried));
    await run('decide/run-again', [
      position,
      replay.decision,
      ...written,
      resultsText(carried),
      open,
      history,
    ]);
    if (letter['holds'] === true) await run('decide/release-lane', [change.territoryId]);
    return { kind: 'appended', position };
  }
  await closeLetter(run, deadLetterId, letter);
  const open = JSON.stringify(openRecords(change.assignments, []));
  const key = [change.territoryId, change.source, change.id, payload.digest, deadLetterId];
  const [row] = await run('decide/run-new', [
    ...key,
    replay.position ?? null,
    replay.decision,
    ...written,
    open,
    history,
  ]);
  const position = Number(row?.['position']);
  await run('decide/link-decision', [deadLetterId, position]);
  return { kind: 'appended', position };
}

/** A dead letter was to run again and still cannot be read: it is a dead letter anew. */
export async function appendUnreadableReplay(
  run: Run,
  arrival: UnreadableArrival,
  deadLetterId: string,
): Promise<AppendResult> {
  const { messages } = arrival;
  const ids = messages.map(({ id }) => id);
  const letter = await lockedLetter(run, deadLetterId);
  if (!(await isNew(run, deadLetterId, 'replay', ids, undefined))) return repeated(run, deadLetterId);
  await closeLetter(run, deadLetterId, letter);
  await run('append/unreadable-again', unreadableRow(arrival));
  await queueMessages(
    run,
    messages.map((message) => ({ message, position: null })),
  );
  return { kind: 'appended', position: 0 };
}

/** A dead letter is not to run again. */
export async function recordDiscard(
  run: Run,
  { deadLetterId, messages, decider }: Discard,
): Promise<'accepted' | 'decided'> {
  const ids = messages.map(({ id }) => id);
  const letter = await lockedLetter(run, deadLetterId);
  if (!(await isNew(run, deadLetterId, 'discard', ids, decider))) return 'decided';
  await closeLetter(run, deadLetterId, letter);
  await queueMessages(
    run,
    messages.map((message) => ({ message, position: null })),
  );
  return 'accepted';
}

async function isNew(
  run: Run,
  deadLetterId: string,
  action: 'replay' | 'discard',
  messageIds: readonly string[],
  decider: Decider | undefined,
): Promise<boolean> {
  const words = [decider?.by, decider?.note].map((text) => (text === undefined ? null : storable(text)));
  return (await run('decide/decide', [deadLetterId, action, messageIds, ...words])).length > 0;
}

/** The dead letter's change, if it is one, under its lane's lock: in the order in which a replay and a completion lock. */
async function lockedLetter(run: Run, deadLetterId: string): Promise<Row | undefined> {
  const [lane] = await run('decide/lane-of', [deadLetterId]);
  if (!lane) return undefined;
  await run('append/lock-lanes', [[lane['territory_id']]]);
  return (await run('decide/dead-change', [deadLetterId]))[0];
}

/** It is decided and does not run again in its own row. */
async function closeLetter(run: Run, deadLetterId: string, letter: Row | undefined): Promise<void> {
  await run('decide/close-letter', [deadLetterId]);
  if (letter?.['holds'] === true) await run('decide/release-lane', [letter['territory_id']]);
}

/** The path of a dead letter's change up to its failure, as the row tells it that its next run will write over. */
function trailUpTo(letter: Row): readonly StoredStep[] {
  const receipt: readonly TrailStep[] = [
    { at: letter['received_ms'] as number, step: 'received' },
    { at: letter['appended_ms'] as number, step: 'appended' },
  ];
  const code = letter['code'] as string | null;
  return [
    ...(letter['replayed'] === true ? [] : receipt),
    ...recordedProgressOf(letter).trail,
    { at: letter['ended_ms'] as number, step: 'dead-letter', ...(code !== null && { detail: code }) },
  ];
}

/** Decided before: the same decision delivered again, or another one that comes too late. */
async function repeated(run: Run, deadLetterId: string): Promise<AppendResult> {
  const [row] = await run('decide/decided', [deadLetterId]);
  return { kind: row?.['pending'] === true ? 'pending' : 'duplicate' };
}
