/**
 * Counts requests against the API's daily budget: SAP counts calls per day over everything that a tenant runs, and what
 * exceeds the contract is refused for hours. At 90 % a line says so, at 100 % flights pause until the window frees.
 * By itself it knows this process's requests; with a durable journal `QuotaShare` tells it those of all instances.
 */
import type { QuotaFigures } from '../journal/port.ts';
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
  /** When they no longer count (monotonic milliseconds) → requests, oldest first. */
  private steps = new Map<number, number>();
  private sinceLearned = 0;
  private warned = false;

  constructor(options: ApiBudgetOptions) {
    this.options = options;
  }

  /** One request was sent. */
  spend(): void {
    this.sinceLearned += 1;
    this.count(1);
    this.warnOnce();
  }

  /** Requests of this process that no journal has been told of. */
  get unreported(): number {
    return this.sinceLearned;
  }

  /**
   * What all instances have sent takes the place of what is known here.
   * @param reported how many of `unreported` are among them
   */
  learn(spent: QuotaFigures['spent'], reported: number): void {
    const nowMs = this.options.clock.monotonicMs();
    this.steps = new Map();
    for (const { requests, freesInMs } of spent) this.add(nowMs + freesInMs, requests);
    this.sinceLearned -= reported;
    if (this.sinceLearned > 0) this.count(this.sinceLearned);
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

  /** Nine tenths are used, and something is left. */
  get isLow(): boolean {
    const { limit } = this.options;
    return limit !== undefined && this.used >= limit * WARN_RATIO && !this.exhausted;
  }

  /** Epoch milliseconds at which an exhausted budget has room again; undefined while it has. */
  get freesAt(): number | undefined {
    const { limit, clock } = this.options;
    if (limit === undefined) return undefined;
    let excess = this.used - limit;
    if (excess < 0) return undefined;
    for (const [freesAtMs, count] of this.steps) {
      excess -= count;
      if (excess < 0) return Math.ceil(clock.now() + freesAtMs - clock.monotonicMs());
    }
    return undefined;
  }

  private count(requests: number): void {
    const step = Math.floor(this.options.clock.monotonicMs() / STEP_MS);
    this.add((step + 1) * STEP_MS + DAY_MS, requests);
  }

  private add(freesAtMs: number, requests: number): void {
    this.steps.set(freesAtMs, (this.steps.get(freesAtMs) ?? 0) + requests);
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
    const nowMs = this.options.clock.monotonicMs();
    for (const freesAtMs of this.steps.keys()) if (freesAtMs <= nowMs) this.steps.delete(freesAtMs);
  }
}
