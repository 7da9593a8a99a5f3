/** Lanes for flights in the embedded journal: claimed, kept, and given back with what was done. */
import {
  sentNow,
  type ClaimedLane,
  type ClaimRequest,
  type Ending,
  type LaneClaim,
  type LaneCompletion,
  type LaneIntents,
} from '../port.ts';
import { pendingChange, recordProgress, type ChangeEntry } from './entry.ts';
import type { Lane } from './lane.ts';
import { pack } from './packing.ts';
import type { Parts } from './parts.ts';

export class Flights {
  private readonly parts: Parts;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  claim({ records, leaseMs }: ClaimRequest): readonly ClaimedLane[] {
    const { book, clock, deadLetters, leaving, numbers, standbys } = this.parts;
    const nowMs = clock.monotonicMs();
    if (standbys === 'expected') {
      // Whoever had it has let its lease end.
      for (const lane of book.all()) if (lane.state(nowMs) !== 'in-flight') leaving.drop(lane.takeLost());
    }
    const ready = [...book.all()].filter((lane) => lane.hasPending() && lane.state(nowMs) === 'ready');
    ready.sort((a, b) => a.readyAt() - b.readyAt());
    const toPending = (entry: ChangeEntry) => pendingChange(entry, deadLetters.laterThan(entry));
    return pack(ready, records, toPending).map(({ lane, changes }): ClaimedLane => {
      lane.claim(numbers.nextFence(), nowMs + leaseMs, changes.at(-1)?.position ?? 0);
      lane.claimedAt = clock.now();
      return { territoryId: lane.territoryId, fence: lane.fence, changes, memory: lane.memory };
    });
  }

  renew(claims: readonly LaneClaim[], leaseMs: number): ReadonlySet<string> {
    const leaseEndsAt = this.parts.clock.monotonicMs() + leaseMs;
    return this.parts.book.whereFenceHolds(claims, (lane) => {
      lane.leaseEndsAt = leaseEndsAt;
    });
  }

  storeIntents(lanes: readonly LaneIntents[]): ReadonlySet<string> {
    const { book, write } = this.parts;
    return book.whereFenceHolds(lanes, (lane, { intents }) => {
      const records = new Map(lane.memory.records);
      for (const intent of intents) {
        const { id } = intent.request;
        records.set(id, sentNow(records.get(id), intent));
      }
      lane.memory = { ...lane.memory, records };
      write.intents(lane, intents);
    });
  }

  complete(completions: readonly LaneCompletion[]): ReadonlySet<string> {
    const { book, clock } = this.parts;
    const nowMs = clock.monotonicMs();
    const accepted = book.whereFenceHolds(completions, (lane, completion) => {
      this.completeLane(lane, completion, nowMs);
    });
    book.forgetIdle();
    return accepted;
  }

  /** @returns milliseconds; undefined where nothing will be due by itself */
  nextDueMs(): number | undefined {
    const { book, clock } = this.parts;
    const nowMs = clock.monotonicMs();
    let due: number | undefined;
    for (const lane of book.all()) {
      if (!lane.hasPending() || lane.paused) continue;
      const delay = Math.max(0, lane.readyAt() - nowMs);
      due = Math.min(due ?? delay, delay);
    }
    return due;
  }

  private completeLane(lane: Lane, completion: LaneCompletion, nowMs: number): void {
    const { book, deadLetters, leaving, write } = this.parts;
    // Two runs of one change share a position: the earlier one has ended.
    const pending = new Map(lane.pending().map((entry) => [entry.position, entry]));
    for (const progress of completion.progress) {
      const entry = pending.get(progress.position);
      if (!entry) continue;
      recordProgress(entry, progress);
      deadLetters.note(entry, progress.results);
      const ends = completion.ended.some(({ position }) => position === progress.position);
      write.flown(entry, progress, lane, ends ? undefined : completion.wait);
    }
    for (const ending of completion.ended) {
      const entry = pending.get(ending.position);
      if (entry) this.end(entry, ending, lane);
    }
    lane.giveBack(completion, nowMs);
    leaving.drop(lane.takeLost());
    leaving.releaseHead(lane);
    for (const territoryId of completion.alsoRest?.territoryIds ?? []) {
      book.of(territoryId).waitUntil('resting', nowMs + (completion.alsoRest?.delayMs ?? 0));
    }
  }

  private end(entry: ChangeEntry, ending: Ending, lane: Lane): void {
    const { deadLetters, outbox, write } = this.parts;
    entry.ended = true;
    const { deadLetterId } = ending;
    if (deadLetterId !== undefined) deadLetters.open(deadLetterId, entry, lane.entries);
    deadLetters.ended(entry);
    write.ended(entry, ending);
    outbox.add(entry, ending.messages);
  }
}
