/**
 * Which of the ready lanes share a flight. Pure. The lane that has been ready longest always flies, so no lane can be
 * starved; the others join it while their records fit. What does not fit is the first one next time, and then has the
 * whole flight for itself if need be.
 */
import { openRecords } from '../open-records.ts';
import type { PendingChange } from '../port.ts';
import type { ChangeEntry } from './entry.ts';
import type { Lane } from './lane.ts';

/** Changes of one lane that a claim hands out: more than any flight can use. */
const CHANGES_PER_CLAIM = 1000;

/** A lane and what its owner is given. */
export interface Boarding {
  readonly lane: Lane;
  /** Never empty. */
  readonly changes: readonly PendingChange[];
}

/**
 * Takes lanes in the order given until their records fill the flight.
 * @param ready lanes with something pending, the longest ready first
 * @param room records wanted
 * @param toPending a change as its flight gets it
 */
export function pack(
  ready: readonly Lane[],
  room: number,
  toPending: (entry: ChangeEntry) => PendingChange,
): Boarding[] {
  const boarding: Boarding[] = [];
  let taken = 0;
  for (const lane of ready) {
    const changes = lane.pending().slice(0, CHANGES_PER_CLAIM).map(toPending);
    const wanted = openRecords(changes);
    if (boarding.length > 0 && taken + wanted > room) continue;
    boarding.push({ lane, changes });
    taken += wanted;
    if (taken >= room) break;
  }
  return boarding;
}
