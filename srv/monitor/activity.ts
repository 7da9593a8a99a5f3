/** What the program does, told by the parts that do it and read by whoever shows it: counts only, no ids, no payload. */
import type { OutcomeKind } from '../events/outcome.ts';
import type { Clock } from '../platform/clock.ts';
import { ConflictRate, type ConflictFigures } from './conflict-rate.ts';
import { MinuteSeries, type Minute } from './minute-series.ts';
import { SlidingCounts } from './sliding-counts.ts';
import { writesIn, type WriteResults } from './write-results.ts';

/** To whom the parts tell it. Nothing here throws. */
export interface Activity {
  /** So many changes are new in the journal, readable or not; duplicates do not count. */
  received(changes: number): void;
  /** A change has ended so, so long after it came; a replay, after it was decided. */
  ended(outcome: OutcomeKind, durationMs?: number): void;
  /** What came of the record writes of a flight. */
  writes(results: WriteResults): void;
  /** One request to the territory API, whatever came of it. */
  apiRequest(request: ApiRequest): void;
  /** So many changes are pending now. */
  backlog(changes: number): void;
  /** The lock of a territory was taken, so long after its lane first wanted it. */
  lockTaken(waitMs: number): void;
}

export interface ApiRequest {
  /** HTTP status, or why there was none. */
  readonly status: number | 'timeout' | 'network';
}

/** Tells both, the first one first. */
export function tellingBoth(first: Activity, second: Activity): Activity {
  return {
    received(changes) {
      first.received(changes);
      second.received(changes);
    },
    ended(outcome, durationMs) {
      first.ended(outcome, durationMs);
      second.ended(outcome, durationMs);
    },
    writes(results) {
      first.writes(results);
      second.writes(results);
    },
    apiRequest(request) {
      first.apiRequest(request);
      second.apiRequest(request);
    },
    backlog(changes) {
      first.backlog(changes);
      second.backlog(changes);
    },
    lockTaken(waitMs) {
      first.lockTaken(waitMs);
      second.lockTaken(waitMs);
    },
  };
}

export interface ActivityFigures {
  /** Of the last 60 seconds. */
  readonly rates: {
    readonly receivedPerMinute: number;
    readonly completedPerMinute: number;
    readonly apiRequestsPerMinute: number;
  };
  readonly conflicts: ConflictFigures;
  /** Of the last 60 seconds: locks of territories taken, and what lanes waited for them in all. */
  readonly locks: { readonly taken: number; readonly waitedMs: number };
  /** Newest last, at most 1440. */
  readonly perMinute: readonly Minute[];
}

/** What all instances counted, where they share a journal; undefined while it is not known. */
export interface SharedFigures {
  conflicts(): ConflictFigures | undefined;
  perMinute(): readonly Minute[] | undefined;
}

export interface ActivityOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonicMs'>;
  readonly conflicts: { readonly windowS: number; readonly alertRate: number };
}

const MINUTE_S = 60;

/** Keeps what it is told, in bounded space; forgotten with the process. */
export class ActivityRecord implements Activity {
  private readonly clock: ActivityOptions['clock'];
  private readonly series: MinuteSeries;
  private readonly conflictRate: ConflictRate;
  private readonly lastMinute = new SlidingCounts({
    names: ['received', 'completed', 'apiRequests', 'locks', 'lockWaitMs'],
    lengthMs: MINUTE_S * 1000,
    slots: MINUTE_S,
  });

  private shared: SharedFigures | undefined;

  constructor({ clock, conflicts }: ActivityOptions) {
    this.clock = clock;
    this.series = new MinuteSeries(clock);
    this.conflictRate = new ConflictRate({ clock, ...conflicts });
  }

  /** From now on the figures are those of all instances, where these are known; rates stay those of this one. */
  showShared(shared: SharedFigures): void {
    this.shared = shared;
  }

  received(changes: number): void {
    this.series.count('received', changes);
    this.lastMinute.add(this.clock.monotonicMs(), 'received', changes);
  }

  ended(outcome: OutcomeKind): void {
    this.series.count(outcome, 1);
    this.lastMinute.add(this.clock.monotonicMs(), 'completed', 1);
  }

  writes(results: WriteResults): void {
    const sent = writesIn(results);
    this.series.count('writes', sent);
    this.series.count('conflicts', results.conflict);
    this.conflictRate.record(sent, results.conflict);
  }

  apiRequest(): void {
    this.lastMinute.add(this.clock.monotonicMs(), 'apiRequests', 1);
  }

  backlog(changes: number): void {
    this.series.backlog(changes);
  }

  lockTaken(waitMs: number): void {
    const nowMs = this.clock.monotonicMs();
    this.lastMinute.add(nowMs, 'locks', 1);
    this.lastMinute.add(nowMs, 'lockWaitMs', waitMs);
  }

  figures(): ActivityFigures {
    const { received, completed, apiRequests, locks, lockWaitMs } = this.lastMinute.totals(
      this.clock.monotonicMs(),
    );
    return {
      rates: {
        receivedPerMinute: received,
        completedPerMinute: completed,
        apiRequestsPerMinute: apiRequests,
      },
      conflicts: this.shared?.conflicts() ?? this.conflictRate.figures(),
      locks: { taken: locks, waitedMs: lockWaitMs },
      perMinute: this.shared?.perMinute() ?? this.series.read(),
    };
  }
}
