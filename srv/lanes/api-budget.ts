/**
 * Counts requests against the API's daily budget: SAP counts calls per day over everything that a tenant runs, and what
 * exceeds the contract is refused for hours. At 90 % a line says so, at 100 % flights pause until the window frees.
 * Counted since the process started; a restart begins anew.
 */
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';

const DAY_MS = 24 * 3_600_000;
/** The window moves in steps of this size, so that its memory is small; it frees at most this much late. */
const STEP_MS = 10 * 60_000;
const WARN_RATIO = 0.9;

export interface ApiBudgetOptions {
  /** Requests per 24 h; undefined: counted, never exhausted. */
  readonly limit: number | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export class ApiBudget {
  private readonly options: ApiBudgetOptions;
  /** Step number → requests in it. */
  private readonly steps = new Map<number, number>();
  private warned = false;

  constructor(options: ApiBudgetOptions) {
    this.options = options;
  }

  /** One request was sent. */
  spend(): void {
    const step = this.stepNow();
    this.steps.set(step, (this.steps.get(step) ?? 0) + 1);
    this.warnOnce();
  }

  /** Requests of the last 24 h. */
  get used(): number {
    this.forgetOld();
    return [...this.steps.values()].reduce((sum, count) => sum + count, 0);
  }

  get limit(): number | undefined {
    return this.options.limit;
  }

  /** Nothing may be sent until `freesAt`. */
  get exhausted(): boolean {
    return this.options.limit !== undefined && this.used >= this.options.limit;
  }

  /** Epoch milliseconds at which an exhausted budget has room again; undefined while it has. */
  get freesAt(): number | undefined {
    const { limit, clock } = this.options;
    if (limit === undefined) return undefined;
    let excess = this.used - limit;
    if (excess < 0) return undefined;
    for (const [step, count] of this.steps) {
      excess -= count;
      if (excess < 0) return clock.now() + ((step + 1) * STEP_MS + DAY_MS - clock.monotonicMs());
    }
    return undefined;
  }

  private warnOnce(): void {
    const { limit, log } = this.options;
    if (limit === undefined) return;
    const { used } = this;
    if (used < limit * WARN_RATIO) {
      this.warned = false;
    } else if (!this.warned) {
      this.warned = true;
      log.warn('90 % of API_DAILY_BUDGET is used; at 100 % flights pause until the window frees', {
        used,
        limit,
      });
    }
  }

  private forgetOld(): void {
    const oldest = this.stepNow() - DAY_MS / STEP_MS;
    for (const step of this.steps.keys()) if (step < oldest) this.steps.delete(step);
  }

  private stepNow(): number {
    return Math.floor(this.options.clock.monotonicMs() / STEP_MS);
  }
}
