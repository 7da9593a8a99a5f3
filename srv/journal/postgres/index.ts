/** The PostgreSQL journal from outside: everything else in this folder is its own affair. */
export { PostgresJournal, type PostgresJournalOptions } from './journal.ts';
export { PostgresSettingsError } from './settings.ts';
import { PostgresJournal, type PostgresJournalOptions } from './journal.ts';

/**
 * Makes the journal; `start` connects it.
 * @throws PostgresSettingsError if the binding cannot be used as it is
 */
export function createPostgresJournal(options: PostgresJournalOptions): PostgresJournal {
  return new PostgresJournal(options);
}
