/**
 * The journal as a tiny sequential model: what it must answer to any history of calls. It knows nothing of how a journal
 * works inside; numbers that a journal is free to choose (positions, fences) are taken from its answers and checked
 * against the rules for them.
 */
import { expect } from 'vitest';
import {
  receiptOf,
  type Arrival,
  type ClaimedLane,
  type Journal,
  type LaneState,
} from '../../../srv/journal/port.ts';
import type { Flown } from './samples.ts';

export interface ModelChange {
  readonly id: string;
  readonly territoryId: string;
  readonly receipt: string;
  readonly records: readonly string[];
  readonly position: number;
  attempts: number;
  ended: boolean;
}

export interface ModelLane {
  readonly territoryId: string;
  /** Not released; in order. */
  changes: ModelChange[];
  /** The claim that owns it, until it is completed. */
  owner: ClaimedLane | undefined;
  leaseEndsAt: number;
  notBefore: number;
  waitingFor: LaneState;
  prefixEnd: number;
  /** Records with a stored intent. */
  intents: Set<string>;
  begunUpTo: number;
  givenUpTo: number;
}

interface ModelMessage {
  readonly id: string;
  readonly receipt: string;
  taken: boolean;
}

interface Known {
  readonly digest: string;
  released: boolean;
}

export class JournalModel {
  readonly durability: Journal['durability'];
  nowMs = 0;
  readonly lanes = new Map<string, ModelLane>();
  readonly known = new Map<string, Known>();
  outbox: ModelMessage[] = [];
  /** Receipts by lane, in order; those of what could not be read under an empty name, in whatever order. */
  readonly released = new Map<string, string[]>();
  private lastPosition = 0;
  private lastFence = 0;

  constructor(durability: Journal['durability']) {
    this.durability = durability;
  }

  /** What `append` has to answer for this arrival; a durable journal may call a known one pending or a duplicate. */
  expectedKinds(arrival: Arrival): readonly string[] {
    const known = this.known.get(receiptOf(arrival));
    if (!known) return ['appended'];
    if (known.digest !== arrival.payload.digest) return ['clash'];
    if (this.durability === 'journal') return ['pending', 'duplicate'];
    return known.released ? ['duplicate'] : ['pending'];
  }

  appended(arrival: Arrival, position: number): void {
    const receipt = receiptOf(arrival);
    this.known.set(receipt, { digest: arrival.payload.digest, released: false });
    if (arrival.kind === 'unreadable') {
      this.tell(
        receipt,
        arrival.messages.map(({ id }) => id),
      );
      return;
    }
    expect(position).toBeGreaterThan(this.lastPosition);
    this.lastPosition = position;
    const { id, territoryId, assignments } = arrival.change;
    const lane = this.lane(territoryId);
    if (this.pendingOf(lane).length === 0) lane.notBefore = Math.max(lane.notBefore, this.nowMs);
    const records = assignments.map((assignment) => assignment.id);
    lane.changes.push({ id, territoryId, receipt, records, position, attempts: 0, ended: false });
  }

  pendingOf(lane: ModelLane): ModelChange[] {
    return lane.changes.filter(({ ended }) => !ended);
  }

  stateOf(lane: ModelLane): LaneState {
    if (lane.owner && lane.leaseEndsAt > this.nowMs) return 'in-flight';
    return lane.notBefore > this.nowMs ? lane.waitingFor : 'ready';
  }

  readyAt(lane: ModelLane): number {
    return Math.max(lane.owner ? lane.leaseEndsAt : 0, lane.notBefore);
  }

  ready(): ModelLane[] {
    return this.busy().filter((lane) => this.stateOf(lane) === 'ready');
  }

  /** Lanes with something pending. */
  busy(): ModelLane[] {
    return [...this.lanes.values()].filter((lane) => this.pendingOf(lane).length > 0);
  }

  /** Records of a lane that are still to be written. */
  wanted(lane: ModelLane): number {
    return new Set(this.pendingOf(lane).flatMap(({ records }) => records)).size;
  }

  claimed(claim: ClaimedLane, leaseMs: number): void {
    expect(claim.fence).toBeGreaterThan(this.lastFence);
    this.lastFence = claim.fence;
    const lane = this.lane(claim.territoryId);
    lane.owner = claim;
    lane.leaseEndsAt = this.nowMs + leaseMs;
    lane.givenUpTo = Math.max(lane.givenUpTo, claim.changes.at(-1)?.position ?? 0);
  }

  holds(claim: ClaimedLane): boolean {
    return this.lanes.get(claim.territoryId)?.owner?.fence === claim.fence;
  }

  /** The flight's work as `completion` of the samples describes it. */
  completed(claim: ClaimedLane, flown: Flown, alsoRestMs: number | undefined): void {
    const lane = this.lane(claim.territoryId);
    const ends = flown.ends ?? claim.changes.length;
    const begins = Math.max(flown.begins ?? 0, ends);
    for (const [index, { position }] of claim.changes.slice(0, begins).entries()) {
      const change = lane.changes.find((known) => known.position === position);
      if (!change) throw new Error('a claimed change has vanished');
      change.attempts += 1;
      lane.prefixEnd = position;
      lane.begunUpTo = Math.max(lane.begunUpTo, position);
      if (index >= ends) continue;
      change.ended = true;
      this.tell(change.receipt, [`outcome of ${change.id}`]);
    }
    lane.owner = undefined;
    lane.intents.clear();
    lane.givenUpTo = 0;
    lane.notBefore = Math.max(lane.notBefore, this.nowMs);
    if (flown.wait) this.waitUntil(lane, flown.wait.state, flown.wait.delayMs);
    if (alsoRestMs === undefined) return;
    for (const id of flown.alsoRest?.territoryIds ?? []) this.waitUntil(this.lane(id), 'resting', alsoRestMs);
  }

  /** What `takeUnsent` has to answer: of messages that share an id only the oldest is handed out. */
  untaken(limit: number): ModelMessage[] {
    const heads = this.outbox.filter(
      ({ id }, index) => this.outbox.findIndex((other) => other.id === id) === index,
    );
    return heads.filter(({ taken }) => !taken).slice(0, limit);
  }

  sent(id: string): void {
    const index = this.outbox.findIndex((message) => message.id === id);
    if (index === -1) return;
    const [message] = this.outbox.splice(index, 1);
    if (message) this.releaseFrom(message.receipt);
  }

  givenBack(id: string): void {
    const message = this.outbox.find((other) => other.id === id);
    if (message) message.taken = false;
  }

  lostReceiver(): void {
    if (this.durability === 'journal') return;
    for (const lane of this.lanes.values()) {
      const begunUpTo = Math.max(lane.begunUpTo, lane.givenUpTo);
      for (const { receipt, position } of lane.changes) if (position > begunUpTo) this.known.delete(receipt);
      lane.changes = lane.changes.filter(({ position }) => position <= begunUpTo);
    }
  }

  lane(territoryId: string): ModelLane {
    const known = this.lanes.get(territoryId);
    if (known) return known;
    const lane: ModelLane = {
      territoryId,
      changes: [],
      owner: undefined,
      leaseEndsAt: 0,
      notBefore: 0,
      waitingFor: 'ready',
      prefixEnd: 0,
      intents: new Set(),
      begunUpTo: 0,
      givenUpTo: 0,
    };
    this.lanes.set(territoryId, lane);
    return lane;
  }

  private tell(receipt: string, ids: readonly string[]): void {
    this.outbox.push(...ids.map((id) => ({ id, receipt, taken: false })));
  }

  private waitUntil(lane: ModelLane, state: LaneState, delayMs: number): void {
    if (lane.notBefore >= this.nowMs + delayMs) return;
    lane.notBefore = this.nowMs + delayMs;
    lane.waitingFor = state;
  }

  /** After the mesh has accepted a message of this receipt: its lane's told prefix may go. */
  private releaseFrom(receipt: string): void {
    if (this.durability === 'journal') return;
    const lane = [...this.lanes.values()].find(({ changes }) =>
      changes.some((change) => change.receipt === receipt),
    );
    if (!lane) {
      if (!this.isUntold(receipt)) this.release('', receipt);
      return;
    }
    for (;;) {
      const [head] = lane.changes;
      if (!head?.ended || this.isUntold(head.receipt)) return;
      lane.changes.shift();
      this.release(lane.territoryId, head.receipt);
    }
  }

  private isUntold(receipt: string): boolean {
    return this.outbox.some((message) => message.receipt === receipt);
  }

  private release(territoryId: string, receipt: string): void {
    const known = this.known.get(receipt);
    if (known) known.released = true;
    this.released.set(territoryId, [...(this.released.get(territoryId) ?? []), receipt]);
  }
}
