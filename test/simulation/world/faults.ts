/**
 * What goes wrong, and when. Each kind of fault draws from a stream of its own, so that switching one kind off leaves the
 * others where they were: that is what lets a shrinker find the few that matter.
 */
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';

export const FAULT_KINDS = [
  'crash',
  'freeze',
  'sleep',
  'stop',
  'clock-jump',
  'link-lost',
  'link-half-open',
  'mesh-outage',
  'settlement-lost',
  'publish-lost',
  'confirmation-lost',
  'publish-refused',
  'journal-refused',
  'journal-answer-lost',
  'journal-slow',
  'journal-outage',
  'announcement-lost',
  'lock-refused',
  'lock-answer-lost',
  'lock-slow',
  'lock-outage',
  'lock-wiped',
  'lock-foreign',
  'read-trouble',
  'read-stale',
  'api-outage',
  'api-slow',
  'role-revoked',
  'quota',
  'write-trouble',
  'write-throttled',
  'write-unanswered',
  'write-late',
  'write-in-part',
  'request-refused',
  'request-too-large',
  'request-forbidden',
  'request-astray',
  'record-stale',
  'record-locked',
  'record-failed',
  'record-missing',
  'record-running',
  'foreign-write',
  'published-twice',
  'published-clash',
  'poison-payload',
  'unstorable-payload',
  'bad-value',
  'huge-value',
  'operator',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** What befalls single records, changes and territories; all else is felt by every territory. */
export const OF_SOME: readonly FaultKind[] = [
  'lock-foreign',
  'read-stale',
  'record-stale',
  'record-locked',
  'record-failed',
  'record-missing',
  'record-running',
  'foreign-write',
  'published-twice',
  'published-clash',
  'poison-payload',
  'unstorable-payload',
  'bad-value',
  'huge-value',
  'operator',
];

/** Where a fault may strike: which process, and what it is doing. */
export interface Occasion {
  readonly process?: string;
  /** For example `journal.complete sent` or `timer`. */
  readonly at?: string;
  /** Territory and id; of a territory as a whole without an id. */
  readonly record?: string;
}

/** Who decides. A seed does, or the script of a scenario. */
export interface Faults {
  /** Whether this kind of fault strikes now. */
  strikes(kind: FaultKind, probability: number, occasion?: Occasion): boolean;
  /** How long, or how much, within the bounds. */
  between(kind: FaultKind, min: number, max: number): number;
  readonly counts: ReadonlyMap<FaultKind, number>;
  /** No fault strikes from now on. */
  stop(): void;
}

export interface FaultRules {
  readonly seed: number;
  /** Kinds that never strike. */
  readonly without: readonly FaultKind[];
  /** Only the faults with these numbers strike, counted from 0 as they come. */
  readonly from: number;
  readonly to: number;
  /** Multiplies every probability. */
  readonly intensity: number;
  /** A territory whose records nothing befalls. */
  readonly spared?: string;
}

export class SeededFaults implements Faults {
  readonly counts = new Map<FaultKind, number>();
  private readonly rules: FaultRules;
  private readonly streams = new Map<FaultKind, SeededRandom>();
  private readonly off: ReadonlySet<FaultKind>;
  private number = 0;
  private stopped = false;

  constructor(rules: FaultRules) {
    this.rules = rules;
    this.off = new Set(rules.without);
  }

  strikes(kind: FaultKind, probability: number, { record }: Occasion = {}): boolean {
    if (this.stopped || this.off.has(kind)) return false;
    const { from, to, intensity, spared } = this.rules;
    if (spared !== undefined && record?.startsWith(`${spared}/`)) return false;
    if (this.stream(kind).fraction() >= probability * intensity) return false;
    const isWithin = this.number >= from && this.number < to;
    this.number += 1;
    if (isWithin) this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    return isWithin;
  }

  between(kind: FaultKind, min: number, max: number): number {
    return Math.floor(this.stream(kind).between(min, max));
  }

  stop(): void {
    this.stopped = true;
  }

  private stream(kind: FaultKind): SeededRandom {
    let stream = this.streams.get(kind);
    if (!stream) this.streams.set(kind, (stream = new SeededRandom(this.rules.seed, kind)));
    return stream;
  }
}
