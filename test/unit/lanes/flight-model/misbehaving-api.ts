/**
 * The territory API in bad times, by script: late caches, nodes that take the right ETag for a wrong one, foreign
 * writers in between, answers lost in whole or in part, requests carried out late, in part, or not at all.
 */
import type { Clock } from '../../../../srv/platform/clock.ts';
import type {
  ReadAnswer,
  ReadRequest,
  RecordAnswer,
  RecordRef,
  RecordState,
  UnansweredWrite,
  WriteAnswer,
  WriteRequest,
} from '../../../../srv/territory-api/port.ts';
import {
  isBroken,
  isPoisonous,
  recordKey,
  requireLawful,
  stateOf,
  TerritoryApiDouble,
  unitsIn,
  type Manners,
} from '../../../doubles/territory-api.ts';

/** Tells at each fork which way it goes: 0 is the way without a fault. */
export interface Script {
  /** A number below `ways`. */
  pick(ways: number): number;
}

export interface Behaviour extends Manners {
  /** Whether a create may be carried out long after it was sent. */
  readonly lateCreates: 'happen' | 'never';
}

/** What the program was told of a record. */
export interface Told {
  conflicts: number;
  failures: number;
  /** Of writes in which something was wrong that the API fails at. */
  broken: number;
  /** Sends without a definite answer. */
  unanswered: number;
  /** Refusals of requests that it was part of. */
  refusedWhole: number;
  /** Reads past the cache that were no proof. */
  looks: number;
}

const NOTHING: Readonly<Told> = {
  conflicts: 0,
  failures: 0,
  broken: 0,
  unanswered: 0,
  refusedWhole: 0,
  looks: 0,
};

/** Longer than any lease: the flight that waits for this answer has lost its lanes meanwhile. */
export const FROZEN_MS = 130_000;

const LATE_MS = [900, 2500, 7000, 45_000];

const TIMEOUT: UnansweredWrite = {
  kind: 'trouble',
  trouble: { reason: 'timeout', message: 'no answer in time' },
  sent: true,
};

const THROTTLED: UnansweredWrite = {
  kind: 'trouble',
  trouble: { reason: 'throttled', message: 'slower', retryAfterMs: 1000 },
  sent: false,
};

export class MisbehavingApi extends TerritoryApiDouble {
  /** How often a write was carried out late, and a read showed an old state. */
  late = 0;
  staleReads = 0;
  /** Updates sent for the first time whose record was not read since our write before. */
  unread = 0;
  /** Called when a write freezes: its answer comes `FROZEN_MS` later. */
  onFreeze: () => void = () => {};
  private readonly script: Script;
  private readonly lateCreates: Behaviour['lateCreates'];
  private readonly told = new Map<string, Told>();
  private readonly readSince = new Set<string>();
  private readonly sentKeys = new Set<string>();

  constructor(clock: Clock, script: Script, behaviour: Behaviour) {
    super(clock, behaviour);
    this.script = script;
    this.lateCreates = behaviour.lateCreates;
  }

  toldOf(key: string): Readonly<Told> {
    return this.told.get(key) ?? NOTHING;
  }

  /** The sum of all that was told. */
  get toldInAll(): Told {
    const sum = { ...NOTHING };
    for (const told of this.told.values()) for (const what of WHATS) sum[what] += told[what];
    return sum;
  }

  override async read(request: ReadRequest): Promise<ReadAnswer> {
    if (this.script.pick(16) === 1) {
      this.tell('unanswered', request.records);
      return { kind: 'trouble', trouble: { reason: 'network', message: 'no answer' } };
    }
    const proof = this.isProof(request);
    for (const ref of request.records) this.readSince.add(recordKey(ref));
    if (request.pastCache && !proof) this.tell('looks', request.records);
    const records = request.records.map((ref) => this.look(recordKey(ref), proof ? 'fresh' : 'perhaps late'));
    return { kind: 'read', records, proof, cacheStatus: [] };
  }

  override async write(requests: readonly WriteRequest[]): Promise<WriteAnswer> {
    requireLawful(requests);
    for (const request of requests) this.countUnread(request);
    switch (this.script.pick(16)) {
      case 1: // never arrived
        return this.leaveUnanswered(requests);
      case 2: // carried out, and the answer was lost
        this.applyAll(requests);
        return this.leaveUnanswered(requests);
      case 3: // carried out in part
        this.applyAll(unitsIn(requests).flatMap((unit) => (this.script.pick(2) === 1 ? unit : [])));
        return this.leaveUnanswered(requests);
      case 4: // still under way
        this.applyAllLater(requests);
        return this.leaveUnanswered(requests);
      case 5:
        return THROTTLED;
      case 6:
        if (this.lateCreates === 'happen') await this.freeze();
        return this.answerAll(requests);
      case 7:
        return this.answerHalf(requests);
      default:
        return this.answerAll(requests);
    }
  }

  protected override isProof(request: ReadRequest): boolean {
    if (this.manners.freshReads !== 'perhaps past-cache') return super.isProof(request);
    return this.manners.maxLagMs === 0 || (request.pastCache && this.script.pick(2) === 0);
  }

  private countUnread(request: WriteRequest): void {
    const { operation, idempotencyKey } = request;
    const wasRead = this.readSince.delete(recordKey(request));
    if (operation === 'update' && !wasRead && !this.sentKeys.has(idempotencyKey)) this.unread += 1;
    this.sentKeys.add(idempotencyKey);
  }

  protected override answerAll(requests: readonly WriteRequest[]): WriteAnswer {
    const answer = super.answerAll(requests);
    if (answer.kind === 'refused-whole') this.tell('refusedWhole', requests);
    return answer;
  }

  /** Of a transaction the adapters have made one verdict; who is told of it differs. */
  protected override answerUnit(unit: readonly WriteRequest[]): readonly RecordAnswer[] {
    if (unit.length === 1) return super.answerUnit(unit);
    const answers = this.answerTogether(unit);
    for (const [index, { kind }] of answers.entries()) {
      const what = TOLD_AS[kind];
      const request = unit[index];
      const isSpoilt = what !== 'conflicts' && unit.some(isBroken);
      if (what && request) this.tell(isSpoilt ? 'broken' : what, what === 'conflicts' ? [request] : unit);
    }
    return answers;
  }

  private answerTogether(unit: readonly WriteRequest[]): readonly RecordAnswer[] {
    const culprit = unit[this.script.pick(unit.length)] ?? unit[0];
    const open = (answer: RecordAnswer) =>
      unit.map((request): RecordAnswer => (request === culprit ? answer : { kind: 'missing' }));
    const refused = (answer: RecordAnswer) =>
      unit.map((request) => this.settle(request, request === culprit ? answer : { kind: 'rolled-back' }));
    if (!culprit) return [];
    switch (this.script.pick(16)) {
      case 1:
      case 2:
        this.writeForeign(recordKey(culprit));
        return this.applyTogether(unit);
      case 3:
      case 4:
        return this.isRecent(recordKey(culprit))
          ? refused({ kind: 'conflict', status: 409 })
          : this.applyTogether(unit);
      case 5:
        return refused({ kind: 'conflict', status: 423 });
      case 6:
        return open({ kind: 'failed', status: 500 });
      case 7:
        this.applyTogether(unit);
        return open({ kind: 'failed', status: 502 });
      case 8:
        return open({ kind: 'missing' });
      case 9:
        this.applyTogether(unit);
        return open({ kind: 'missing' });
      case 10:
        this.applyAllLater(unit);
        return open({ kind: 'missing' });
      case 11:
        return open({ kind: 'running', status: 429 });
      default:
        return this.applyTogether(unit);
    }
  }

  protected override answerOne(request: WriteRequest): RecordAnswer {
    const answer = this.answerSomehow(request);
    const what = TOLD_AS[answer.kind];
    if (what) this.tell(what === 'failures' && isBroken(request) ? 'broken' : what, [request]);
    return answer;
  }

  private answerSomehow(request: WriteRequest): RecordAnswer {
    const key = recordKey(request);
    switch (this.script.pick(16)) {
      case 1:
      case 2:
        this.writeForeign(key);
        return this.apply(request);
      case 3:
      case 4: // a node that has not caught up
        return this.isRecent(key)
          ? this.settle(request, { kind: 'conflict', status: 409 })
          : this.apply(request);
      case 5: // locked by someone
        return this.settle(request, { kind: 'conflict', status: 423 });
      case 6:
        return { kind: 'failed', status: 500 };
      case 7:
        this.apply(request);
        return { kind: 'failed', status: 502 };
      case 8:
        return { kind: 'missing' };
      case 9:
        this.apply(request);
        return { kind: 'missing' };
      case 10:
        this.applyAllLater([request]);
        return { kind: 'missing' };
      case 11:
        return { kind: 'running', status: 429 };
      default:
        return this.apply(request);
    }
  }

  /** As a protocol that needs several requests for one write: the second one has no answer. */
  private answerHalf(requests: readonly WriteRequest[]): WriteAnswer {
    const units = unitsIn(requests);
    const middle = Math.ceil(units.length / 2);
    const first = this.answerAll(units.slice(0, middle).flat());
    const rest = units.slice(middle).flat();
    if (first.kind !== 'answered' || rest.length === 0) return first;
    if (this.script.pick(2) === 1) this.applyAll(rest);
    const request = this.leaveUnanswered(rest);
    return {
      kind: 'answered',
      records: [...first.records, ...rest.map(() => ({ kind: 'missing' as const, request }))],
    };
  }

  private look(key: string, cache: 'fresh' | 'perhaps late'): RecordState {
    if (this.script.pick(12) === 1) this.writeForeign(key);
    // Quarters of the longest lag, which itself is never reached.
    const lagMs = cache === 'fresh' ? 0 : (this.manners.maxLagMs * (this.script.pick(13) % 5)) / 4.01;
    const version = this.asOf(key, lagMs);
    if (version !== this.current(key)) this.staleReads += 1;
    return stateOf(version);
  }

  private isRecent(key: string): boolean {
    return this.asOf(key, this.manners.maxLagMs) !== this.current(key);
  }

  private applyAll(requests: readonly WriteRequest[]): void {
    if (requests.some(isPoisonous)) return;
    for (const unit of unitsIn(requests)) this.applyTogether(unit);
  }

  private applyAllLater(requests: readonly WriteRequest[]): void {
    if (requests.some(isPoisonous)) return;
    if (this.lateCreates === 'never' && requests.some(({ operation }) => operation === 'create')) return;
    this.late += requests.length;
    for (const unit of unitsIn(requests))
      this.applyLater(unit, LATE_MS[this.script.pick(LATE_MS.length)] ?? 0);
  }

  private async freeze(): Promise<void> {
    this.late += 1;
    const thawed = new Promise<void>((resolve) => this.clock.after(FROZEN_MS, resolve));
    this.onFreeze();
    await thawed;
  }

  private leaveUnanswered(requests: readonly WriteRequest[]): UnansweredWrite {
    this.tell('unanswered', requests);
    return TIMEOUT;
  }

  private tell(what: keyof Told, refs: readonly RecordRef[]): void {
    for (const key of refs.map(recordKey)) {
      const told = this.told.get(key) ?? { ...NOTHING };
      told[what] += 1;
      this.told.set(key, told);
    }
  }
}

const WHATS = Object.keys(NOTHING) as (keyof Told)[];

const TOLD_AS: Partial<Record<RecordAnswer['kind'], keyof Told>> = {
  conflict: 'conflicts',
  failed: 'failures',
  missing: 'unanswered',
  running: 'unanswered',
};
