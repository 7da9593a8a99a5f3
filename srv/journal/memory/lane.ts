/** One lane of the embedded journal: its changes in order, its owner, and what it waits for. */
import {
  isForgettable,
  NEW_RECORD,
  NO_MEMORY,
  type LaneCompletion,
  type LaneMemory,
  type LaneState,
  type RecordMemory,
  type WaitState,
} from '../port.ts';
import type { ChangeEntry } from './entry.ts';

export class Lane {
  readonly territoryId: string;
  /** Ordered by position; an entry leaves when it is released, so ended ones may stand before pending ones. */
  entries: ChangeEntry[] = [];
  memory: LaneMemory = NO_MEMORY;
  fence = 0;
  inFlight = false;
  /** An operator has stopped it: no flight begins. */
  paused = false;
  /** Epoch milliseconds of the present owner's claim. */
  claimedAt = 0;
  /** Monotonic milliseconds: from then on another flight may claim it, and the former owner's fence is stale. */
  leaseEndsAt = 0;
  /** Monotonic milliseconds before which nobody claims it, and why; in the past: since when it has been ready. */
  private notBefore = 0;
  private waitingFor: WaitState | undefined;
  /** Highest position that a flight has begun, and that the present owner was given: he may have begun all of it. */
  private begunUpTo = 0;
  private givenUpTo = 0;

  constructor(territoryId: string) {
    this.territoryId = territoryId;
  }

  pending(): ChangeEntry[] {
    return this.entries.filter((entry) => !entry.ended);
  }

  hasPending(): boolean {
    return this.entries.some((entry) => !entry.ended);
  }

  /** The state as the operations API names it, at the monotonic time `nowMs`. */
  state(nowMs: number): LaneState {
    if (this.inFlight && this.leaseEndsAt > nowMs) return 'in-flight';
    if (this.paused) return 'paused';
    if (this.waitingFor && this.notBefore > nowMs) return this.waitingFor;
    return 'ready';
  }

  /** Monotonic milliseconds from which it can be claimed, or has been, if it has anything pending. */
  readyAt(): number {
    return Math.max(this.inFlight ? this.leaseEndsAt : 0, this.notBefore);
  }

  /** Monotonic milliseconds until which it waits by itself; undefined where it does not, or not any more. */
  waitsUntil(nowMs: number): number | undefined {
    return this.waitingFor && this.notBefore > nowMs ? this.notBefore : undefined;
  }

  append(entry: ChangeEntry, nowMs: number): void {
    if (!this.hasPending()) this.notBefore = Math.max(this.notBefore, nowMs);
    this.entries.push(entry);
  }

  /** As `append`, but in its place by position; behind an ended one that had the same position. */
  insert(entry: ChangeEntry, nowMs: number): void {
    if (!this.hasPending()) this.notBefore = Math.max(this.notBefore, nowMs);
    const behind = this.entries.findIndex(({ position }) => position > entry.position);
    this.entries.splice(behind === -1 ? this.entries.length : behind, 0, entry);
  }

  /** Hands it to a new owner, who is given the changes up to this position. */
  claim(fence: number, leaseEndsAt: number, givenUpTo: number): void {
    this.fence = fence;
    this.inFlight = true;
    this.leaseEndsAt = leaseEndsAt;
    this.givenUpTo = Math.max(this.givenUpTo, givenUpTo);
  }

  /** The owner gives it back. */
  giveBack(completion: LaneCompletion, nowMs: number): void {
    this.inFlight = false;
    this.memory = completion.memory;
    this.begunUpTo = Math.max(this.begunUpTo, begunBy(completion));
    this.givenUpTo = 0;
    this.notBefore = Math.max(this.notBefore, nowMs);
    if (completion.wait) this.waitUntil(completion.wait.state, nowMs + completion.wait.delayMs);
  }

  /** Makes it wait until then, unless it waits longer already. */
  waitUntil(state: WaitState, dueAt: number): void {
    if (this.notBefore >= dueAt) return;
    this.notBefore = dueAt;
    this.waitingFor = state;
  }

  /** Takes out what no flight has begun, which is always the lane's tail; replays do not come from there and stay. */
  dropUnbegun(): ChangeEntry[] {
    const begunUpTo = Math.max(this.begunUpTo, this.givenUpTo);
    const isDropped = ({ position, arrival }: ChangeEntry) => position > begunUpTo && !arrival.replay;
    const dropped = this.entries.filter(isDropped);
    this.entries = this.entries.filter((entry) => !isDropped(entry));
    return dropped;
  }

  /**
   * Takes out all that a link has brought, begun or not, as a crash would: who is the receiver now has it too. What a running flight
   * works on leaves when that gives the lane back.
   */
  dropDelivered(nowMs: number): ChangeEntry[] {
    const isRunning = this.state(nowMs) === 'in-flight';
    const unbegun = isRunning ? this.dropUnbegun() : [];
    for (const entry of this.entries) if (!entry.arrival.replay) entry.lost = true;
    return isRunning ? unbegun : this.takeLost();
  }

  /**
   * Takes out what is lost, ended or not: what was settled before it in the lane may come again as well, so all of it is applied again, in
   * order. Of a request that may have been sent only this is kept: that it may land yet.
   */
  takeLost(): ChangeEntry[] {
    const lost = this.entries.filter((entry) => entry.lost);
    if (lost.length === 0) return lost;
    this.entries = this.entries.filter((entry) => !lost.includes(entry));
    const ids = recordsOf(lost);
    const stay = recordsOf(this.entries);
    const records = [...this.memory.records].flatMap(([id, record]): [string, RecordMemory][] => {
      if (!ids.has(id)) return [[id, record]];
      const { mayLand } = record;
      // Refusals make the keys of the next requests: of what comes again they differ by its position already.
      const refusals = stay.has(id) ? record.refusals : 0;
      const doubt = record.doubt === 'none' ? 'none' : 'sent';
      const isNew = doubt === 'none' && refusals === 0 && mayLand === undefined;
      return isNew ? [] : [[id, { ...NEW_RECORD, refusals, mayLand, doubt }]];
    });
    this.memory = { ...this.memory, records: new Map(records) };
    return lost;
  }

  /** Takes out the ended changes at its head of which the mesh has accepted everything. */
  takeReleasable(): ChangeEntry[] {
    const first = this.entries.findIndex(({ ended, unsent }) => !ended || unsent > 0);
    return this.entries.splice(0, first === -1 ? this.entries.length : first);
  }

  /** Nothing is lost by forgetting it: no entries, owner, wait, or anything remembered (epoch milliseconds). */
  forgettable(nowMs: number, epochMs: number): boolean {
    const { records, rest, ownEtags, unwritten = [], undeleted = [] } = this.memory;
    const remembers =
      [...records.values()].some((record) => !isForgettable(record, epochMs)) ||
      (rest !== undefined && rest.latest > epochMs) ||
      (ownEtags !== undefined && ownEtags.until > epochMs) ||
      [...unwritten, ...undeleted].some(({ until }) => until > epochMs);
    return this.entries.length === 0 && this.state(nowMs) === 'ready' && !remembers;
  }
}

/** The ids of the records that these changes name. */
function recordsOf(entries: readonly ChangeEntry[]): ReadonlySet<string> {
  return new Set(entries.flatMap(({ arrival }) => arrival.change.assignments.map(({ id }) => id)));
}

/** The highest position that the flight, or a request still in doubt, has to do with. */
function begunBy({ memory, progress, ended }: LaneCompletion): number {
  const inDoubt = [...memory.records.values()].flatMap(({ intent }) => intent?.covers ?? []);
  const positions = [...progress, ...ended, ...inDoubt].map(({ position }) => position);
  return Math.max(memory.prefixEnd, memory.unmergedUpTo, ...positions);
}
