/**
 * What people decide of dead letters, each once. A change of a lane is its own dead letter: a replay opens it again, with the
 * position that it had and with what had succeeded. Part of the transaction that appends.
 */
import { carriedOver, succeededOf } from '../carried.ts';
import { boundedHistory } from '../history.ts';
import type { AppendResult, ChangeArrival, Discard, Replay, UnreadableArrival } from '../port.ts';
import { openRecords, recordedProgressOf, resultsText } from './change-rows.ts';
import type { Run } from './database.ts';
import { FORMAT } from './format.ts';
import { queueMessages } from './outbox-rows.ts';

/** A dead letter's change runs again. Its lane is locked. */
export async function appendReplay(run: Run, arrival: ChangeArrival, replay: Replay): Promise<AppendResult> {
  const { change, receivedAt, payload } = arrival;
  const { deadLetterId } = replay;
  const [letter] = await run('decide/dead-change', [deadLetterId]);
  if (!(await isNew(run, deadLetterId, 'replay', []))) return repeated(run, deadLetterId);
  const history = JSON.stringify(boundedHistory(replay.history));
  const written = [
    JSON.stringify(replay),
    JSON.stringify(change),
    payload.body,
    payload.contentType ?? null,
    receivedAt,
  ];
  await run('decide/count-run', [change.territoryId, FORMAT]);
  if (letter && letter['territory_id'] === change.territoryId) {
    const { position, assignments, results } = recordedProgressOf({ ...letter, history: [] });
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
    return { kind: 'appended', position };
  }
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
  { messages }: UnreadableArrival,
  deadLetterId: string,
): Promise<AppendResult> {
  const ids = messages.map(({ id }) => id);
  if (!(await isNew(run, deadLetterId, 'replay', ids))) return repeated(run, deadLetterId);
  await run('decide/close-letter', [deadLetterId]);
  await queueMessages(
    run,
    messages.map((message) => ({ message, position: null })),
  );
  return { kind: 'appended', position: 0 };
}

/** A dead letter is not to run again. */
export async function recordDiscard(
  run: Run,
  { deadLetterId, messages }: Discard,
): Promise<'accepted' | 'decided'> {
  const ids = messages.map(({ id }) => id);
  if (!(await isNew(run, deadLetterId, 'discard', ids))) return 'decided';
  await run('decide/close-letter', [deadLetterId]);
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
): Promise<boolean> {
  return (await run('decide/decide', [deadLetterId, action, messageIds])).length > 0;
}

/** Decided before: the same decision delivered again, or another one that comes too late. */
async function repeated(run: Run, deadLetterId: string): Promise<AppendResult> {
  const [row] = await run('decide/decided', [deadLetterId]);
  return { kind: row?.['pending'] === true ? 'pending' : 'duplicate' };
}
