import { afterAll } from 'vitest';
import { MemoryJournal } from '../../srv/journal/memory/journal.ts';
import { ManualClock } from '../doubles/manual-clock.ts';
import { describeOnPostgres } from '../integration/postgres-tests.ts';
import { journalContract, type JournalSetup } from './journal.contract.ts';
import { journalHistories } from './journal/histories.ts';
import { PostgresBench } from './journal/postgres-bench.ts';

const memory: JournalSetup = async (options) => {
  const clock = new ManualClock();
  return {
    journal: new MemoryJournal({ clock, ...options }),
    pass: (ms) => clock.elapse(ms),
    close: async () => {},
  };
};

journalContract('The memory journal', 'queue', memory);
journalHistories('The memory journal', memory, { histories: 1000 });

/** Each call is a round trip or more; `JOURNAL_HISTORIES=1000` for a long look. */
const HISTORIES = Number(process.env['JOURNAL_HISTORIES'] ?? 25);
describeOnPostgres(
  'on PostgreSQL',
  () => {
    const slow = new PostgresBench('slow');
    const stopped = new PostgresBench('stopped');
    afterAll(async () => {
      await slow.close();
      await stopped.close();
    });

    journalContract('The PostgreSQL journal', 'journal', slow.setup);
    journalHistories('The PostgreSQL journal', stopped.setup, { histories: HISTORIES });
  },
  { timeout: 20_000 + 1500 * HISTORIES },
);
