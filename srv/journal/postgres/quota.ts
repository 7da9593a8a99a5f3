/** What all instances have sent, by stretches of ten minutes, and the pause that the API has asked for. */
import type { QuotaFigures, SharedQuota } from '../port.ts';
import type { Announcements } from './announcements.ts';
import type { Database } from './database.ts';

export class PostgresQuota implements SharedQuota {
  private readonly database: Pick<Database, 'run'>;
  private readonly announcements: Pick<Announcements, 'listenToSwitches' | 'tellSwitched'>;

  constructor(database: Pick<Database, 'run'>, announcements: PostgresQuota['announcements']) {
    this.database = database;
    this.announcements = announcements;
  }

  async report(requests: number): Promise<QuotaFigures> {
    const rows = await this.database.run('quota/report', [requests]);
    return {
      spent: rows.flatMap((row) => {
        const freesInMs = row['frees_in_ms'] as number | null;
        return freesInMs === null ? [] : [{ requests: Number(row['requests']), freesInMs }];
      }),
      pausedForMs: (rows[0]?.['paused_for_ms'] as number | undefined) ?? 0,
    };
  }

  async pause(forMs: number): Promise<void> {
    await this.database.run('quota/pause', [forMs]);
    await this.announcements.tellSwitched();
  }

  async lift(): Promise<void> {
    await this.database.run('quota/lift');
    await this.announcements.tellSwitched();
  }

  onPaused(listener: () => void): () => void {
    return this.announcements.listenToSwitches(listener);
  }
}
