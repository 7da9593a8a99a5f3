/**
 * The share of record writes that the API refused as conflict, over a sliding window, and whether it is worth an alert:
 * from a rate above the limit with enough writes to mean something, until it is below six tenths of that limit. Two
 * limits, so that a rate that swings around one does not raise an alert a minute.
 */
import type { Clock } from '../platform/clock.ts';
import { SlidingCounts } from './sliding-counts.ts';

/** Fewer writes than this say nothing about a rate of a few per cent. */
const MINIMUM_SAMPLE = 50;
const RECOVERED_SHARE = 0.6;
/** The window's edges are right to a three-hundredth of it. */
const SLOTS = 300;

export interface ConflictRateOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly windowS: number;
  /** 0–1: above it there is an alert. */
  readonly alertRate: number;
}

/** `rate` is always `conflicted / writes`, and 0 where nothing was written. */
export interface ConflictFigures {
  readonly rate: number;
  readonly writes: number;
  readonly conflicted: number;
  readonly windowSeconds: number;
  readonly alert: boolean;
}

/** Whether a rate is worth an alert, by the two limits. */
export class ConflictAlarm {
  private readonly alertRate: number;
  private raised = false;

  constructor(alertRate: number) {
    this.alertRate = alertRate;
  }

  get isRaised(): boolean {
    return this.raised;
  }

  judge({ writes, conflicted }: { readonly writes: number; readonly conflicted: number }): void {
    const { alertRate } = this;
    const rate = rateOf(writes, conflicted);
    if (rate > alertRate && writes >= MINIMUM_SAMPLE) this.raised = true;
    // With a limit of 0 no rate is below it: nothing refused has recovered too.
    else if (conflicted === 0 || rate < alertRate * RECOVERED_SHARE) this.raised = false;
  }
}

export class ConflictRate {
  private readonly options: ConflictRateOptions;
  private readonly counts: SlidingCounts<'writes' | 'conflicted'>;
  private readonly alarm: ConflictAlarm;

  constructor(options: ConflictRateOptions) {
    this.options = options;
    this.alarm = new ConflictAlarm(options.alertRate);
    this.counts = new SlidingCounts({
      names: ['writes', 'conflicted'],
      lengthMs: options.windowS * 1000,
      slots: SLOTS,
      onSlotLeft: (sums) => this.alarm.judge(sums),
    });
  }

  /** So many record writes were answered or given up, so many of them refused as conflict. */
  record(writes: number, conflicted: number): void {
    const nowMs = this.options.clock.monotonicMs();
    this.counts.add(nowMs, 'writes', writes);
    this.counts.add(nowMs, 'conflicted', conflicted);
    this.alarm.judge(this.counts.totals(nowMs));
  }

  figures(): ConflictFigures {
    const { writes, conflicted } = this.counts.totals(this.options.clock.monotonicMs());
    return conflictFigures({ writes, conflicted }, this.options.windowS, this.alarm);
  }
}

export function conflictFigures(
  { writes, conflicted }: { readonly writes: number; readonly conflicted: number },
  windowSeconds: number,
  alarm: ConflictAlarm,
): ConflictFigures {
  return { rate: rateOf(writes, conflicted), writes, conflicted, windowSeconds, alert: alarm.isRaised };
}

function rateOf(writes: number, conflicted: number): number {
  return writes === 0 ? 0 : conflicted / writes;
}
