/** Whether a store answers, for readiness and for the log: an outage is one line, not each call that fails of it. */
import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

export interface AvailabilityCheck {
  readonly status: 'UP' | 'DOWN';
  /** Epoch milliseconds. */
  readonly since: number;
  /** One line without secrets. */
  readonly reason?: string;
}

/** How the log speaks of it. */
export interface AvailabilityWords {
  readonly back: string;
  readonly outage: string;
}

export class Availability {
  private readonly clock: Pick<Clock, 'now'>;
  private readonly log: Log;
  private readonly words: AvailabilityWords;
  private known: AvailabilityCheck;
  /** The outage under way stands in the log. */
  private isTold = false;

  constructor(clock: Pick<Clock, 'now'>, log: Log, words: AvailabilityWords) {
    this.clock = clock;
    this.log = log;
    this.words = words;
    this.known = { status: 'DOWN', since: clock.now(), reason: 'not connected yet' };
  }

  check(): AvailabilityCheck {
    return this.known;
  }

  answered(): void {
    if (this.known.status === 'UP') return;
    this.log.info(this.words.back, { downForMs: this.clock.now() - this.known.since });
    this.known = { status: 'UP', since: this.clock.now() };
    this.isTold = false;
  }

  /** @param reason one line without secrets */
  failed(reason: string): void {
    if (!this.isTold) this.log.warn(this.words.outage, { reason });
    this.isTold = true;
    const since = this.known.status === 'DOWN' ? this.known.since : this.clock.now();
    this.known = { status: 'DOWN', since, reason };
  }
}
