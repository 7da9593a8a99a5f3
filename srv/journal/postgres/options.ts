/** What the journal in PostgreSQL is made of. */
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import type { Credentials } from './settings.ts';

export interface PostgresJournalOptions {
  /** The bound service. */
  readonly binding: { readonly name: string; readonly credentials: Credentials };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Names this instance among all that use the database; another one at each start. */
  readonly instance: string;
  /** Flights at a time over all instances; absent: no limit of the journal's. */
  readonly concurrency?: number;
  /** A publisher that has not renewed by then is taken to be gone. (The leases of lanes come with each claim.) */
  readonly leaseMs?: number;
  /** Connections at most; one more listens. */
  readonly poolSize?: number;
  /** Longest that the database works on one statement. */
  readonly statementTimeoutMs?: number;
}
