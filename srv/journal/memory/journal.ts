/**
 * The embedded journal: everything in memory, while the mesh queue stays the durable record. What a crash takes away
 * was not settled, so the mesh delivers it again; because releases follow a lane's order, what comes again is a suffix
 * of each lane and is applied again in order.
 */
import { changeKey } from '../../events/change.ts';
import type { Clock } from '../../platform/clock.ts';
import {
  decisionReceipt,
  receiptOf,
  sentNow,
  type AppendResult,
  type Arrival,
  type ChangeArrival,
  type ChangeTrail,
  type ClaimedLane,
  type ClaimRequest,
  type Discard,
  type Ending,
  type Journal,
  type JournalFigures,
  type KnownDeadLetter,
  type LaneClaim,
  type LaneCompletion,
  type LaneDetail,
  type LaneIntents,
  type LaneQuery,
  type LaneView,
  type OperatedJournal,
  type OutboxMessage,
  type Replay,
  type UnreadableArrival,
} from '../port.ts';
import { DeadLetters } from './dead-letters.ts';
import {
  newChangeEntry,
  newDiscardEntry,
  newUnreadableEntry,
  pendingChange,
  recordProgress,
  type ChangeEntry,
  type Entry,
} from './entry.ts';
import { figuresOf } from './figures.ts';
import { KnownChanges } from './known-changes.ts';
import { LaneBook } from './lane-book.ts';
import type { Lane } from './lane.ts';
import { Outbox } from './outbox.ts';
import { pack } from './packing.ts';
import { TrailWriter } from './trail-writer.ts';
import { Trails } from './trails.ts';
import { laneDetail, lanesIn, trailView } from './views.ts';

/** More positions or fences than are given in a millisecond; epoch milliseconds times this stay below 2^53. */
const NUMBERS_PER_MS = 1000;

/** More than the widest intake window, so that whatever a lost link brings again is known. */
const REMEMBERED_CHANGES = 100_000;

/** Ended changes whose path can be looked up. */
const REMEMBERED_TRAILS = 10_000;

export interface MemoryJournalOptions {
  readonly clock: Clock;
  /** Released changes remembered for telling duplicates. */
  readonly rememberedChanges?: number;
  /** `expected`: another instance may become the receiver when this one loses its link, and is delivered what this one had. */
  readonly standbys?: 'expected' | 'none';
}

export class MemoryJournal implements Journal, OperatedJournal {
  readonly durability = 'queue';
  private readonly clock: Clock;
  private readonly standbys: 'expected' | 'none';
  private readonly book: LaneBook;
  private readonly known: KnownChanges;
  private readonly outbox = new Outbox();
  private readonly deadLetters = new DeadLetters();
  private readonly paths = new Trails(REMEMBERED_TRAILS);
  private readonly write: TrailWriter;
  private readonly workListeners = new Set<() => void>();
  private readonly releaseListeners = new Set<(receipt: string) => void>();
  private lastPosition: number;
  private lastFence: number;

  constructor(options: MemoryJournalOptions) {
    this.clock = options.clock;
    this.standbys = options.standbys ?? 'none';
    this.book = new LaneBook(options.clock);
    this.write = new TrailWriter(this.paths, options.clock);
    // Both go on growing over a restart: idempotency keys are made of positions, locks of other stores hold fences.
    const first = this.numberOfNow();
    this.lastPosition = first;
    this.lastFence = first;
    this.known = new KnownChanges(options.rememberedChanges ?? REMEMBERED_CHANGES);
  }

  async append(arrivals: readonly Arrival[]): Promise<readonly AppendResult[]> {
    const results = arrivals.map((arrival) => this.appendOne(arrival));
    this.announceWork();
    return results;
  }

  async claim(request: ClaimRequest): Promise<readonly ClaimedLane[]> {
    const nowMs = this.clock.monotonicMs();
    if (this.standbys === 'expected') {
      // Whoever had it has let its lease end.
      for (const lane of this.book.all()) if (lane.state(nowMs) !== 'in-flight') this.drop(lane.takeLost());
    }
    const ready = [...this.book.all()].filter((lane) => lane.hasPending() && lane.state(nowMs) === 'ready');
    ready.sort((a, b) => a.readyAt() - b.readyAt());
    const toPending = (entry: ChangeEntry) => pendingChange(entry, this.deadLetters.laterThan(entry));
    return pack(ready, request.records, toPending).map(({ lane, changes }): ClaimedLane => {
      lane.claim(this.nextFence(), nowMs + request.leaseMs, changes.at(-1)?.position ?? 0);
      lane.claimedAt = this.clock.now();
      return { territoryId: lane.territoryId, fence: lane.fence, changes, memory: lane.memory };
    });
  }

  async renew(claims: readonly LaneClaim[], leaseMs: number): Promise<ReadonlySet<string>> {
    const leaseEndsAt = this.clock.monotonicMs() + leaseMs;
    return this.book.whereFenceHolds(claims, (lane) => {
      lane.leaseEndsAt = leaseEndsAt;
    });
  }

  async storeIntents(lanes: readonly LaneIntents[]): Promise<ReadonlySet<string>> {
    return this.book.whereFenceHolds(lanes, (lane, { intents }) => {
      const records = new Map(lane.memory.records);
      for (const intent of intents) {
        const { id } = intent.request;
        records.set(id, sentNow(records.get(id), intent));
      }
      lane.memory = { ...lane.memory, records };
      this.write.intents(lane, intents);
    });
  }

  async complete(completions: readonly LaneCompletion[]): Promise<ReadonlySet<string>> {
    const nowMs = this.clock.monotonicMs();
    const accepted = this.book.whereFenceHolds(completions, (lane, completion) => {
      this.completeLane(lane, completion, nowMs);
    });
    this.book.forgetIdle();
    this.announceWork();
    return accepted;
  }

  async nextDueMs(): Promise<number | undefined> {
    const nowMs = this.clock.monotonicMs();
    let due: number | undefined;
    for (const lane of this.book.all()) {
      if (!lane.hasPending() || lane.paused) continue;
      const delay = Math.max(0, lane.readyAt() - nowMs);
      due = Math.min(due ?? delay, delay);
    }
    return due;
  }

  async takeUnsent(...asked: Parameters<Journal['takeUnsent']>): Promise<readonly OutboxMessage[]> {
    return this.outbox.take(...asked);
  }

  async markSent(ids: readonly string[]): Promise<void> {
    for (const entry of this.outbox.remove(ids)) {
      this.write.published(entry);
      this.releaseFrom(entry);
    }
    this.book.forgetIdle();
  }

  async giveBack(ids: readonly string[]): Promise<void> {
    this.outbox.giveBack(ids);
    this.announceWork();
  }

  async receiverLost(): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    // A settlement may be lost with its link: then another instance is delivered it, with what stands around it.
    if (this.standbys === 'expected') this.known.forgetReleased();
    for (const lane of this.book.all()) {
      this.drop(this.standbys === 'expected' ? lane.dropDelivered(nowMs) : lane.dropUnbegun());
    }
    this.book.forgetIdle();
  }

  onWork(listener: () => void): () => void {
    this.workListeners.add(listener);
    return () => this.workListeners.delete(listener);
  }

  onReleased(listener: (receipt: string) => void): () => void {
    this.releaseListeners.add(listener);
    return () => this.releaseListeners.delete(listener);
  }

  async figures(): Promise<JournalFigures> {
    return figuresOf(this.book.all(), this.clock.monotonicMs(), this.outbox.size);
  }

  async lanes(query: LaneQuery): Promise<readonly LaneView[]> {
    return lanesIn(this.book.all(), query, this.clock);
  }

  async lane(territoryId: string): Promise<LaneDetail | undefined> {
    const lane = this.book.get(territoryId);
    return lane && laneDetail(lane, this.clock);
  }

  async pauseLane(territoryId: string): Promise<void> {
    this.book.of(territoryId).paused = true;
  }

  async resumeLane(territoryId: string): Promise<boolean> {
    const lane = this.book.get(territoryId);
    if (!lane) return false;
    lane.paused = false;
    this.announceWork();
    return true;
  }

  async trails(id: string, source?: string): Promise<readonly ChangeTrail[]> {
    const nowMs = this.clock.monotonicMs();
    return this.paths.find(id, source).map((trail) => {
      const lane = trail.territoryId === undefined ? undefined : this.book.get(trail.territoryId);
      return trailView(trail, lane, nowMs);
    });
  }

  async deadLetter(deadLetterId: string): Promise<KnownDeadLetter | undefined> {
    return this.deadLetters.known(deadLetterId);
  }

  async discard(order: Discard): Promise<'accepted' | 'decided'> {
    if (this.known.find(decisionReceipt(order.deadLetterId))) return 'decided';
    const entry = newDiscardEntry(order);
    this.known.add(entry);
    this.deadLetters.forget(order.deadLetterId);
    this.write.discarded(order);
    this.outbox.add(entry, order.messages);
    this.announceWork();
    return 'accepted';
  }

  /** By the time of the claim, not of the start: an instance that stood by has to follow one that was started later. */
  private nextFence(): number {
    this.lastFence = Math.max(this.lastFence + 1, this.numberOfNow());
    return this.lastFence;
  }

  private numberOfNow(): number {
    return Math.floor(this.clock.now()) * NUMBERS_PER_MS;
  }

  private appendOne(arrival: Arrival): AppendResult {
    const known = this.known.find(receiptOf(arrival));
    // A dead letter is decided once, so whatever else is to be made of it comes too late.
    const isDecision = arrival.kind === 'change' ? arrival.replay : arrival.replayOf;
    if (known && !isDecision && known.digest !== arrival.payload.digest) return { kind: 'clash' };
    if (known) this.known.redelivered(receiptOf(arrival));
    if (known) return { kind: known.released ? 'duplicate' : 'pending' };
    if (arrival.kind === 'unreadable') {
      const isTwin = arrival.alone && this.known.hasAny(changeKey(arrival.ref));
      return isTwin ? { kind: 'clash' } : this.appendUnreadable(arrival);
    }
    return arrival.replay ? this.appendReplay(arrival, arrival.replay) : this.appendChange(arrival);
  }

  private appendChange(arrival: ChangeArrival): AppendResult {
    const entry = newChangeEntry(arrival, ++this.lastPosition);
    this.known.add(entry);
    this.book.of(arrival.change.territoryId).append(entry, this.clock.monotonicMs());
    this.write.appended(entry);
    return { kind: 'appended', position: entry.position };
  }

  private appendReplay(arrival: ChangeArrival, replay: Replay): AppendResult {
    const { assignments, territoryId } = arrival.change;
    const lane = this.book.of(territoryId);
    const had = this.deadLetters.replaying(replay.deadLetterId)?.position ?? replay.position;
    const position = this.isFree(had, lane) ? had : ++this.lastPosition;
    const carried = this.deadLetters.carried(replay.deadLetterId, assignments);
    const entry = newChangeEntry(arrival, position, carried);
    this.known.add(entry);
    lane.insert(entry, this.clock.monotonicMs());
    this.write.appended(entry);
    return { kind: 'appended', position };
  }

  private appendUnreadable(arrival: UnreadableArrival): AppendResult {
    const entry = newUnreadableEntry(arrival);
    this.known.add(entry);
    this.outbox.add(entry, arrival.messages);
    this.write.unreadable(arrival);
    return { kind: 'appended', position: 0 };
  }

  /** A position given before, by this process or an earlier one, that no pending change of the lane has. */
  private isFree(position: number | undefined, lane: Lane): position is number {
    if (position === undefined || position > this.lastPosition) return false;
    return lane.pending().every((entry) => entry.position !== position);
  }

  private completeLane(lane: Lane, completion: LaneCompletion, nowMs: number): void {
    // Two runs of one change share a position: the earlier one has ended.
    const pending = new Map(lane.pending().map((entry) => [entry.position, entry]));
    for (const progress of completion.progress) {
      const entry = pending.get(progress.position);
      if (!entry) continue;
      recordProgress(entry, progress);
      this.deadLetters.note(entry, progress.results);
      const ends = completion.ended.some(({ position }) => position === progress.position);
      this.write.flown(entry, progress, lane, ends ? undefined : completion.wait);
    }
    for (const ending of completion.ended) {
      const entry = pending.get(ending.position);
      if (entry) this.end(entry, ending, lane);
    }
    lane.giveBack(completion, nowMs);
    this.drop(lane.takeLost());
    this.releaseHead(lane);
    for (const territoryId of completion.alsoRest?.territoryIds ?? []) {
      this.book.of(territoryId).waitUntil('resting', nowMs + (completion.alsoRest?.delayMs ?? 0));
    }
  }

  private end(entry: ChangeEntry, ending: Ending, lane: Lane): void {
    entry.ended = true;
    const { deadLetterId } = ending;
    if (deadLetterId !== undefined) this.deadLetters.open(deadLetterId, entry, lane.entries);
    this.deadLetters.ended(entry);
    this.write.ended(entry, ending);
    this.outbox.add(entry, ending.messages);
  }

  private drop(entries: readonly ChangeEntry[]): void {
    for (const entry of entries) {
      this.known.drop(entry);
      this.write.dropped(entry);
    }
  }

  private releaseFrom(entry: Entry): void {
    if (entry.kind === 'loose') return this.release(entry);
    const lane = this.book.get(entry.arrival.change.territoryId);
    if (lane) this.releaseHead(lane);
  }

  private releaseHead(lane: Lane): void {
    for (const entry of lane.takeReleasable()) this.release(entry);
  }

  private release(entry: Entry): void {
    this.known.release(entry);
    for (const listener of this.releaseListeners) listener(entry.receipt);
  }

  private announceWork(): void {
    for (const listener of this.workListeners) listener();
  }
}
