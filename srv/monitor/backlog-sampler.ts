/** Looks at the backlog a few times a minute: it is a level, so nobody's event tells it. */
import type { Journal, JournalFigures } from '../journal/port.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Activity } from './activity.ts';

const INTERVAL_MS = 10_000;

export interface BacklogSamplerOptions {
  readonly journal: Pick<Journal, 'figures'>;
  readonly activity: Pick<Activity, 'backlog'>;
  readonly clock: Pick<Clock, 'after'>;
}

export class BacklogSampler {
  private readonly options: BacklogSamplerOptions;
  private timer: Timer | undefined;
  private running = false;
  private known: JournalFigures | undefined;

  constructor(options: BacklogSamplerOptions) {
    this.options = options;
  }

  start(): void {
    this.running = true;
    void this.sample();
  }

  /** As last seen; undefined before the first time. */
  get figures(): JournalFigures | undefined {
    return this.known;
  }

  stop(): void {
    this.running = false;
    this.timer?.cancel();
  }

  /** Never rejects. */
  private async sample(): Promise<void> {
    try {
      this.known = await this.options.journal.figures();
      if (this.running) this.options.activity.backlog(this.known.pendingChanges);
    } catch {
      // A journal that does not answer is somebody else's to report; the series keeps the last known level.
    }
    if (this.running) this.timer = this.options.clock.after(INTERVAL_MS, () => void this.sample());
  }
}
