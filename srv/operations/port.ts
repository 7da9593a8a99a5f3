/**
 * What an operator can ask and decide, as the HTTP API offers it and as the program's parts answer it. Times are epoch
 * milliseconds here and ISO 8601 on the wire.
 */
import type { AssignmentChange } from '../events/change.ts';
import type { FailureCode, OutcomeKind } from '../events/outcome.ts';
import type { LaneState, TrailStep } from '../journal/port.ts';

/** One page of a list; `next` is opaque and goes back as `cursor`. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface PageQuery {
  readonly cursor?: string;
  /** 1–200. */
  readonly limit: number;
}

/** A cursor that no answer of this program gave. */
export class UnknownCursor extends Error {
  readonly code = 'UNKNOWN_CURSOR';
}

export interface TerritoryItem {
  readonly id: string;
  readonly state: LaneState;
  readonly pending: number;
  readonly oldestReceivedAt: number | null;
  /** Why it does not go on, in a word; null while it does. */
  readonly waitingFor: string | null;
  readonly until: number | null;
  readonly deadLetters: number;
}

export interface TerritoryDetail extends TerritoryItem {
  /** The first pending ones, at most 200. */
  readonly changes: readonly {
    readonly id: string;
    readonly source: string;
    readonly position: number;
    readonly receivedAt: number;
    readonly assignments: number;
    readonly attempts: number;
  }[];
  readonly fence: number;
  /** Instance whose flight works on it. */
  readonly owner: string | null;
}

/** The steps that a journal writes down, and the reads that it does not. */
export type PathStepName = TrailStep['step'] | 'read';

/** The path of one event. */
export interface ChangePath {
  readonly id: string;
  readonly source: string;
  readonly territoryId: string | null;
  readonly position: number | null;
  readonly state: 'pending' | 'in-flight' | 'ended';
  readonly outcome: OutcomeKind | null;
  readonly decision: number;
  readonly steps: readonly {
    readonly at: number;
    readonly step: PathStepName;
    readonly assignment?: string;
    readonly detail?: string;
  }[];
}

export type ChangeLookUp =
  | { readonly kind: 'found'; readonly path: ChangePath }
  | { readonly kind: 'unknown' }
  /** Several sources have an event with this id. */
  | { readonly kind: 'ambiguous'; readonly sources: readonly string[] };

export interface Decision {
  readonly at: number;
  readonly by: string;
  readonly action: 'replay' | 'discard';
  readonly note: string;
}

export interface DeadLetterItem {
  readonly id: string;
  readonly territoryId: string | null;
  readonly changeId: string;
  readonly source: string;
  readonly reason: FailureCode;
  readonly message: string;
  readonly failedAt: number;
  readonly attempts: number;
  readonly conflicts: number;
  readonly state: 'open' | 'replayed' | 'discarded';
  readonly expiresAt: number | null;
}

export interface DeadLetterDetail extends DeadLetterItem {
  /** Original bytes. */
  readonly body: Buffer;
  readonly contentType: string;
  readonly history: readonly unknown[];
  /** Changes of its territory that ended after it. */
  readonly laterChanges: number;
  readonly decisions: readonly Decision[];
}

export interface DeadLetterFilter {
  readonly reason?: FailureCode;
  readonly territory?: string;
  /** Epoch milliseconds. */
  readonly failedBefore?: number;
}

export interface ReplayOrder {
  readonly by: string;
  readonly note: string;
  /** Applies every field, also those that later changes have set since. */
  readonly overwrite: boolean;
  /** Edited; instead of those of the event. */
  readonly assignments?: readonly AssignmentChange[];
}

export interface DiscardOrder {
  readonly by: string;
  readonly note: string;
}

export type DecisionResult =
  | {
      readonly kind: 'accepted';
      readonly id: string;
      readonly decision: number;
      readonly changeId: string;
      readonly position: number | null;
    }
  | { readonly kind: 'unknown' }
  | {
      readonly kind: 'decided';
      readonly state: 'replayed' | 'discarded';
      readonly by: string;
      readonly at: number;
    }
  /** Cannot be done as asked; `code` and `message` say why, `action` what to do. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string; readonly action: string };

/** The dead letters: on the dead-letter queue in embedded mode, in the journal otherwise. */
export interface DeadLetterDesk {
  list(query: PageQuery & Pick<DeadLetterFilter, 'reason' | 'territory'>): Promise<Page<DeadLetterItem>>;
  show(id: string): Promise<DeadLetterDetail | undefined>;
  replay(id: string, order: ReplayOrder): Promise<DecisionResult>;
  discard(id: string, order: DiscardOrder): Promise<DecisionResult>;
  /** Ids of the open ones that match, oldest failure first. */
  matching(filter: DeadLetterFilter): Promise<readonly string[]>;
  /** How many are open, and how many of each territory. */
  counts(): Promise<{ readonly open: number; readonly byTerritory: ReadonlyMap<string, number> }>;
}

/** The lanes, as an operator sees them. */
export interface LaneDesk {
  territories(query: PageQuery & { readonly state?: LaneState }): Promise<Page<TerritoryItem>>;
  territory(id: string): Promise<TerritoryDetail | undefined>;
  change(id: string, source?: string): Promise<ChangeLookUp>;
  /** Stops or resumes one lane; false where there is no such lane to resume. */
  pauseTerritory(id: string, by: string): Promise<void>;
  resumeTerritory(id: string, by: string): Promise<boolean>;
}

/** What an operator can stop for all territories. */
export type Pausable = 'intake' | 'flights';

export interface ProcessingSwitch {
  pause(what: readonly Pausable[], by: string): Promise<void>;
  resume(what: readonly Pausable[], by: string): Promise<void>;
  paused(): { readonly intake: boolean; readonly flights: boolean };
}
