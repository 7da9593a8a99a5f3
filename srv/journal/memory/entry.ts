/** One arrival in the embedded journal, from its append until the mesh may forget it. */
import { boundedHistory } from '../history.ts';
import type { ChangeRef } from '../../events/change.ts';
import type { AssignmentResult } from '../../events/outcome.ts';
import {
  decisionReceipt,
  receiptOf,
  type ChangeArrival,
  type ChangeProgress,
  type Discard,
  type HistoryStep,
  type LaterOnRecord,
  type PendingChange,
  type UnreadableArrival,
} from '../port.ts';

/** What every entry has, readable or not. */
interface EntryBase {
  readonly ref: ChangeRef;
  readonly receipt: string;
  readonly digest: string;
  /** Messages of it that the mesh has not accepted yet. */
  unsent: number;
  /** Its outcome is decided and its messages are queued. */
  ended: boolean;
}

/** A change in a lane. */
export interface ChangeEntry extends EntryBase {
  readonly kind: 'change';
  readonly arrival: ChangeArrival;
  readonly position: number;
  results: readonly (AssignmentResult | undefined)[];
  attempts: number;
  conflicts: number;
  history: readonly HistoryStep[];
  /** The link that brought it is gone: another instance may have been delivered it, and may be done with it. */
  lost?: boolean;
}

/** What only has something to tell, as what could not be read or a discard: it ended on arrival and belongs to no lane. */
export interface LooseEntry extends EntryBase {
  readonly kind: 'loose';
}

export type Entry = ChangeEntry | LooseEntry;

/** @param results by index, of what is not to be run; else all of it is */
export function newChangeEntry(
  arrival: ChangeArrival,
  position: number,
  results: ChangeEntry['results'] = arrival.change.assignments.map(() => undefined),
): ChangeEntry {
  return {
    kind: 'change',
    ref: arrival.change,
    arrival,
    position,
    receipt: receiptOf(arrival),
    digest: arrival.payload.digest,
    unsent: 0,
    ended: false,
    results,
    attempts: 0,
    conflicts: 0,
    history: boundedHistory(arrival.replay?.history ?? []),
  };
}

export function newUnreadableEntry(arrival: UnreadableArrival): LooseEntry {
  return {
    kind: 'loose',
    ref: arrival.ref,
    receipt: receiptOf(arrival),
    digest: arrival.payload.digest,
    unsent: 0,
    ended: true,
  };
}

export function newDiscardEntry({ ref, deadLetterId }: Discard): LooseEntry {
  return { kind: 'loose', ref, receipt: decisionReceipt(deadLetterId), digest: '', unsent: 0, ended: true };
}

/** The entry as the port gives it to a flight. */
export function pendingChange(
  entry: ChangeEntry,
  later: ReadonlyMap<string, LaterOnRecord> | undefined,
): PendingChange {
  const { replay } = entry.arrival;
  return {
    change: entry.arrival.change,
    payload: entry.arrival.payload,
    position: entry.position,
    decision: replay?.decision ?? 0,
    receivedAt: entry.arrival.receivedAt,
    results: entry.results,
    attempts: entry.attempts,
    conflicts: entry.conflicts,
    history: entry.history,
    ...(replay && { replay }),
    ...(later && { later }),
  };
}

/** Adds what a flight made of the change; a result once there is never replaced. */
export function recordProgress(entry: ChangeEntry, progress: ChangeProgress): void {
  entry.results = entry.results.map((known, index) => known ?? progress.results.get(index));
  entry.attempts += progress.attempts;
  entry.conflicts += progress.conflicts;
  entry.history = boundedHistory([...entry.history, ...progress.history]);
}
