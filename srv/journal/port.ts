/**
 * The journal: the record of changes, lanes, outcomes, dead letters and unsent outcome events.
 * Two kinds stand behind this port. A *durable* one keeps a change from `append` on. An *embedded* one keeps it in
 * memory while the mesh queue stays the durable record, so deliveries are settled late (see `onReleased`).
 */
import { changeKey, type ChangeRef, type Scalar, type TerritoryChange } from '../events/change.ts';
import type { AssignmentResult, FailureReason, OutcomeKind } from '../events/outcome.ts';
import type { OutgoingMessage } from '../mesh/port.ts';
import type { Decider, UnreadableLetter } from './letters.ts';
import type { Intent, RecordMemory } from './record-memory.ts';

export type * from './letters.ts';
export type * from './operated.ts';
export type * from './quota.ts';
export * from './open-records.ts';
export * from './record-memory.ts';
export type * from './retention.ts';
export type * from './switches.ts';
export type * from './tally.ts';

/** What arrived, with the original bytes: a dead letter has to give them back unchanged. */
export interface Payload {
  readonly body: Buffer;
  readonly contentType?: string;
  /** Hash of the change's meaning: equal for a redelivery, different for another payload under the same id. */
  readonly digest: string;
}

/** A change on its way into the journal. */
export interface ChangeArrival {
  readonly kind: 'change';
  readonly change: TerritoryChange;
  readonly payload: Payload;
  /** Epoch milliseconds; of a replay, when it was decided. */
  readonly receivedAt: number;
  /** Absent on a change's first run. */
  readonly replay?: Replay;
}

/**
 * The decision to run a dead letter's change again. It gets the position that it had, where that is known, and runs only
 * the assignments that had not succeeded; what later changes have set since is left out unless `overwrite`.
 */
export interface Replay {
  readonly deadLetterId: string;
  /** Number of this run: one more than the dead letter's. */
  readonly decision: number;
  /** Every field is written, also those that later changes have set since. */
  readonly overwrite: boolean;
  /** The position that it had, for a journal that does not know the dead letter itself. */
  readonly position?: number;
  /** When the event first came, epoch milliseconds. */
  readonly firstReceivedAt?: number;
  /** What happened up to this run, oldest first. */
  readonly history: readonly HistoryStep[];
  /** Absent where nobody was asked: the dead letter was moved back to the work queue. */
  readonly decider?: Decider;
}

/** What could not be read: a dead letter at once; `messages` are its copy and its failure event. */
export interface UnreadableArrival {
  readonly kind: 'unreadable';
  readonly ref: ChangeRef;
  readonly payload: Payload;
  readonly receivedAt: number;
  readonly messages: readonly OutboxMessage[];
  readonly letter: UnreadableLetter;
  /** The dead letter that was to be replayed by it. */
  readonly replayOf?: string;
  /** Its messages have the ids of the only event under its source and id: where another payload has these, it is a `clash`. */
  readonly alone?: true;
}

export type Arrival = ChangeArrival | UnreadableArrival;

/**
 * Names what a delivery brought: the same for every delivery of it, another for an impostor under a known id, and for
 * each unreadable payload under one id. A replay has that of the decision, so a dead letter is decided once.
 */
export function receiptOf(arrival: Arrival): string {
  if (arrival.kind === 'change') {
    return arrival.replay ? decisionReceipt(arrival.replay.deadLetterId) : changeKey(arrival.change);
  }
  if (arrival.replayOf !== undefined) return decisionReceipt(arrival.replayOf);
  return `${changeKey(arrival.ref)} ${arrival.payload.digest}`;
}

/** The receipt under which a dead letter is released, once what was decided of it is done and told. */
export function decisionReceipt(deadLetterId: string): string {
  return `decision on ${deadLetterId}`;
}

export type AppendResult =
  /** New: it has a position in its lane now (0 for what is unreadable). */
  | { readonly kind: 'appended'; readonly position: number }
  /** Known, same payload, and not released yet: this delivery stands for the first one. */
  | { readonly kind: 'pending' }
  /** Known, same payload, and done with: nothing more will be heard of it. Of a replay: decided, and that is done with. */
  | { readonly kind: 'duplicate' }
  /** Known with another payload: nothing was appended; it has to come back as `unreadable`, and not as `alone`. */
  | { readonly kind: 'clash' }
  /** The journal's store cannot hold its values: nothing was appended; it has to come back as `unreadable`. */
  | { readonly kind: 'refused'; readonly reason: string };

/** A change of a claimed lane with what has become of it so far. */
export interface PendingChange {
  readonly change: TerritoryChange;
  readonly payload: Payload;
  /** Its place in the lane; grows, with gaps. */
  readonly position: number;
  /** 0, then one more per replay or discard. */
  readonly decision: number;
  readonly receivedAt: number;
  /** By index of the assignment; undefined while it has not ended. */
  readonly results: readonly (AssignmentResult | undefined)[];
  /** Flights that sent a write of it, and those of them in which the API refused one as conflict. */
  readonly attempts: number;
  readonly conflicts: number;
  /** What happened to it, oldest first; bounded. */
  readonly history: readonly HistoryStep[];
  /** Absent on its first run. */
  readonly replay?: Replay;
  /**
   * Of a replay, by record id: what changes with later positions have ended on, at least for its own records. Absent where
   * it overwrites, and where the journal does not know.
   */
  readonly later?: ReadonlyMap<string, LaterOnRecord>;
}

/** What later changes have done to a record (written, found as wanted, or superseded), so that a replay does not undo it. */
export interface LaterOnRecord {
  /** Names of the fields that they set. */
  readonly fields: ReadonlySet<string>;
  /** One of them deleted it. */
  readonly deleted: boolean;
}

/** One step of a change's path, for the dead letter and for whoever asks. */
export interface HistoryStep {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly step: 'sent' | 'conflict' | 'refused' | 'in-doubt' | 'applied' | 'waiting' | 'replayed';
  readonly assignment?: string;
  readonly detail?: string;
}

/** What a lane remembers between two flights. */
export interface LaneMemory {
  /** Last position of the prefix under way: nothing later is written until all of it has ended. */
  readonly prefixEnd: number;
  /** Up to here changes are planned one by one, since a merged write of theirs was refused for its content. */
  readonly unmergedUpTo: number;
  /** Positions of the replays under way: while any of them is pending, nothing else of the lane is written. */
  readonly replays?: readonly number[];
  /** By record id; only records that something is remembered of. */
  readonly records: ReadonlyMap<string, RecordMemory>;
  readonly rest?: Rest;
  readonly ownEtags?: KnownEtags;
  /** Oldest first; bounded. */
  readonly unwritten?: readonly UnwrittenField[];
  /** Oldest first; bounded. */
  readonly undeleted?: readonly UndeletedRecord[];
}

/** A record that a dead letter of this lane would have deleted, and that nobody else has written since. */
export interface UndeletedRecord {
  readonly id: string;
  /** Its version by now. */
  readonly etag: string;
  /** Epoch milliseconds: it is forgotten then. */
  readonly until: number;
}

/** A field that dead letters of this lane would have set. */
export interface UnwrittenField {
  /** Of the record. */
  readonly id: string;
  readonly name: string;
  /**
   * What the record may show although nobody else has set the field: first what it showed before the first of them, then what
   * they would have set, since a late request of theirs may have landed. Never empty.
   */
  readonly values: readonly Scalar[];
  /** Of the latest of these dead letters. */
  readonly position: number;
  /** Epoch milliseconds: it is forgotten then. */
  readonly until: number;
}

/** The API's cache has to catch up with our own write. */
export interface Rest {
  /** Epoch milliseconds: from then on the lane goes on whatever a read shows. */
  readonly latest: number;
  /** Record id → ETag that a read shows once the cache has caught up; written longest ago first, bounded. */
  readonly expected: ReadonlyMap<string, string>;
  /** Record id → epoch milliseconds by which every cache shows it; absent: `latest`. */
  readonly shownBy?: ReadonlyMap<string, number>;
}

/** ETags that the API told of our own last updates. Lost, they cost a read. */
export interface KnownEtags {
  /** Epoch milliseconds: they are forgotten then. */
  readonly until: number;
  /** Record id → ETag, longest ago first; bounded. */
  readonly etags: ReadonlyMap<string, string>;
}

export const NO_MEMORY: LaneMemory = { prefixEnd: 0, unmergedUpTo: 0, records: new Map() };

/** Proof of ownership of a lane: whoever shows an older fence is refused. */
export interface LaneClaim {
  readonly territoryId: string;
  readonly fence: number;
}

export interface ClaimedLane extends LaneClaim {
  /** The first pending changes in position order, bounded; never empty. */
  readonly changes: readonly PendingChange[];
  readonly memory: LaneMemory;
}

/** Why a lane is not ready: names as in the operations API. */
export type WaitState = 'retrying' | 'resting' | 'locked';
export type LaneState = 'ready' | 'in-flight' | WaitState | 'held' | 'paused';

export interface LaneIntents extends LaneClaim {
  readonly intents: readonly Intent[];
}

/** What a flight made of one change of its claim. */
export interface ChangeProgress {
  readonly position: number;
  /** New results by assignment index. */
  readonly results: ReadonlyMap<number, AssignmentResult>;
  readonly attempts: number;
  readonly conflicts: number;
  readonly history: readonly HistoryStep[];
}

/** A change that ended, and what the mesh is to be told of it. */
export interface Ending {
  readonly position: number;
  readonly outcome: OutcomeKind;
  /** When this run of it came, epoch milliseconds; for the figures. */
  readonly receivedAt?: number;
  readonly reason?: FailureReason;
  /** Of a failed one: the dead letter that it became. */
  readonly deadLetterId?: string;
  /** Its lane stops until the dead letter is decided; only a durable journal can do so. */
  readonly holds?: true;
  readonly messages: readonly OutboxMessage[];
}

/** How a flight leaves a lane: recorded in one transaction, or not at all when the fence is stale. */
export interface LaneCompletion extends LaneClaim {
  readonly progress: readonly ChangeProgress[];
  readonly ended: readonly Ending[];
  readonly memory: LaneMemory;
  /** Absent: ready at once. */
  readonly wait?: { readonly state: WaitState; readonly delayMs: number };
  /** Other lanes whose caches the writes stale. */
  readonly alsoRest?: { readonly territoryIds: readonly string[]; readonly delayMs: number };
}

/** A message that the mesh has to accept, sooner or later. */
export interface OutboxMessage {
  /** Stable over re-sends. Where two unsent messages share one, the later is handed out once the earlier is sent. */
  readonly id: string;
  /** A dead letter's copy must arrive; an outcome event that the mesh refuses for good is parked. */
  readonly kind: 'outcome' | 'dead-letter';
  readonly message: OutgoingMessage;
}

export interface ClaimRequest {
  /** Records wanted: lanes are taken until their pending records fill it. */
  readonly records: number;
  readonly leaseMs: number;
}

export interface JournalFigures {
  readonly pendingChanges: number;
  /** Epoch milliseconds of the oldest pending change. */
  readonly oldestReceivedAt?: number;
  /** Those with something pending, and those that are held or paused: as `lanes` lists them. */
  readonly lanes: Readonly<Record<LaneState, number>>;
  readonly outboxUnsent: number;
  /** That live and share it; absent where it is this process's own. */
  readonly instances?: number;
}

export interface Journal {
  /** `journal`: safe once appended. `queue`: the mesh queue is the durable record, deliveries are settled on release. */
  readonly durability: 'journal' | 'queue';

  /**
   * Appends in the order given; one result per arrival. All or nothing: a rejection means that nothing was appended.
   * @throws JournalUnavailable where connection or resources are to blame
   */
  append(arrivals: readonly Arrival[]): Promise<readonly AppendResult[]>;

  /**
   * Takes ready lanes; each gets a new fence, higher than any before. The lane that has been ready longest is always
   * among them, whatever its size; others join it while their records fit.
   */
  claim(request: ClaimRequest): Promise<readonly ClaimedLane[]>;

  /** Extends leases, also one that has ended while nobody took the lane over; answers the territories still ours. */
  renew(claims: readonly LaneClaim[], leaseMs: number): Promise<ReadonlySet<string>>;

  /** Stores what is about to be sent; answers the territories whose fence holds. Nothing of the others may be sent. */
  storeIntents(lanes: readonly LaneIntents[]): Promise<ReadonlySet<string>>;

  /** Records the flight's work and gives the lanes back, each lane wholly or not at all; answers those accepted. */
  complete(lanes: readonly LaneCompletion[]): Promise<ReadonlySet<string>>;

  /** Milliseconds until the next waiting lane is due, 0 if one is ready, undefined if none has anything pending. */
  nextDueMs(): Promise<number | undefined>;

  /**
   * Unsent messages, oldest first; each is handed out once until given back. Worth asking again after `markSent`.
   * @param kinds only these; absent: all
   */
  takeUnsent(limit: number, kinds?: readonly OutboxMessage['kind'][]): Promise<readonly OutboxMessage[]>;
  /** The mesh has accepted them, or they are parked: done with. */
  markSent(ids: readonly string[]): Promise<void>;
  /** The mesh refuses them for good. A durable journal keeps them for a person; where absent, they are marked sent. */
  park?(ids: readonly string[]): Promise<void>;
  /** To be handed out again. */
  giveBack(ids: readonly string[]): Promise<void>;

  /**
   * The receiver's link is gone. An embedded journal drops what no flight has begun, since the mesh delivers it again,
   * but no replay; a durable one does nothing.
   */
  receiverLost(): Promise<void>;

  /**
   * Calls back whenever a lane may have become ready or a message unsent; a lane that becomes ready by time alone is not
   * announced (`nextDueMs` tells). The listener must not throw. Returns the way to stop.
   */
  onWork(listener: () => void): () => void;

  /**
   * Calls back when the mesh may forget the deliveries of a receipt (`receiptOf`): in a lane's order, once the change's
   * messages are accepted, and never before the `append` that took it has answered. Only an embedded journal does so; with
   * a durable one a delivery is settled after `append`.
   */
  onReleased(listener: (receipt: string) => void): () => void;

  figures(): Promise<JournalFigures>;
}

/** The journal cannot be used now: intake stops, flights end, and all goes on when it is back. */
export class JournalUnavailable extends Error {
  readonly code = 'JOURNAL_UNAVAILABLE';
}
