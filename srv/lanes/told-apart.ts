/**
 * A merged write at which the API fails for long may hold one change that it fails at, and others that it would take. So its changes
 * are told apart; but it may have landed all the same, late or in spite of its answer, and then its older values must not come again.
 * Each time before its first change goes alone (`PlannedWrite.apart`), the record is read as after a refused repetition of the
 * whole, and the ETag that the part carries stops the whole for good.
 */
import type { ClaimedLane, Intent, RecordMemory } from '../journal/port.ts';

/** What is sent of it next, and what has to be looked for before that is sent again. */
export function asPart(intent: Intent, memory: RecordMemory | undefined): Intent {
  return memory?.toldApart && memory.intent ? { ...intent, partOf: memory.intent } : intent;
}

/** The lane without parts in doubt: a part that was sent last is, like its whole, looked for and not repeated at once. */
export function recallWholes(lane: ClaimedLane): ClaimedLane {
  const { records } = lane.memory;
  if (![...records.values()].some(({ intent }) => intent?.partOf)) return lane;
  const recalled = new Map([...records].map(([id, record]) => [id, recallWhole(record)]));
  return { ...lane, memory: { ...lane.memory, records: recalled } };
}

function recallWhole(record: RecordMemory): RecordMemory {
  const whole = record.intent?.partOf;
  return whole ? { ...record, doubt: 'refused', intent: whole } : record;
}
