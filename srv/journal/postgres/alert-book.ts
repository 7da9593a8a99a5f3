/** The alerts of all instances, one row each. What the row becomes is decided here, under its lock. */
import type { AlertBook, AlertRecord, ReviseAlert } from '../../alerts/port.ts';
import { JournalUnavailable } from '../port.ts';
import type { Database, Row } from './database.ts';

/** Records that are read: more than the catalogue and the territories that alerts name can fill. */
const READ_LIMIT = 1000;

export class PostgresAlertBook implements AlertBook {
  private readonly database: Pick<Database, 'run' | 'transaction'>;
  private readonly isReady: () => boolean;

  /** @param isReady the tables are there */
  constructor(database: PostgresAlertBook['database'], isReady: () => boolean) {
    this.database = database;
    this.isReady = isReady;
  }

  async all(): Promise<readonly AlertRecord[]> {
    this.demandReady();
    return (await this.database.run('alerts/all', [READ_LIMIT])).flatMap((row) => recordOf(row) ?? []);
  }

  async revise(key: string, next: ReviseAlert): Promise<AlertRecord | undefined> {
    this.demandReady();
    return this.database.transaction(async ({ run }) => {
      const [row = {}] = await run('alerts/lock', [key]);
      const record = next(recordOf(row), Number(row['now_ms']));
      if (record === undefined) await run('alerts/remove', [key]);
      else await run('alerts/write', [key, JSON.stringify(record), dueOf(record)]);
      return record;
    });
  }

  async take(limit: number, leaseMs: number): Promise<readonly AlertRecord[]> {
    this.demandReady();
    return (await this.database.run('alerts/take', [limit, leaseMs])).flatMap((row) => recordOf(row) ?? []);
  }

  async giveBack(key: string): Promise<void> {
    this.demandReady();
    await this.database.run('alerts/give-back', [key]);
  }

  private demandReady(): void {
    if (!this.isReady()) throw new JournalUnavailable('The journal has not been started yet.');
  }
}

function recordOf(row: Row): AlertRecord | undefined {
  const text = row['record'];
  return typeof text === 'string' ? (JSON.parse(text) as AlertRecord) : undefined;
}

function dueOf({ version, toldVersion, dueAt }: AlertRecord): number | null {
  return version > toldVersion ? dueAt : null;
}
