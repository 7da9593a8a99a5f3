/** What a PostgreSQL journal of a test is made of: the real clock, and whatever else the test does not care for. */
import type { PostgresJournalOptions } from '../../srv/journal/postgres/index.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { systemRandom } from '../../srv/platform/random.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';

/** @param more wins over what is given here: an instance with a name of its own, and no limits but the journal's */
export function journalOptions(
  { credentials }: { readonly credentials: PostgresJournalOptions['binding']['credentials'] },
  more: Partial<PostgresJournalOptions> = {},
): PostgresJournalOptions {
  return {
    binding: { name: 'test', credentials },
    clock: systemClock,
    random: systemRandom,
    log: createRecordingLog(),
    instance: systemRandom.uuid(),
    ...more,
  };
}
