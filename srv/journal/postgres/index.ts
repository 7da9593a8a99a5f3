/** The PostgreSQL journal from outside: everything else in this folder is its own affair. */
export { PostgresJournal } from './journal.ts';
export type { PostgresJournalOptions } from './options.ts';
export { PostgresSettingsError } from './settings.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import type { ErasureOrder, ErasureReport } from '../erasure.ts';
import { Availability } from './availability.ts';
import { Database } from './database.ts';
import { erasePerson } from './erase.ts';
import { PostgresJournal } from './journal.ts';
import type { PostgresJournalOptions } from './options.ts';
import { readEndpoint } from './settings.ts';

/**
 * Makes the journal; `start` connects it.
 * @throws PostgresSettingsError if the binding cannot be used as it is
 */
export function createPostgresJournal(options: PostgresJournalOptions): PostgresJournal {
  return new PostgresJournal(options);
}

/** A page of bytes takes longer to look through than any statement of a flight. */
const ERASURE_STATEMENT_MS = 60_000;

export interface ErasureTools extends Pick<PostgresJournalOptions, 'binding'> {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Takes a person out of the journal, beside whoever works with it. The tables must be there: a service has started on them.
 * @throws JournalUnavailable, PostgresSettingsError
 */
export async function erasePersonIn(tools: ErasureTools, order: ErasureOrder): Promise<ErasureReport> {
  const { binding, clock, random, log } = tools;
  const database = new Database({
    endpoint: readEndpoint(binding.name, binding.credentials),
    clock,
    availability: new Availability(clock, log),
    poolSize: 1,
    statementTimeoutMs: ERASURE_STATEMENT_MS,
    applicationName: 'territory-sync erase',
  });
  try {
    return await erasePerson(database, order, random.uuid());
  } finally {
    await database.close();
  }
}
