/** The journal's work, watched for a call that never ends: intake and flights wait for it one after the other. */
import type { Journal } from '../journal/port.ts';
import type { Liveness } from './liveness.ts';

/** Many times what the patience with a database, its time-outs and its collisions come to. */
const CALL_LIMIT_MS = 600_000;

/** The same journal. @param journal whose methods need no `this` */
export function watchedJournal(journal: Journal, liveness: Pick<Liveness, 'within'>): Journal {
  return {
    ...journal,
    append: (arrivals) => liveness.within(CALL_LIMIT_MS, 'an append', () => journal.append(arrivals)),
    claim: (request) => liveness.within(CALL_LIMIT_MS, 'a claim', () => journal.claim(request)),
    complete: (lanes) => liveness.within(CALL_LIMIT_MS, 'a completion', () => journal.complete(lanes)),
  };
}
