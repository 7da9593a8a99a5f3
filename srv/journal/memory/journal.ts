/**
 * The embedded journal: everything in memory, while the mesh queue stays the durable record. What a crash takes away
 * was not settled, so the mesh delivers it again; because releases follow a lane's order, what comes again is a suffix
 * of each lane and is applied again in order. What flights and operators do stands in files of their own.
 */
import type { Clock } from '../../platform/clock.ts';
import type {
  AppendResult,
  Arrival,
  ChangeTrail,
  ClaimedLane,
  ClaimRequest,
  Discard,
  Journal,
  JournalFigures,
  KnownDeadLetter,
  LaneClaim,
  LaneCompletion,
  LaneDetail,
  LaneIntents,
  LaneQuery,
  LaneView,
  OperatedJournal,
  OutboxMessage,
} from '../port.ts';
import { append } from './append.ts';
import { DeadLetters } from './dead-letters.ts';
import { figuresOf } from './figures.ts';
import { Flights } from './flights.ts';
import { KnownChanges } from './known-changes.ts';
import { LaneBook } from './lane-book.ts';
import { Leaving } from './leaving.ts';
import { Numbers } from './numbers.ts';
import { OperatedLanes } from './operated.ts';
import { Outbox } from './outbox.ts';
import type { Parts, Standbys } from './parts.ts';
import { TrailWriter } from './trail-writer.ts';
import { Trails } from './trails.ts';

/** More than the widest intake window, so that whatever a lost link brings again is known. */
const REMEMBERED_CHANGES = 100_000;

/** Ended changes whose path can be looked up. */
const REMEMBERED_TRAILS = 10_000;

export interface MemoryJournalOptions {
  readonly clock: Clock;
  /** Released changes remembered for telling duplicates. */
  readonly rememberedChanges?: number;
  readonly standbys?: Standbys;
}

export class MemoryJournal implements Journal, OperatedJournal {
  readonly durability = 'queue';
  private readonly parts: Parts;
  private readonly flights: Flights;
  private readonly operated: OperatedJournal;
  private readonly workListeners = new Set<() => void>();

  constructor({ clock, rememberedChanges, standbys = 'none' }: MemoryJournalOptions) {
    const book = new LaneBook(clock);
    const known = new KnownChanges(rememberedChanges ?? REMEMBERED_CHANGES);
    const paths = new Trails(REMEMBERED_TRAILS);
    const write = new TrailWriter(paths, clock);
    this.parts = {
      clock,
      standbys,
      book,
      known,
      write,
      outbox: new Outbox(),
      deadLetters: new DeadLetters(),
      numbers: new Numbers(clock),
      leaving: new Leaving({ book, known, write }),
    };
    this.flights = new Flights(this.parts);
    this.operated = new OperatedLanes(this.parts, paths, () => this.announceWork());
  }

  async append(arrivals: readonly Arrival[]): Promise<readonly AppendResult[]> {
    const results = arrivals.map((arrival) => append(this.parts, arrival));
    this.announceWork();
    return results;
  }

  async claim(request: ClaimRequest): Promise<readonly ClaimedLane[]> {
    return this.flights.claim(request);
  }

  async renew(claims: readonly LaneClaim[], leaseMs: number): Promise<ReadonlySet<string>> {
    return this.flights.renew(claims, leaseMs);
  }

  async storeIntents(lanes: readonly LaneIntents[]): Promise<ReadonlySet<string>> {
    return this.flights.storeIntents(lanes);
  }

  async complete(completions: readonly LaneCompletion[]): Promise<ReadonlySet<string>> {
    const accepted = this.flights.complete(completions);
    this.announceWork();
    return accepted;
  }

  async nextDueMs(): Promise<number | undefined> {
    return this.flights.nextDueMs();
  }

  async takeUnsent(...asked: Parameters<Journal['takeUnsent']>): Promise<readonly OutboxMessage[]> {
    return this.parts.outbox.take(...asked);
  }

  async markSent(ids: readonly string[]): Promise<void> {
    const { book, leaving, outbox, write } = this.parts;
    for (const entry of outbox.remove(ids)) {
      write.published(entry);
      leaving.told(entry);
    }
    book.forgetIdle();
  }

  async giveBack(ids: readonly string[]): Promise<void> {
    this.parts.outbox.giveBack(ids);
    this.announceWork();
  }

  async receiverLost(): Promise<void> {
    const { book, clock, known, leaving, standbys } = this.parts;
    const nowMs = clock.monotonicMs();
    // A settlement may be lost with its link: then another instance is delivered it, with what stands around it.
    if (standbys === 'expected') known.forgetReleased();
    for (const lane of book.all()) {
      leaving.drop(standbys === 'expected' ? lane.dropDelivered(nowMs) : lane.dropUnbegun());
    }
    book.forgetIdle();
  }

  onWork(listener: () => void): () => void {
    this.workListeners.add(listener);
    return () => this.workListeners.delete(listener);
  }

  onReleased(listener: (receipt: string) => void): () => void {
    return this.parts.leaving.onReleased(listener);
  }

  async figures(): Promise<JournalFigures> {
    const { book, clock, outbox } = this.parts;
    return figuresOf(book.all(), clock.monotonicMs(), outbox.size);
  }

  lanes(query: LaneQuery): Promise<readonly LaneView[]> {
    return this.operated.lanes(query);
  }

  lane(territoryId: string): Promise<LaneDetail | undefined> {
    return this.operated.lane(territoryId);
  }

  pauseLane(territoryId: string): Promise<void> {
    return this.operated.pauseLane(territoryId);
  }

  resumeLane(territoryId: string): Promise<boolean> {
    return this.operated.resumeLane(territoryId);
  }

  trails(id: string, source?: string): Promise<readonly ChangeTrail[]> {
    return this.operated.trails(id, source);
  }

  deadLetter(deadLetterId: string): Promise<KnownDeadLetter | undefined> {
    return this.operated.deadLetter(deadLetterId);
  }

  discard(order: Discard): Promise<'accepted' | 'decided'> {
    return this.operated.discard(order);
  }

  private announceWork(): void {
    for (const listener of this.workListeners) listener();
  }
}
