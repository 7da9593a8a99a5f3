/** Flight after flight of a journal's lanes, time passing where all of them wait. */
import type { Journal } from '../../../srv/journal/port.ts';
import { fly, type FlightDeps } from '../../../srv/lanes/flight.ts';
import type { ManualClock } from '../../doubles/manual-clock.ts';

/** More than any of these tests needs. */
const FLIGHTS = 60;

/** @throws Error where it is not over after so many flights as should do */
export async function flyUntil(
  isOver: () => boolean,
  {
    journal,
    clock,
    deps,
  }: { readonly journal: Journal; readonly clock: ManualClock; readonly deps: FlightDeps },
): Promise<void> {
  for (let flights = 0; !isOver(); flights += 1) {
    if (flights > FLIGHTS) throw new Error(`it is not over after ${FLIGHTS} flights`);
    const lanes = await journal.claim({ records: 50, leaseMs: 60_000 });
    if (lanes.length > 0) await fly(lanes, 50, deps, () => true, new AbortController().signal);
    else clock.advance(Math.ceil((await journal.nextDueMs()) ?? 0) + 1);
  }
}
