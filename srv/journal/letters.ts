/**
 * Dead letters as a durable journal keeps them: a list that can be asked. An embedded journal has none, since there they live on
 * their queue. They are decided through the journal itself: a replay is appended, a discard is recorded.
 */
import type { ChangeRef, TerritoryChange } from '../events/change.ts';
import type { FailureReason } from '../events/outcome.ts';
import type { InboundMessage } from '../events/inbound-message.ts';
import type { TrailStep } from './operated.ts';

/** Of what could not be read: the dead letter that it is. */
export interface UnreadableLetter {
  readonly id: string;
  /** 0, then one more per replay. */
  readonly decision: number;
  readonly territoryId?: string;
  readonly reason: Pick<FailureReason, 'code' | 'message'>;
  /** The message as it came, but for its body: read again when it is replayed. */
  readonly envelope: Omit<InboundMessage, 'body'>;
}

/** Who decided, and in which words. */
export interface Decider {
  readonly by: string;
  readonly note: string;
}

export interface LetterDecision {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly action: 'replay' | 'discard';
  /** Absent where nobody was asked: the message was moved back to the work queue. */
  readonly decider?: Decider;
}

export interface JournalLetter {
  readonly id: string;
  readonly ref: ChangeRef;
  readonly territoryId?: string;
  /** Of the run that failed. */
  readonly decision: number;
  readonly reason: Pick<FailureReason, 'code' | 'message'>;
  /** Epoch milliseconds with a fraction: the order of the list. */
  readonly failedAt: number;
  readonly attempts: number;
  readonly conflicts: number;
  /** Absent while it is open. */
  readonly decided?: LetterDecision;
}

export interface JournalLetterDetail extends JournalLetter {
  readonly body: Buffer;
  readonly contentType?: string;
  /** When the event first came, epoch milliseconds. */
  readonly firstReceivedAt: number;
  /** Its place in its lane; absent for what could not be read. */
  readonly position?: number;
  /** Oldest first. */
  readonly history: readonly TrailStep[];
  /** Changes of its territory with later positions that have ended; 10,000 stands for as many or more. */
  readonly laterChanges: number;
  /** What a replay without editing runs: the change, or the message, which has to be read again. */
  readonly content:
    | { readonly kind: 'change'; readonly change: TerritoryChange; readonly digest: string }
    | { readonly kind: 'message'; readonly message: InboundMessage };
}

export interface LetterFilter {
  readonly reason?: string;
  readonly territory?: string;
}

export interface LetterQuery extends LetterFilter {
  /** Only those that failed before this one, or have a lower id at the same time. */
  readonly before?: Pick<JournalLetter, 'failedAt' | 'id'>;
  readonly limit: number;
}

export interface LetterBook {
  /** Open and decided ones, the latest failure first. */
  letters(query: LetterQuery): Promise<readonly JournalLetter[]>;
  letter(id: string): Promise<JournalLetterDetail | undefined>;
  /** What was decided of it; undefined while it is open, or not known. */
  letterDecision(id: string): Promise<LetterDecision | undefined>;
  /** Ids of open ones, oldest failure first. `failedBefore`: epoch milliseconds. */
  openLetters(
    filter: LetterFilter & { readonly failedBefore?: number },
    limit: number,
  ): Promise<readonly string[]>;
  /** Open ones by territory; undefined stands for those whose territory is not known. */
  openLetterCounts(): Promise<ReadonlyMap<string | undefined, number>>;
}
