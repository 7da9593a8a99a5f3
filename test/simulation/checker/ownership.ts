/**
 * Watches the journal: fences only grow, a lane has one owner at a time, a stale owner changes nothing, and no call that was
 * refused is taken for one that was not.
 */
import type {
  AppendResult,
  Arrival,
  ClaimedLane,
  ClaimRequest,
  LaneClaim,
  LaneCompletion,
  LaneIntents,
} from '../../../srv/journal/port.ts';
import type { WriteRequest } from '../../../srv/territory-api/port.ts';
import type { SimLocks } from '../world/locks.ts';
import type { SimProcess } from '../world/process.ts';
import type { Trace } from '../world/trace.ts';
import type { Verdict } from './violation.ts';
import type { WriteCheck } from './writes.ts';

interface Owner {
  readonly fence: number;
  readonly process: string;
  leaseEndsMs: number;
}

export class OwnershipCheck {
  /** Bodies of what a journal has taken. */
  readonly taken = new Set<Buffer>();
  private readonly verdict: Verdict;
  private readonly trace: Trace;
  private readonly writes: WriteCheck;
  private readonly nowMs: () => number;
  private readonly owners = new Map<string, Owner>();
  /** When each was asked to stop. */
  private readonly asked = new Map<string, number>();
  private readonly done = new Set<string>();
  private lastFence = 0;

  constructor(verdict: Verdict, trace: Trace, writes: WriteCheck, nowMs: () => number) {
    this.verdict = verdict;
    this.trace = trace;
    this.writes = writes;
    this.nowMs = nowMs;
  }

  /** The process has been asked to stop. */
  stopping(process: string): void {
    this.asked.set(process, this.nowMs());
  }

  /** The process says that it has stopped. */
  stopped(process: string): void {
    this.done.add(process);
  }

  /**
   * A write leaves the process just now. It may only where the lane and the lock are its own for as long as a request takes; a
   * process whose clock has stood still cannot know, so only its fence and its ETags stop it.
   */
  leaving(
    process: SimProcess,
    requests: readonly WriteRequest[],
    requestMs: number,
    locks: SimLocks | undefined,
  ): void {
    const { name } = process;
    this.verdict.demand(!this.done.has(name), 'stopped', () => `${name} has stopped, and writes`);
    if (process.hasSlept) return;
    for (const territoryId of new Set(requests.map((request) => request.territoryId))) {
      const owner = this.owners.get(territoryId);
      const leftMs = owner?.process === name ? owner.leaseEndsMs - this.nowMs() : 0;
      this.verdict.demand(
        leftMs > requestMs,
        'own-lease',
        () => `${name} wrote to ${territoryId} with ${leftMs} ms left of its lease`,
      );
      this.verdict.demand(
        locks === undefined || locks.mayBelieve(name, territoryId),
        'own-lock',
        () => `${name} wrote to ${territoryId} without its lock`,
      );
    }
  }

  /** A call that took effect; the process made it at `askedAtMs`. */
  called(
    process: string,
    method: string,
    parts: readonly unknown[],
    answer: unknown,
    askedAtMs: number,
  ): void {
    switch (method) {
      case 'append':
        return this.appended(process, parts[0] as readonly Arrival[], answer as readonly AppendResult[]);
      case 'claim':
        return this.claimed(process, parts[0] as ClaimRequest, answer as readonly ClaimedLane[], askedAtMs);
      case 'renew':
        return this.renewed(
          parts[0] as readonly LaneClaim[],
          parts[1] as number,
          answer as ReadonlySet<string>,
        );
      case 'storeIntents':
        return this.storedIntents(process, parts[0] as readonly LaneIntents[], answer as ReadonlySet<string>);
      case 'complete':
        return this.completed(process, parts[0] as readonly LaneCompletion[], answer as ReadonlySet<string>);
      default:
        return;
    }
  }

  private appended(process: string, arrivals: readonly Arrival[], results: readonly AppendResult[]): void {
    this.trace.note(`${process} appends ${results.map(({ kind }) => kind).join(' ')}`);
    arrivals.forEach((arrival, index) => {
      const kind = results[index]?.kind;
      if (kind !== undefined && kind !== 'clash' && kind !== 'refused') this.taken.add(arrival.payload.body);
    });
  }

  private claimed(
    process: string,
    { records, leaseMs }: ClaimRequest,
    lanes: readonly ClaimedLane[],
    askedAtMs: number,
  ): void {
    this.verdict.demand(
      lanes.length === 0 || askedAtMs <= (this.asked.get(process) ?? Infinity),
      'stopped',
      () => `${process} was asked to stop, and claims`,
    );
    this.writes.sizes.claims(process, records, askedAtMs);
    for (const { territoryId, fence, changes } of lanes) {
      this.trace.note(`${process} claims ${territoryId} with ${changes.length} changes`);
      const before = this.owners.get(territoryId);
      this.verdict.demand(
        fence > this.lastFence,
        'fence-grows',
        () => `${territoryId} was claimed with fence ${fence} after ${this.lastFence}`,
      );
      this.lastFence = Math.max(this.lastFence, fence);
      this.verdict.demand(
        before === undefined || before.leaseEndsMs <= this.nowMs(),
        'one-owner',
        () => `${process} claimed ${territoryId} while ${before?.process} had it`,
      );
      this.owners.set(territoryId, { fence, process, leaseEndsMs: this.nowMs() + leaseMs });
    }
  }

  private renewed(claims: readonly LaneClaim[], leaseMs: number, held: ReadonlySet<string>): void {
    for (const { territoryId, fence } of claims) {
      const owner = this.owners.get(territoryId);
      if (held.has(territoryId) && owner?.fence === fence) owner.leaseEndsMs = this.nowMs() + leaseMs;
      this.demandOwner(territoryId, fence, held, 'renewed the lease of');
    }
  }

  private storedIntents(process: string, lanes: readonly LaneIntents[], held: ReadonlySet<string>): void {
    for (const { territoryId, fence, intents } of lanes) {
      this.demandOwner(territoryId, fence, held, `stored intents for`);
      if (held.has(territoryId)) this.writes.keep(process, intents);
      else this.trace.note(`${process} may not store for ${territoryId}`);
    }
  }

  private completed(process: string, lanes: readonly LaneCompletion[], accepted: ReadonlySet<string>): void {
    for (const { territoryId, fence, progress, ended, wait } of lanes) {
      this.demandOwner(territoryId, fence, accepted, 'completed');
      if (!accepted.has(territoryId)) {
        this.writes.forgetWaits(process, territoryId);
        continue;
      }
      const endings = ended.map(({ position, outcome }) => `${position} ${outcome}`).join(', ');
      this.trace.note(
        `${process} completes ${territoryId}: ${endings}; ${wait ? `${wait.state} ${wait.delayMs}` : ''}`,
      );
      this.owners.delete(territoryId);
      const results = progress.flatMap((made) =>
        [...made.results.keys()].map((index) => ({ position: made.position, index })),
      );
      for (const { results: made } of progress)
        for (const { id, result } of made.values())
          if (result === 'failed' || result === 'skipped') this.writes.forgetWaits(process, territoryId, id);
      this.writes.doubt.givenBack(process, territoryId, results);
    }
  }

  private demandOwner(territoryId: string, fence: number, accepted: ReadonlySet<string>, did: string): void {
    if (!accepted.has(territoryId)) return;
    const owner = this.owners.get(territoryId);
    this.verdict.demand(
      owner?.fence === fence,
      'stale-owner',
      () => `fence ${fence} ${did} ${territoryId}, whose owner has ${String(owner?.fence)}`,
    );
  }
}
