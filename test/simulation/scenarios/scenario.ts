/** A scripted run: these changes, under these circumstances, with these faults and no others. */
import type { AssignmentChange, Fields } from '../../../srv/events/change.ts';
import type { Circumstances } from '../world/circumstances.ts';
import type { FaultKind, Faults, Occasion } from '../world/faults.ts';
import type { Timeline } from '../world/timeline.ts';

/** A fault of the script. Every condition that is given has to hold. */
export interface Strike {
  readonly kind: FaultKind;
  /** As in `Occasion`. */
  readonly at?: string;
  readonly record?: string;
  /** Simulated time. */
  readonly fromMs?: number;
  /** So often; 1 where absent. */
  readonly times?: number;
  /** What is drawn for it (how long, how much), in turn; the last one again and again. */
  readonly draws?: readonly number[];
}

export interface ScriptedChange {
  readonly atMs: number;
  readonly territoryId: string;
  readonly assignments: readonly AssignmentChange[];
  /** Its outcome is told by then, whatever becomes of the others. */
  readonly endsByMs?: number;
  /** No program can run it: one of its values is none that the database can hold. */
  readonly unstorable?: true;
}

/** Another program's write. */
export interface ForeignWrite {
  readonly atMs: number;
  /** Territory and id. */
  readonly record: string;
  readonly fields: Fields;
}

export interface Scenario {
  readonly name: string;
  /** Name of the mutation that takes away what protects from it: under it the scenario has to fail. */
  readonly fallsWith: string;
  readonly circumstances: Partial<Circumstances>;
  readonly changes: readonly ScriptedChange[];
  readonly foreign?: readonly ForeignWrite[];
  readonly strikes: readonly Strike[];
}

/** Strikes as the script says, and for good: a slow API does not become fast because the run is to end. */
export class ScriptedFaults implements Faults {
  readonly counts = new Map<FaultKind, number>();
  private readonly timeline: Pick<Timeline, 'nowMs'>;
  private readonly left: { readonly strike: Strike; times: number }[];
  private readonly draws = new Map<FaultKind, number[]>();

  constructor(strikes: readonly Strike[], timeline: Pick<Timeline, 'nowMs'>) {
    this.timeline = timeline;
    this.left = strikes.map((strike) => ({ strike, times: strike.times ?? 1 }));
  }

  strikes(kind: FaultKind, _probability: number, occasion: Occasion = {}): boolean {
    const next = this.left.find(
      ({ strike, times }) => times > 0 && strike.kind === kind && this.fits(strike, occasion),
    );
    if (!next) return false;
    next.times -= 1;
    this.draws.set(kind, [...(next.strike.draws ?? [])]);
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    return true;
  }

  between(kind: FaultKind, min: number): number {
    const draws = this.draws.get(kind) ?? [];
    return (draws.length > 1 ? draws.shift() : draws[0]) ?? min;
  }

  stop(): void {
    // See above.
  }

  private fits({ at, record, fromMs = 0 }: Strike, occasion: Occasion): boolean {
    return (
      this.timeline.nowMs >= fromMs &&
      (at === undefined || at === occasion.at) &&
      (record === undefined || record === occasion.record)
    );
  }
}
