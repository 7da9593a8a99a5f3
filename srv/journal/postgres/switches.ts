/** The switches of all instances: rows that a claim looks at, and of which the others are told. */
import type { SharedSwitches, Switched, SwitchState } from '../port.ts';
import type { Announcements } from './announcements.ts';
import type { Database } from './database.ts';

export class PostgresSwitches implements SharedSwitches {
  private readonly database: Pick<Database, 'run'>;
  private readonly announcements: Pick<Announcements, 'listenToSwitches' | 'tellSwitched'>;

  constructor(database: Pick<Database, 'run'>, announcements: PostgresSwitches['announcements']) {
    this.database = database;
    this.announcements = announcements;
  }

  async switches(): Promise<Readonly<Record<Switched, SwitchState>>> {
    const rows = await this.database.run('switches/switches');
    const stateOf = (what: Switched): SwitchState => {
      const row = rows.find((one) => one['what'] === what);
      return { paused: row?.['paused'] === true, resumes: Number(row?.['resumes'] ?? 0) };
    };
    return { intake: stateOf('intake'), flights: stateOf('flights') };
  }

  async setSwitches(what: readonly Switched[], to: 'paused' | 'running'): Promise<void> {
    await this.database.run(to === 'paused' ? 'switches/pause' : 'switches/resume', [what]);
    await this.announcements.tellSwitched();
  }

  onSwitched(listener: () => void): () => void {
    return this.announcements.listenToSwitches(listener);
  }
}
