/** The tally of all instances in its table; why it is shaped so stands in `tally.sql`. */
import type { SharedTally, Tally, TalliedMinute, TallyReading } from '../port.ts';
import type { Database, Row } from './database.ts';

export class PostgresTally implements SharedTally {
  private readonly database: Pick<Database, 'run'>;

  constructor(database: Pick<Database, 'run'>) {
    this.database = database;
  }

  async add(counts: Tally, backlog: number | undefined): Promise<void> {
    const { received, applied, unchanged, superseded, failed, writes, conflicts } = counts;
    const values = [received, applied, unchanged, superseded, failed, writes, conflicts, backlog ?? null];
    await this.database.run('tally/add', values);
  }

  async read(minutes: number, windowS: number): Promise<TallyReading> {
    const rows = await this.database.run('tally/read', [minutes, windowS]);
    const all = rows.map(minuteOf);
    const window = all.find(({ at }) => Number.isNaN(at));
    return {
      window: { writes: window?.writes ?? 0, conflicts: window?.conflicts ?? 0 },
      minutes: all.filter(({ at }) => !Number.isNaN(at)),
    };
  }

  async forget(): Promise<void> {
    await this.database.run('tally/forget');
  }
}

/** Of the window's row `at` is no number. */
function minuteOf(row: Row): TalliedMinute {
  const count = (name: string): number => Number(row[name] ?? 0);
  return {
    at: row['at'] === null ? Number.NaN : Number(row['at']),
    received: count('received'),
    applied: count('applied'),
    unchanged: count('unchanged'),
    superseded: count('superseded'),
    failed: count('failed'),
    writes: count('writes'),
    conflicts: count('conflicts'),
    backlog: row['backlog'] === null ? undefined : count('backlog'),
  };
}
