/**
 * Keeps this instance's budget and its quota pause in step with those of all instances. Counted in memory and added up in the journal
 * now and then, so that a request costs nothing: what the others send meanwhile is the most by which a budget can be exceeded,
 * besides the flights under way when it ends.
 */
import { JournalUnavailable, type SharedQuota } from '../journal/port.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { ApiBudget } from './api-budget.ts';
import type { Breaker } from './breaker.ts';

/**
 * How often requests are reported; while the budget is nearly used, much more often. Where there are none, the journal's word is
 * enough to look.
 */
const REPORT_MS = 5000;
const LOW_REPORT_MS = 500;

export interface QuotaShareOptions {
  readonly budget: Pick<ApiBudget, 'unreported' | 'learn' | 'isLow'>;
  readonly breaker: Pick<Breaker, 'state' | 'pauseFor' | 'lift'>;
  /** Absent: there is only this instance, and what it knows ends with it. */
  readonly shared?: SharedQuota;
  readonly clock: Clock;
  readonly log: Pick<Log, 'error'>;
  /** Called when what all have used is known for the first time. */
  readonly onKnown: () => void;
}

export class QuotaShare {
  private readonly options: QuotaShareOptions;
  private known: boolean;
  private running = false;
  private timer: Timer | undefined;
  private stopListening: (() => void) | undefined;
  /** One after the other. */
  private working: Promise<void> = Promise.resolve();
  /** A pause that this instance was told of and that the journal has not taken yet; monotonic milliseconds. */
  private toTellUntilMs = 0;

  constructor(options: QuotaShareOptions) {
    this.options = options;
    this.known = options.shared === undefined;
  }

  /** False until it is known what all instances have used: no flight may start before. */
  get isKnown(): boolean {
    return this.known;
  }

  start(): void {
    const { shared } = this.options;
    if (!shared) return;
    this.running = true;
    this.stopListening = shared.onPaused(() => this.reportNow(shared));
    this.reportNow(shared);
  }

  /** Tells the journal what is not told yet. */
  async stop(): Promise<void> {
    const { shared, budget } = this.options;
    this.running = false;
    this.timer?.cancel();
    this.stopListening?.();
    if (shared && budget.unreported > 0) this.working = this.working.then(() => this.report(shared));
    await this.working;
  }

  /** The API has told this instance to wait so long: all do. */
  paused(forMs: number): void {
    const { shared, clock } = this.options;
    if (!shared) return;
    this.toTellUntilMs = Math.max(this.toTellUntilMs, clock.monotonicMs() + forMs);
    this.reportNow(shared);
  }

  /**
   * Somebody says that the API may be asked again, whatever wait it has named: it is probed at once.
   * @throws JournalUnavailable: the pause stays
   */
  lift(): Promise<void> {
    const { shared, breaker } = this.options;
    const lifted = this.working.then(async () => {
      await shared?.lift();
      this.toTellUntilMs = 0;
      breaker.lift();
    });
    this.working = lifted.catch(() => undefined);
    return lifted;
  }

  private reportNow(shared: SharedQuota): void {
    this.timer?.cancel();
    this.working = this.working.then(() => this.report(shared)).then(() => this.reportLater(shared));
  }

  private reportLater(shared: SharedQuota): void {
    if (!this.running) return;
    this.timer?.cancel();
    const { clock, budget } = this.options;
    const isUntold = !this.known || this.toTellUntilMs > 0;
    this.timer = clock.after(isUntold || budget.isLow ? LOW_REPORT_MS : REPORT_MS, () => {
      if (isUntold || budget.unreported > 0) this.reportNow(shared);
      else this.reportLater(shared);
    });
  }

  /** Never rejects. What the journal does not take is reported again. */
  private async report(shared: SharedQuota): Promise<void> {
    const { budget, breaker, clock, log, onKnown } = this.options;
    try {
      const untilMs = this.toTellUntilMs;
      const waitMs = untilMs - clock.monotonicMs();
      if (waitMs > 0) await shared.pause(waitMs);
      if (this.toTellUntilMs === untilMs) this.toTellUntilMs = 0;
      const reported = budget.unreported;
      const { spent, pausedForMs } = await shared.report(reported);
      budget.learn(spent, reported);
      if (pausedForMs > 0) breaker.pauseFor(pausedForMs);
      else if (breaker.state === 'quota' && this.toTellUntilMs === 0) breaker.lift();
      if (this.known) return;
      this.known = true;
      onKnown();
    } catch (error) {
      // An outage stands in the log already.
      if (!(error instanceof JournalUnavailable)) log.error('Requests could not be counted', { error });
    }
  }
}
