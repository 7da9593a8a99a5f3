/** PostgreSQL journals for the contract suite: each on a database of its own, used again when its test is over. */
import { createPostgresJournal, type PostgresJournal } from '../../../srv/journal/postgres/index.ts';
import { journalOptions } from '../../integration/journal-options.ts';
import { newJournalDatabase, type OwnDatabase, type TimeKind } from '../../integration/postgres-server.ts';
import type { JournalSetup } from './bench.ts';

interface Stand {
  readonly database: OwnDatabase;
  readonly journal: PostgresJournal;
}

export class PostgresBench {
  private readonly time: TimeKind;
  private readonly all: Stand[] = [];
  private readonly free: Stand[] = [];

  constructor(time: TimeKind) {
    this.time = time;
  }

  readonly setup: JournalSetup = async () => {
    const stand = this.free.pop() ?? (await this.make());
    await stand.database.empty();
    return {
      journal: stand.journal,
      pass: (ms) => stand.database.pass(ms),
      close: async () => {
        this.free.push(stand);
      },
    };
  };

  async close(): Promise<void> {
    for (const { journal, database } of this.all) {
      await journal.close();
      await database.drop();
    }
  }

  private async make(): Promise<Stand> {
    const database = await newJournalDatabase(this.time);
    const journal = createPostgresJournal(journalOptions(database));
    await journal.start();
    const stand = { database, journal };
    this.all.push(stand);
    return stand;
  }
}
