/**
 * The territory API in bad times: late caches, nodes that take the right ETag for a wrong one, other writers in between,
 * answers lost in whole or in part, requests carried out late, in part, or not at all, outages.
 */
import {
  unitsOf,
  type ApiTrouble,
  type ReadAnswer,
  type ReadRequest,
  type RecordAnswer,
  type TerritoryApi,
  type UnansweredWrite,
  type WriteAnswer,
  type WriteRequest,
} from '../../../srv/territory-api/port.ts';
import type { Circumstances } from './circumstances.ts';
import type { Faults, Occasion } from './faults.ts';
import type { SimProcess } from './process.ts';
import { Gateway } from './gateway.ts';
import { HUGE, POISON, recordKey, Records, sets, stateOf } from './records.ts';
import type { Timeline } from './timeline.ts';

/** Sees what the program sends and is told. */
export interface ApiWatch {
  sent(process: string, requests: readonly WriteRequest[]): void;
  /** The answer for a record reached the process that had asked. */
  told(process: string, request: WriteRequest, answer: RecordAnswer): void;
  unanswered(process: string, requests: readonly WriteRequest[], actedOn: 'perhaps' | 'never'): void;
  refusedWhole(process: string, requests: readonly WriteRequest[], status: number): void;
  read(process: string, request: ReadRequest, answer: ReadAnswer): void;
}

export interface SimApiOptions {
  readonly records: Records;
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly watch: ApiWatch;
  /** These requests leave a process at the very moment at which it decided to send them. */
  readonly leaving: (process: SimProcess, requests: readonly WriteRequest[]) => void;
  readonly timeoutMs: number;
  /** A write that nobody has answered may be carried out so late. */
  readonly latestMs: number;
  readonly cursed: Circumstances['cursed'];
  /** What another program writes to a record, now and then. */
  readonly foreign: (key: string) => void;
}

type Trouble = Extract<UnansweredWrite, { kind: 'trouble' }>;

const TROUBLES: readonly ApiTrouble[] = [
  { reason: 'unavailable', status: 503, message: 'service unavailable' },
  { reason: 'network', message: 'connection reset' },
  { reason: 'unauthorized', status: 401, message: 'token expired' },
  { reason: 'not-an-answer', status: 502, message: 'an HTML page' },
  { reason: 'destination', message: 'the destination service does not answer' },
];
const FORBIDDEN: RecordAnswer = { kind: 'refused', status: 403 };
const QUOTA_MS = { min: 11 * 60_000, max: 20 * 60_000 };
const REVOKED_MS = { min: 1000, max: 120_000 };
const TIMEOUT: ApiTrouble = { reason: 'timeout', message: 'no answer in time' };

export class SimApi {
  private readonly options: SimApiOptions;
  private readonly gateway: Gateway;
  private outageUntilMs = 0;
  private revokedUntilMs = 0;
  private quotaUntilMs = 0;

  constructor(options: SimApiOptions) {
    this.options = options;
    this.gateway = new Gateway(options.faults, options.timeline);
  }

  /** The API as this process has it. */
  client(process: SimProcess): TerritoryApi {
    return {
      read: (request, signal) =>
        this.exchange<ReadAnswer>(process, 'api.read', signal, {
          work: () => this.read(request, process),
          late: () => ({ kind: 'trouble', trouble: TIMEOUT }),
          told: (answer) => this.options.watch.read(process.name, request, answer),
        }),
      write: (requests, signal) => this.write(process, requests, signal),
      probe: (signal) =>
        this.exchange<ApiTrouble | undefined>(process, 'api.probe', signal, {
          work: () => (this.isOut() ? TROUBLES[0] : this.gateway.read()),
          late: () => TIMEOUT,
          told: () => undefined,
        }),
    };
  }

  private write(
    process: SimProcess,
    requests: readonly WriteRequest[],
    signal: AbortSignal,
  ): Promise<WriteAnswer> {
    const { watch } = this.options;
    return this.exchange<WriteAnswer>(process, 'api.write', signal, {
      sent: (heldUpMs) => {
        if (heldUpMs === 0) this.options.leaving(process, requests);
        watch.sent(process.name, requests);
      },
      work: () => this.carryOut(requests, process),
      late: () => ({ kind: 'trouble', trouble: TIMEOUT, sent: true }),
      told: (answer) => {
        if (answer.kind === 'answered') {
          requests.forEach((request, index) => {
            watch.told(process.name, request, answer.records[index] ?? { kind: 'missing' });
          });
        } else if (answer.kind === 'refused-whole') watch.refusedWhole(process.name, requests, answer.status);
        else watch.unanswered(process.name, requests, answer.sent ? 'perhaps' : 'never');
      },
    });
  }

  /** A request and its answer; `work` answers `never` where nothing ever comes back. */
  private exchange<Answer>(
    process: SimProcess,
    at: string,
    signal: AbortSignal,
    steps: {
      readonly sent?: (heldUpMs: number) => void;
      readonly work: () => Answer | 'never';
      readonly late: () => Answer;
      readonly told: (answer: Answer) => void;
    },
  ): Promise<Answer> {
    const { faults, timeline, timeoutMs } = this.options;
    return new Promise((resolve) => {
      let isOver = false;
      const end = (answer: Answer): void => {
        if (isOver) return;
        isOver = true;
        timer.cancel();
        signal.removeEventListener('abort', abort);
        steps.told(answer);
        resolve(answer);
      };
      const abort = (): void => end(steps.late());
      const timer = process.clock.after(timeoutMs, abort);
      signal.addEventListener('abort', abort);
      const slow = faults.strikes('api-slow', 0.005, { process: process.name, at });
      const delayMs = (): number =>
        slow ? faults.between('api-slow', 1000, timeoutMs) : 5 + Math.floor(process.random.fraction() * 120);
      const askedAtMs = timeline.nowMs;
      process.send(`${at} sent`, () => {
        if (isOver) return;
        steps.sent?.(timeline.nowMs - askedAtMs);
        timeline.after(delayMs(), () => {
          const answer = steps.work();
          if (answer === 'never') return;
          timeline.after(delayMs(), () => process.enter(`${at} answered`, () => end(answer)));
        });
      });
    });
  }

  private read(request: ReadRequest, process: SimProcess): ReadAnswer | 'never' {
    const { faults, records } = this.options;
    const occasion: Occasion = { process: process.name, at: 'api.read' };
    if (this.isOut()) return { kind: 'trouble', trouble: this.someTrouble() };
    const astray = this.gateway.read();
    if (astray) return { kind: 'trouble', trouble: astray };
    if (faults.strikes('read-trouble', 0.006, occasion)) {
      if (faults.between('read-trouble', 0, 4) === 0) return 'never';
      return { kind: 'trouble', trouble: this.someTrouble() };
    }
    const { freshReads, maxLagMs } = records.manners;
    const proof =
      maxLagMs === 0 || freshReads === 'all' || (freshReads === 'past-cache' && request.pastCache);
    const found = request.records.map((ref) => {
      const key = recordKey(ref);
      this.disturb(key, occasion);
      const isLate = !proof && faults.strikes('read-stale', 0.3, { ...occasion, record: key });
      return stateOf(records.asOf(key, isLate ? faults.between('read-stale', 0, maxLagMs) : 0));
    });
    return { kind: 'read', records: found, proof, cacheStatus: [] };
  }

  private carryOut(requests: readonly WriteRequest[], process: SimProcess): WriteAnswer | 'never' {
    const { faults, cursed } = this.options;
    const occasion: Occasion = { process: process.name, at: 'api.write' };
    if (this.isOut()) return { kind: 'trouble', trouble: this.someTrouble(), sent: true };
    const stopped = this.gateway.write(requests, occasion);
    if (stopped) return stopped;
    if (cursed?.fails === 'whole-requests' && requests.some(this.isCursed)) {
      return { kind: 'trouble', trouble: TROUBLES[0] as ApiTrouble, sent: true };
    }
    const quota = this.quotaTrouble();
    if (quota) return { kind: 'trouble', trouble: quota, sent: false };
    if (this.isRevoked()) return { kind: 'answered', records: requests.map(() => FORBIDDEN) };
    if (faults.strikes('write-throttled', 0.006, occasion)) {
      return {
        kind: 'trouble',
        trouble: { reason: 'throttled', status: 429, message: 'slower', retryAfterMs: this.retryAfterMs() },
        sent: false,
      };
    }
    if (faults.strikes('write-trouble', 0.01, occasion)) {
      const trouble: Trouble = { kind: 'trouble', trouble: this.someTrouble(), sent: true };
      if (faults.between('write-trouble', 0, 2) === 0) this.applyAll(requests);
      return trouble;
    }
    if (faults.strikes('write-unanswered', 0.01, occasion)) {
      if (faults.between('write-unanswered', 0, 3) > 0) this.applyAll(requests);
      return 'never';
    }
    if (faults.strikes('write-late', 0.006, occasion)) {
      const lateMs = faults.between('write-late', 100, this.options.latestMs);
      this.options.timeline.after(lateMs, () => this.applyAll(requests));
      return 'never';
    }
    if (faults.strikes('write-in-part', 0.006, occasion)) {
      const units = unitsAmong(requests);
      this.applyAll(units.slice(0, faults.between('write-in-part', 0, units.length)).flat());
      return { kind: 'trouble', trouble: TIMEOUT, sent: true };
    }
    const refusal = refusalOfAll(requests);
    if (refusal) return refusal;
    return { kind: 'answered', records: unitsAmong(requests).flatMap((unit) => this.answer(unit, process)) };
  }

  private answer(unit: readonly WriteRequest[], process: SimProcess): readonly RecordAnswer[] {
    const { records } = this.options;
    const blows = unit.map((request) => this.blowTo(request, process));
    const blow = blows.find((one) => one?.answer.kind === 'conflict') ?? blows.find((one) => one);
    if (!blow) return this.apply(unit);
    if (blow.answer.kind === 'conflict') {
      return unit.map((request, index) => {
        const answer = blows[index]?.answer;
        return answer?.kind === 'conflict' ? records.settle(request, answer) : { kind: 'rolled-back' };
      });
    }
    if (blow.lands) this.apply(unit);
    return blows.map((one) => one?.answer ?? { kind: 'missing' });
  }

  /** What happens to a record instead of a plain answer; `lands`: it is written all the same. */
  private blowTo(
    request: WriteRequest,
    process: SimProcess,
  ): { readonly answer: RecordAnswer; readonly lands?: boolean } | undefined {
    const { faults, records } = this.options;
    const key = recordKey(request);
    const occasion: Occasion = { process: process.name, at: 'api.write', record: key };
    this.disturb(key, occasion);
    if (this.isCursed(request)) return { answer: { kind: 'failed', status: 500, message: 'always' } };
    if (records.isRecent(key) && faults.strikes('record-stale', 0.06, occasion)) {
      return { answer: { kind: 'conflict', status: 409, message: 'stale node' } };
    }
    if (faults.strikes('record-locked', 0.004, occasion)) {
      return { answer: { kind: 'conflict', status: 423, message: 'locked by somebody' } };
    }
    if (faults.strikes('record-failed', 0.006, occasion)) {
      const lands = faults.between('record-failed', 0, 2) === 0;
      return { answer: { kind: 'failed', status: 502 }, lands };
    }
    if (faults.strikes('record-missing', 0.006, occasion)) {
      return { answer: { kind: 'missing' }, lands: faults.between('record-missing', 0, 3) > 0 };
    }
    if (faults.strikes('record-running', 0.003, occasion))
      return { answer: { kind: 'running', status: 409 } };
    return undefined;
  }

  /** A record alone, or those of a transaction. */
  private apply(unit: readonly WriteRequest[]): readonly RecordAnswer[] {
    const { records } = this.options;
    const [only] = unit;
    if (only && unit.length === 1) return [records.apply(only)];
    return unit.some(this.isCursed) ? [] : records.applyWhole(unit);
  }

  /** Another program writes to the record just now. */
  private disturb(key: string, occasion: Occasion): void {
    if (this.options.faults.strikes('foreign-write', 0.01, { ...occasion, record: key }))
      this.options.foreign(key);
  }

  private applyAll(requests: readonly WriteRequest[]): void {
    if (refusalOfAll(requests)) return;
    for (const unit of unitsAmong(requests)) if (!unit.some(this.isCursed)) this.apply(unit);
  }

  private readonly isCursed = (request: WriteRequest): boolean =>
    recordKey(request) === this.options.cursed?.record;

  private isOut(): boolean {
    const { faults, timeline } = this.options;
    if (faults.strikes('api-outage', 0.0008)) {
      this.outageUntilMs = timeline.nowMs + faults.between('api-outage', 1000, 60_000);
    }
    return timeline.nowMs < this.outageUntilMs;
  }

  /** The technical user has lost its role for a while: it reads, but writes nothing. Once in a run. */
  private isRevoked(): boolean {
    const { faults, timeline } = this.options;
    if (this.revokedUntilMs === 0 && faults.strikes('role-revoked', 0.001)) {
      this.revokedUntilMs = timeline.nowMs + faults.between('role-revoked', REVOKED_MS.min, REVOKED_MS.max);
    }
    return timeline.nowMs < this.revokedUntilMs;
  }

  /** The day's requests are used up, and the API says for how long. Once in a run. */
  private quotaTrouble(): ApiTrouble | undefined {
    const { faults, timeline } = this.options;
    if (this.quotaUntilMs === 0 && faults.strikes('quota', 0.0002)) {
      this.quotaUntilMs = timeline.nowMs + faults.between('quota', QUOTA_MS.min, QUOTA_MS.max);
    }
    const retryAfterMs = this.quotaUntilMs - timeline.nowMs;
    if (retryAfterMs <= 0) return undefined;
    return { reason: 'throttled', status: 429, message: 'the quota is used up', retryAfterMs };
  }

  private someTrouble(): ApiTrouble {
    const { faults } = this.options;
    return TROUBLES[faults.between('write-trouble', 0, TROUBLES.length)] ?? TIMEOUT;
  }

  private retryAfterMs(): number {
    return this.options.faults.between('write-throttled', 1000, 20_000);
  }
}

/** What takes effect all or none: each by itself, but for transactions. */
function unitsAmong(requests: readonly WriteRequest[]): readonly (readonly WriteRequest[])[] {
  return unitsOf(requests).map((places) => places.flatMap((place) => requests[place] ?? []));
}

/** One record's content makes the API refuse the whole request. */
function refusalOfAll(requests: readonly WriteRequest[]): UnansweredWrite | undefined {
  const have = (value: string): boolean => requests.some((request) => sets(request, value));
  if (have(HUGE)) return { kind: 'refused-whole', status: 413, message: 'too large' };
  return have(POISON) ? { kind: 'refused-whole', status: 400, message: 'malformed' } : undefined;
}
