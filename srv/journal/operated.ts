/**
 * What operators see of a journal and do to it. Beside `Journal`, which is what the program works with; every kind of
 * journal offers both.
 */
import type { ChangeRef } from '../events/change.ts';
import type { AssignmentResult, OutcomeKind } from '../events/outcome.ts';
import type { Decider } from './letters.ts';
import type { LaneState, OutboxMessage } from './port.ts';

/** A lane as it stands. */
export interface LaneView {
  readonly territoryId: string;
  readonly state: LaneState;
  readonly pending: number;
  /** Epoch milliseconds of the oldest pending change. */
  readonly oldestReceivedAt?: number;
  /** Epoch milliseconds when its wait is over. */
  readonly waitsUntil?: number;
}

export interface LaneDetail extends LaneView {
  /** The first pending changes, bounded. */
  readonly changes: readonly {
    readonly ref: ChangeRef;
    readonly position: number;
    readonly receivedAt: number;
    readonly assignments: number;
    readonly attempts: number;
  }[];
  readonly fence: number;
  readonly inFlight: boolean;
  /** Of a lane in flight: the instance, where several share the journal. */
  readonly owner?: string;
}

export interface LaneQuery {
  /** Only lanes of later territory ids. */
  readonly after?: string;
  readonly state?: LaneState;
  readonly limit: number;
}

/** What happened to an event, over all its runs. */
export interface ChangeTrail {
  readonly ref: ChangeRef;
  readonly territoryId: string | undefined;
  readonly position: number | undefined;
  readonly state: 'pending' | 'in-flight' | 'ended';
  readonly outcome: OutcomeKind | undefined;
  /** Of its latest run. */
  readonly decision: number;
  /** Oldest first; bounded: the first and the latest ones. */
  readonly steps: readonly TrailStep[];
}

export interface TrailStep {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly step:
    | 'received'
    | 'appended'
    | 'claimed'
    | 'intent'
    | 'sent'
    | 'conflict'
    | 'waiting'
    | 'applied'
    | 'published'
    | 'dead-letter'
    | 'replayed'
    | 'discarded';
  readonly assignment?: string;
  readonly detail?: string;
}

/** What the journal knows of an open dead letter besides its message. */
export interface KnownDeadLetter {
  readonly position: number;
  readonly results: readonly AssignmentResult[];
  /** Changes of its territory with later positions that have ended. */
  readonly laterChanges: number;
}

/** The decision that a dead letter is not to be run again. */
export interface Discard {
  readonly deadLetterId: string;
  readonly ref: ChangeRef;
  /** What the mesh is told; the dead letter is released (`decisionReceipt`) once it has accepted that. */
  readonly messages: readonly OutboxMessage[];
  /** Kept by a durable journal. */
  readonly decider?: Decider;
}

export interface OperatedJournal {
  /** Lanes that have something pending or are paused, by territory id. */
  lanes(query: LaneQuery): Promise<readonly LaneView[]>;
  lane(territoryId: string): Promise<LaneDetail | undefined>;
  /** No flight begins on it until it is resumed; one under way ends first. Holds for a lane without changes too. */
  pauseLane(territoryId: string): Promise<void>;
  /** False where there is no such lane. */
  resumeLane(territoryId: string): Promise<boolean>;
  /** What is known of the events with this id, one for each source. */
  trails(id: string, source?: string): Promise<readonly ChangeTrail[]>;
  /** Undefined where the dead letter is not known: it is older than an embedded journal, or was never in a lane. */
  deadLetter(deadLetterId: string): Promise<KnownDeadLetter | undefined>;
  /** Takes note of a discard; `decided` where the dead letter is decided already, and nothing is told then. */
  discard(order: Discard): Promise<'accepted' | 'decided'>;
}
