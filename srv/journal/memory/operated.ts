/** What operators see and decide in the embedded journal. */
import {
  decisionReceipt,
  type ChangeTrail,
  type Discard,
  type KnownDeadLetter,
  type LaneDetail,
  type LaneQuery,
  type LaneView,
  type OperatedJournal,
} from '../port.ts';
import { newDiscardEntry } from './entry.ts';
import type { Parts } from './parts.ts';
import type { Trails } from './trails.ts';
import { laneDetail, lanesIn, trailView } from './views.ts';

export class OperatedLanes implements OperatedJournal {
  private readonly parts: Parts;
  private readonly paths: Trails;
  private readonly announceWork: () => void;

  constructor(parts: Parts, paths: Trails, announceWork: () => void) {
    this.parts = parts;
    this.paths = paths;
    this.announceWork = announceWork;
  }

  async lanes(query: LaneQuery): Promise<readonly LaneView[]> {
    return lanesIn(this.parts.book.all(), query, this.parts.clock);
  }

  async lane(territoryId: string): Promise<LaneDetail | undefined> {
    const lane = this.parts.book.get(territoryId);
    return lane && laneDetail(lane, this.parts.clock);
  }

  async pauseLane(territoryId: string): Promise<void> {
    this.parts.book.of(territoryId).paused = true;
  }

  async resumeLane(territoryId: string): Promise<boolean> {
    const lane = this.parts.book.get(territoryId);
    if (!lane) return false;
    lane.paused = false;
    this.announceWork();
    return true;
  }

  async trails(id: string, source?: string): Promise<readonly ChangeTrail[]> {
    const { book, clock } = this.parts;
    const nowMs = clock.monotonicMs();
    return this.paths.find(id, source).map((trail) => {
      const lane = trail.territoryId === undefined ? undefined : book.get(trail.territoryId);
      return trailView(trail, lane, nowMs);
    });
  }

  async deadLetter(deadLetterId: string): Promise<KnownDeadLetter | undefined> {
    return this.parts.deadLetters.known(deadLetterId);
  }

  async discard(order: Discard): Promise<'accepted' | 'decided'> {
    const { deadLetters, known, outbox, write } = this.parts;
    if (known.find(decisionReceipt(order.deadLetterId))) return 'decided';
    const entry = newDiscardEntry(order);
    known.add(entry);
    deadLetters.forget(order.deadLetterId);
    write.discarded(order);
    outbox.add(entry, order.messages);
    this.announceWork();
    return 'accepted';
  }
}
