/** Carries out one request on the store: with its idempotency tickets, its faults, and its node. */
import { effectOf } from './faults.ts';
import type { RecordFault } from './faults.ts';
import type { IdempotencyKeys, Ticket } from './idempotency.ts';
import { refusal } from './record.ts';
import type { RecordRef, RecordResult, RecordWrite, SandboxRecord } from './record.ts';
import { countRefusal } from './stats.ts';
import type { Stats } from './stats.ts';
import type { GroupCommit, Moment, TerritoryStore } from './store.ts';

/** What the answer says of one write; `missing`: nothing. */
export type Outcome = RecordResult | 'missing';

export interface ExecutorParts {
  readonly store: TerritoryStore;
  readonly keys: IdempotencyKeys;
  readonly stats: Stats;
  readonly tickets: ReadonlyMap<RecordWrite, Ticket>;
  readonly faults: ReadonlyMap<string, RecordFault>;
  readonly via: 'cache' | 'past-cache';
  readonly moment: Moment;
}

export class Executor {
  readonly #parts: ExecutorParts;
  #cacheStatus: 'HIT' | 'MISS' | 'BYPASS' | undefined;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  /** Of all reads so far, the one that proves least: HIT if any record came from the node's copy. Undefined: no reads. */
  get cacheStatus(): 'HIT' | 'MISS' | 'BYPASS' | undefined {
    return this.#cacheStatus;
  }

  /** The records found, in the order asked for; each at most once. */
  read(refs: readonly RecordRef[]): readonly SandboxRecord[] {
    const { store, stats, faults, via, moment } = this.#parts;
    this.#cacheStatus ??= via === 'past-cache' ? 'BYPASS' : 'MISS';
    const asked = new Set<string>();
    const found: SandboxRecord[] = [];
    for (const ref of refs) {
      if (asked.has(ref.id)) continue;
      asked.add(ref.id);
      const { record, cache, stale } = store.read(ref, via, moment);
      if (cache === 'HIT') this.#cacheStatus = 'HIT';
      stats.reads += 1;
      if (stale) stats.staleReads += 1;
      if (record !== undefined && faults.get(ref.id)?.kind !== 'record-missing') found.push(record);
    }
    return found;
  }

  /** Up to `limit` records, for a read that names none. */
  readFirst(limit: number, territoryId: string | undefined): readonly SandboxRecord[] {
    return this.read(this.#parts.store.first(limit, territoryId));
  }

  /** Writes on its own: its result, success or refusal, is what a repeat gets. */
  write(write: RecordWrite): Outcome {
    const { store, keys, stats, faults, moment } = this.#parts;
    const ticket = this.#ticket(write);
    stats.writes += 1;
    const fault = faults.get(write.id);
    if (fault !== undefined && effectOf(fault) === 'not-written') return spoil(fault, undefined);
    const result = ticket.kind === 'answered' ? this.#countAnswered(ticket) : store.write(write, moment);
    if (ticket.kind !== 'answered') {
      keys.finish(ticket, result);
      if (result.error === undefined) stats.committed += 1;
      else countRefusal(stats, result);
    }
    return fault === undefined ? result : spoil(fault, result);
  }

  /**
   * Writes as one transaction. A member that was done before is replayed and takes no part; of a transaction that fails,
   * nothing is kept for repeats.
   */
  writeGroup(writes: readonly RecordWrite[], commit: GroupCommit): readonly Outcome[] {
    const { store, keys, stats, faults, moment } = this.#parts;
    stats.writes += writes.length;
    let mayCommit = commit === 'if-all-succeed';
    const outcomes = new Map<RecordWrite, RecordResult | undefined>();
    const toJudge: RecordWrite[] = [];
    for (const write of writes) {
      const ticket = this.#ticket(write);
      const fault = faults.get(write.id);
      if (fault !== undefined && effectOf(fault) === 'not-written') {
        mayCommit = false;
      } else if (ticket.kind === 'answered') {
        outcomes.set(write, this.#countAnswered(ticket));
        if (ticket.result.error !== undefined) mayCommit = false;
      } else {
        toJudge.push(write);
      }
    }
    const results = store.writeGroup(toJudge, mayCommit ? 'if-all-succeed' : 'never', moment);
    const committed = mayCommit && results.every((result) => result.error === undefined);
    for (const [index, write] of toJudge.entries()) {
      const result = results[index];
      if (result === undefined) continue;
      outcomes.set(write, result);
      if (committed) {
        keys.finish(this.#ticket(write), result);
        stats.committed += 1;
      } else {
        countRefusal(stats, result);
      }
    }
    return writes.map((write) => {
      const fault = faults.get(write.id);
      const result = outcomes.get(write);
      return fault === undefined && result !== undefined ? result : spoil(fault, result);
    });
  }

  #ticket(write: RecordWrite): Ticket {
    return this.#parts.tickets.get(write) ?? { kind: 'unkeyed' };
  }

  #countAnswered(ticket: Extract<Ticket, { kind: 'answered' }>): RecordResult {
    const { stats } = this.#parts;
    switch (ticket.by) {
      case 'replay':
        stats.replays += 1;
        break;
      case 'running':
        stats.stillRunning409 += 1;
        break;
      case 'reused':
        stats.keyReused422 += 1;
        break;
    }
    return ticket.result;
  }
}

/** What a fault makes of a result; without one the record is simply not mentioned. */
function spoil(fault: RecordFault | undefined, result: RecordResult | undefined): Outcome {
  if (fault?.kind !== 'record-status') return 'missing';
  const { status, code = `SANDBOX_${status}`, message = 'fault on command' } = fault;
  if (status < 300) return result ?? { status };
  return refusal(status, code, message);
}
