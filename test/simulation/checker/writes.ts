/**
 * Watches every request to the territory API: only with an ETag that a read or a write of ours showed, stored before it is sent, never sooner than the
 * rules allow, and one idempotency key for one request.
 */
import type { Intent } from '../../../srv/journal/port.ts';
import {
  unitsOf,
  type ReadAnswer,
  type ReadRequest,
  type RecordAnswer,
  type RecordRef,
  type WriteRequest,
} from '../../../srv/territory-api/port.ts';
import type { ApiWatch } from '../world/api.ts';
import { HUGE, POISON, recordKey, sets } from '../world/records.ts';
import type { Trace } from '../world/trace.ts';
import { DoubtCheck } from './doubt.ts';
import { FlightSizes } from './flight-sizes.ts';
import type { Verdict } from './violation.ts';

const TOO_LARGE = 413;

export interface WriteRules {
  readonly retryFirstDelayMs: number;
  readonly retryLimit: number;
  readonly restMs: number;
  readonly batchMax: number;
  /** Records per flight to start with. */
  readonly batchStart: number;
  /** Name of the journal of the process of this name: several may share one. */
  readonly journalOf: (process: string) => string;
}

/** What the program was told of a record, to judge whose fault a failure was. */
export interface Told {
  conflicts: number;
  failures: number;
  unanswered: number;
  refusedWhole: number;
  /** When it was refused alone, or with its transaction; `hasReason`: for what the request sets. */
  readonly refusedAlone: { readonly atMs: number; readonly status: number; readonly hasReason: boolean }[];
  /** Reads past the cache that were no proof. */
  looks: number;
  forbidden: number;
  /** When it was told of a conflict, or looked past the cache in vain. */
  readonly refusedAtMs: number[];
}

interface Wait {
  readonly atMs: number;
  readonly why: 'a success' | 'a conflict' | 'no answer';
  /** The request that succeeded: who repeats it to the letter was not told, for its flight took over from one whose machine slept. */
  readonly ofText?: string;
}

export class WriteCheck implements ApiWatch {
  readonly doubt: DoubtCheck;
  readonly sizes: FlightSizes;
  /** Writes that succeeded. */
  private readonly done: { readonly record: string; readonly atMs: number }[] = [];
  private readonly told_ = new Map<string, Told>();
  private readonly verdict: Verdict;
  private readonly trace: Trace;
  private readonly rules: WriteRules;
  private readonly nowMs: () => number;
  /** Process and record → when its latest write left. */
  private readonly sentAtMs = new Map<string, number>();
  /** Journal and record → ETags that an answer to a write of ours has told. */
  private readonly own = new Map<string, Set<string>>();
  /** Journal and record → ETags that a read has shown. */
  private readonly shown = new Map<string, Set<string>>();
  private readonly stored = new Set<string>();
  private readonly keys = new Map<string, string>();
  /** Record → conflicts, and looks past the cache that proved nothing, since its last success. */
  private readonly inARow = new Map<string, number>();
  /** Process and record → no write of it before this time, and why. */
  private readonly notBefore = new Map<string, Wait>();

  constructor(verdict: Verdict, trace: Trace, rules: WriteRules, nowMs: () => number) {
    this.verdict = verdict;
    this.trace = trace;
    this.rules = rules;
    this.nowMs = nowMs;
    this.doubt = new DoubtCheck(verdict, rules);
    this.sizes = new FlightSizes(verdict, rules.batchStart, nowMs);
  }

  toldOf(record: string): Told {
    let told = this.told_.get(record);
    if (!told) {
      told = {
        conflicts: 0,
        failures: 0,
        unanswered: 0,
        refusedWhole: 0,
        refusedAlone: [],
        looks: 0,
        forbidden: 0,
        refusedAtMs: [],
      };
      this.told_.set(record, told);
    }
    return told;
  }

  /** Another record was written meanwhile. */
  othersWrote(record: string, fromMs: number, toMs: number): boolean {
    return this.done.some((one) => one.record !== record && one.atMs >= fromMs && one.atMs <= toMs);
  }

  /** The journal has these requests now. */
  keep(process: string, intents: readonly Intent[]): void {
    for (const { request } of intents) this.stored.add(JSON.stringify(request));
    this.doubt.stored(process, intents);
  }

  sent(process: string, requests: readonly WriteRequest[]): void {
    const { verdict, rules } = this;
    const names = requests.map(recordKey);
    this.trace.note(`${process} writes ${requests.map(shown).join(' ')}`);
    verdict.demand(requests.length > 0, 'empty-write', () => `${process} sent an empty write`);
    verdict.demand(
      requests.length <= rules.batchMax,
      'bounded',
      () => `${process} sent ${requests.length} records in one write`,
    );
    verdict.demand(
      new Set(names).size === names.length,
      'record-once',
      () => `${process} wrote a record twice in one request: ${names.join(' ')}`,
    );
    for (const request of requests) this.sentOne(process, request);
  }

  told(process: string, request: WriteRequest, answer: RecordAnswer): void {
    const record = recordKey(request);
    this.trace.note(`${process} is told of ${shown(request)}: ${answer.kind}`);
    const told = this.toldOf(record);
    this.doubt.told(process, request, answer.kind);
    this.sizes.answered(process);
    const wait = (delayMs: number, why: Wait['why']) =>
      this.notBefore.set(`${process} ${record}`, { atMs: this.nowMs() + delayMs, why });
    switch (answer.kind) {
      case 'done':
        this.inARow.delete(record);
        this.done.push({ record, atMs: this.nowMs() });
        if (answer.etag !== undefined) learn(this.own, this.nameOf(process, request), answer.etag);
        // From when it was sent: a process that slept meanwhile hears of it when all caches have long caught up.
        return void this.notBefore.set(`${process} ${record}`, {
          atMs: (this.sentAtMs.get(`${process} ${record}`) ?? 0) + this.rules.restMs,
          why: 'a success',
          ofText: JSON.stringify(request),
        });
      case 'conflict':
        told.conflicts += 1;
        told.refusedAtMs.push(this.nowMs());
        // Nobody had looked at the record since our own write: it is read at once, which spends no retry.
        if (!this.isShown(process, request)) return;
        // After the last retry there is nothing to wait for: the record is looked at once more, and the change ends.
        if (this.count(record) <= this.rules.retryLimit) wait(this.rules.retryFirstDelayMs, 'a conflict');
        return;
      case 'failed':
        told.failures += 1;
        return;
      case 'missing':
      case 'running':
        told.unanswered += 1;
        return void wait(this.rules.retryFirstDelayMs, 'no answer');
      case 'refused':
        if (answer.status === 403) told.forbidden += 1;
        return;
      case 'defect':
      case 'rolled-back':
        return;
    }
  }

  unanswered(process: string, requests: readonly WriteRequest[], actedOn: 'perhaps' | 'never'): void {
    this.trace.note(`${process} has no answer for ${requests.map(shown).join(' ')}`);
    for (const request of requests) {
      this.toldOf(recordKey(request)).unanswered += 1;
      if (actedOn === 'never') this.doubt.notActedOn(process, request);
    }
  }

  refusedWhole(process: string, requests: readonly WriteRequest[], status: number): void {
    this.trace.note(`${process} is refused ${status} for ${requests.map(shown).join(' ')}`);
    if (status === TOO_LARGE) this.sizes.tooLarge(process, requests.length);
    const hasReason = requests.some((request) => sets(request, HUGE) || sets(request, POISON));
    const isAlone = unitsOf(requests).length === 1;
    for (const request of requests) {
      const told = this.toldOf(recordKey(request));
      told.refusedWhole += 1;
      if (isAlone) told.refusedAlone.push({ atMs: this.nowMs(), status, hasReason });
      this.doubt.refusedWhole(process, request);
    }
  }

  read(process: string, request: ReadRequest, answer: ReadAnswer): void {
    if (answer.kind === 'trouble') {
      this.trace.note(`${process} cannot read: ${answer.trouble.reason}`);
      return;
    }
    const seen = request.records.map((ref, index) => {
      const state = answer.records[index];
      const record = recordKey(ref);
      if (request.pastCache && !answer.proof) {
        this.toldOf(record).looks += 1;
        this.toldOf(record).refusedAtMs.push(this.nowMs());
        this.count(record);
      }
      if (!state?.found) return `${record}=none`;
      learn(this.shown, this.nameOf(process, ref), state.etag);
      return `${record}=${state.etag}`;
    });
    this.trace.note(`${process} reads ${answer.proof ? 'with proof ' : ''}${seen.join(' ')}`);
  }

  /** A read has shown the version on which the request is made. */
  private isShown(process: string, request: WriteRequest): boolean {
    const { ifMatch } = request;
    return ifMatch !== undefined && this.shown.get(this.nameOf(process, request))?.has(ifMatch) === true;
  }

  /** A stale owner was told in vain, so the lane knows nothing of it; or what was to be tried again has failed, and others follow. */
  forgetWaits(process: string, territoryId: string, id = ''): void {
    const names = `${process} ${recordKey({ territoryId, id })}`;
    for (const name of this.notBefore.keys()) if (name.startsWith(names)) this.notBefore.delete(name);
  }

  private nameOf(process: string, ref: RecordRef): string {
    return `${this.rules.journalOf(process)} ${recordKey(ref)}`;
  }

  private count(record: string): number {
    const count = (this.inARow.get(record) ?? 0) + 1;
    this.inARow.set(record, count);
    return count;
  }

  private sentOne(process: string, request: WriteRequest): void {
    const { verdict } = this;
    const record = recordKey(request);
    const text = JSON.stringify(request);
    const { operation, ifMatch, idempotencyKey } = request;
    const isKnown =
      ifMatch !== undefined && this.own.get(this.nameOf(process, request))?.has(ifMatch) === true;
    verdict.demand(
      (operation === 'create' || this.isShown(process, request) || isKnown) && ifMatch !== '*',
      'if-match',
      () =>
        `${process} sent ${shown(request)} with an ETag that neither a read nor a write of ours had shown`,
    );
    verdict.demand(
      this.stored.has(text),
      'stored-first',
      () => `${process} sent ${shown(request)}, which no journal has`,
    );
    const known = this.keys.get(idempotencyKey);
    verdict.demand(
      known === undefined || known === text,
      'one-key-one-request',
      () => `${process} sent ${text} under the idempotency key of ${String(known)}`,
    );
    this.keys.set(idempotencyKey, text);
    const wait = this.notBefore.get(`${process} ${record}`);
    verdict.demand(
      wait === undefined ||
        this.nowMs() >= wait.atMs ||
        wait.ofText === text ||
        // Its attempts are spent, and those of its changes are fresh.
        (wait.why === 'no answer' && this.doubt.isToldApart(process, request)),
      'delay',
      () => `${process} wrote ${record} ${(wait?.atMs ?? 0) - this.nowMs()} ms too soon after ${wait?.why}`,
    );
    this.sentAtMs.set(`${process} ${record}`, this.nowMs());
    this.doubt.sent(process, request);
  }
}

function shown({ operation, ifMatch, fields, ...ref }: WriteRequest): string {
  return `${operation} ${recordKey(ref)} ${ifMatch ?? ''} ${JSON.stringify(fields)}`;
}

function learn(known: Map<string, Set<string>>, record: string, etag: string): void {
  const etags = known.get(record);
  if (etags) etags.add(etag);
  else known.set(record, new Set([etag]));
}
