/** What becomes of an arrival in the embedded journal: a place in its lane, a message, or nothing, as it is known already. */
import { changeKey } from '../../events/change.ts';
import {
  receiptOf,
  type AppendResult,
  type Arrival,
  type ChangeArrival,
  type Replay,
  type UnreadableArrival,
} from '../port.ts';
import { newChangeEntry, newUnreadableEntry } from './entry.ts';
import type { Lane } from './lane.ts';
import type { Numbers } from './numbers.ts';
import type { Parts } from './parts.ts';

export function append(parts: Parts, arrival: Arrival): AppendResult {
  const { known } = parts;
  const receipt = receiptOf(arrival);
  known.forgetLost(receipt);
  const found = known.find(receipt);
  // A dead letter is decided once, so whatever else is to be made of it comes too late.
  const isDecision = arrival.kind === 'change' ? arrival.replay : arrival.replayOf;
  if (found && !isDecision && found.digest !== arrival.payload.digest) return { kind: 'clash' };
  if (found) return { kind: found.released ? 'duplicate' : 'pending' };
  if (arrival.kind === 'unreadable') {
    const isTwin = arrival.alone && known.hasAny(changeKey(arrival.ref));
    return isTwin ? { kind: 'clash' } : appendUnreadable(parts, arrival);
  }
  return arrival.replay ? appendReplay(parts, arrival, arrival.replay) : appendChange(parts, arrival);
}

function appendChange({ known, book, clock, write, numbers }: Parts, arrival: ChangeArrival): AppendResult {
  const entry = newChangeEntry(arrival, numbers.nextPosition());
  known.add(entry);
  book.of(arrival.change.territoryId).append(entry, clock.monotonicMs());
  write.appended(entry);
  return { kind: 'appended', position: entry.position };
}

/** In the place of what it replays, where that is free. */
function appendReplay(parts: Parts, arrival: ChangeArrival, replay: Replay): AppendResult {
  const { known, book, clock, write, numbers, deadLetters } = parts;
  const { assignments, territoryId } = arrival.change;
  const lane = book.of(territoryId);
  const had = deadLetters.replaying(replay.deadLetterId)?.position ?? replay.position;
  const position = isFree(had, lane, numbers) ? had : numbers.nextPosition();
  const carried = deadLetters.carried(replay.deadLetterId, assignments);
  const entry = newChangeEntry(arrival, position, carried);
  known.add(entry);
  lane.insert(entry, clock.monotonicMs());
  write.appended(entry);
  return { kind: 'appended', position };
}

function appendUnreadable({ known, outbox, write }: Parts, arrival: UnreadableArrival): AppendResult {
  const entry = newUnreadableEntry(arrival);
  known.add(entry);
  outbox.add(entry, arrival.messages);
  write.unreadable(arrival);
  return { kind: 'appended', position: 0 };
}

/** Given before, and no pending change of the lane has it. */
function isFree(position: number | undefined, lane: Lane, numbers: Numbers): position is number {
  if (position === undefined || !numbers.wasGiven(position)) return false;
  return lane.pending().every((entry) => entry.position !== position);
}
