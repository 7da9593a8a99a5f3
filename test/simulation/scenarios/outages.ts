/** What is out, and when: a plan of outages instead of chance. */
import type { FaultKind, Faults } from '../world/faults.ts';
import type { Timeline } from '../world/timeline.ts';

export interface Outage {
  readonly kind: FaultKind;
  /** Simulated milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Faults of each planned kind strike whenever there is an occasion between the two times, and last until the second. */
export class PlannedOutages implements Faults {
  readonly counts = new Map<FaultKind, number>();
  private readonly outages: readonly Outage[];
  private readonly timeline: Pick<Timeline, 'nowMs'>;

  constructor(outages: readonly Outage[], timeline: Pick<Timeline, 'nowMs'>) {
    this.outages = outages;
    this.timeline = timeline;
  }

  strikes(kind: FaultKind): boolean {
    if (!this.current(kind)) return false;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    return true;
  }

  between(kind: FaultKind, min: number): number {
    const outage = this.current(kind);
    return outage ? outage.toMs - this.timeline.nowMs : min;
  }

  stop(): void {
    // The plan has an end.
  }

  private current(kind: FaultKind): Outage | undefined {
    const { nowMs } = this.timeline;
    return this.outages.find(
      (outage) => outage.kind === kind && outage.fromMs <= nowMs && nowMs < outage.toMs,
    );
  }
}
