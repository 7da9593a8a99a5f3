/**
 * A territory API in memory that does what it should: versioned records, ETags, idempotency keys, foreign writers on
 * request. It throws at what a correct program never sends: an update or delete without the ETag of a read, a record
 * twice in one write, an idempotency key for two different requests.
 */
import type { Fields, Operation, Scalar } from '../../srv/events/change.ts';
import type { Clock } from '../../srv/platform/clock.ts';
import {
  unitsOf,
  type ReadAnswer,
  type ReadRequest,
  type RecordAnswer,
  type RecordRef,
  type RecordState,
  type TerritoryApi,
  type WriteAnswer,
  type WriteRequest,
} from '../../srv/territory-api/port.ts';

/** Set to this, a field makes the API refuse the record (400). */
export const BAD = 'BAD';
/** Set to this, a field makes the API refuse the whole request (400). */
export const POISON = 'POISON';
/** Set to this, a field makes the API fail at the record (500), which is not written. */
export const BROKEN = 'BROKEN';
/** The field that only foreign writers set; they count it up from 0. */
export const FOREIGN_FIELD = 'note';

/** In what correct APIs differ. */
export interface Manners {
  /** Whether it answers a known idempotency key with the answer that it gave first. */
  readonly idempotency: 'kept' | 'ignored';
  /** Whether the answer to a write holds the new ETag. */
  readonly etags: 'told' | 'untold';
  /** What it looks at first: a request that is wrong in both ways is refused for that. */
  readonly checksFirst: 'version' | 'content';
  /** Which reads are fresh and say so; `perhaps past-cache`: of those past the cache, as chance has it. */
  readonly freshReads: 'none' | 'perhaps past-cache' | 'past-cache' | 'all';
  /** Caches are never later than this; 0: there are none, and every read is proof. */
  readonly maxLagMs: number;
}

/** Every read is fresh and every node knows of a write at once. */
export const PROMPT: Manners = {
  idempotency: 'kept',
  etags: 'told',
  checksFirst: 'version',
  freshReads: 'all',
  maxLagMs: 0,
};

/** Caches are late, and a read says when it went past them. */
export const LATE: Manners = { ...PROMPT, freshReads: 'past-cache', maxLagMs: 5000 };

interface Version {
  /** Monotonic milliseconds. */
  readonly atMs: number;
  readonly etag: string;
  /** Undefined: the record does not exist. */
  readonly fields: Fields | undefined;
}

/** A write of the program that was carried out. */
export interface LandedWrite {
  readonly record: string;
  readonly operation: Operation;
  readonly idempotencyKey: string;
}

/** The name under which a record is kept. */
export function recordKey({ territoryId, id }: RecordRef): string {
  return `${territoryId}/${id}`;
}

export class TerritoryApiDouble implements TerritoryApi {
  readonly landed: LandedWrite[] = [];
  /** Requests that were answered by their key, without being carried out again. */
  replays = 0;
  protected readonly clock: Clock;
  protected readonly manners: Manners;
  private readonly versions = new Map<string, Version[]>();
  /** Idempotency key → the request it came with, and its answer; none while that is still being carried out. */
  private readonly keys = new Map<string, { readonly payload: string; readonly answer?: RecordAnswer }>();
  private etags = 0;

  constructor(clock: Clock, manners: Manners) {
    this.clock = clock;
    this.manners = manners;
  }

  /** Puts a record there as if it had always been. */
  seed(key: string, fields: Fields): void {
    this.add(key, { ...fields, [FOREIGN_FIELD]: 0 }, -Infinity);
  }

  /** Every state of the record so far, oldest first; undefined: it did not exist. */
  history(key: string): readonly (Fields | undefined)[] {
    return (this.versions.get(key) ?? []).map(({ fields }) => fields);
  }

  /** Another program's write, on a field of its own; none where the record does not exist. */
  writeForeign(key: string): void {
    const fields = this.current(key)?.fields;
    if (fields) this.add(key, { ...fields, [FOREIGN_FIELD]: Number(fields[FOREIGN_FIELD] ?? 0) + 1 });
  }

  async probe(): Promise<undefined> {
    return undefined;
  }

  async read(request: ReadRequest): Promise<ReadAnswer> {
    const records = request.records.map((ref) => stateOf(this.current(recordKey(ref))));
    return { kind: 'read', records, proof: this.isProof(request), cacheStatus: [] };
  }

  async write(requests: readonly WriteRequest[]): Promise<WriteAnswer> {
    requireLawful(requests);
    return this.answerAll(requests);
  }

  protected isProof({ pastCache }: ReadRequest): boolean {
    const { freshReads, maxLagMs } = this.manners;
    return maxLagMs === 0 || freshReads === 'all' || (freshReads === 'past-cache' && pastCache);
  }

  protected answerAll(requests: readonly WriteRequest[]): WriteAnswer {
    if (requests.some(isPoisonous)) return { kind: 'refused-whole', status: 400, message: 'malformed' };
    return { kind: 'answered', records: unitsIn(requests).flatMap((unit) => this.answerUnit(unit)) };
  }

  /** A request alone, or a transaction. */
  protected answerUnit(unit: readonly WriteRequest[]): readonly RecordAnswer[] {
    const [only] = unit;
    return only && unit.length === 1 ? [this.answerOne(only)] : this.applyTogether(unit);
  }

  /** All or none. Of what is refused, only the culprits are told so; a failure leaves open what became of the others. */
  protected applyTogether(unit: readonly WriteRequest[]): readonly RecordAnswer[] {
    const refusals = unit.map((request) => (this.isKnown(request) ? undefined : this.refusalOf(request)));
    if (refusals.every((refusal) => refusal === undefined)) return unit.map((request) => this.apply(request));
    const isOpen = refusals.every((refusal) => refusal === undefined || refusal.kind === 'failed');
    const other: RecordAnswer = { kind: isOpen ? 'missing' : 'rolled-back' };
    return unit.map((request, index) =>
      this.isKnown(request) ? this.apply(request) : this.settle(request, refusals[index] ?? other),
    );
  }

  private isKnown({ idempotencyKey }: WriteRequest): boolean {
    return this.manners.idempotency === 'kept' && this.keys.has(idempotencyKey);
  }

  protected answerOne(request: WriteRequest): RecordAnswer {
    return this.apply(request);
  }

  /** Carries the request out, or answers it as before where its key is known. */
  protected apply(request: WriteRequest): RecordAnswer {
    const known = this.keys.get(request.idempotencyKey);
    if (known && known.payload !== JSON.stringify(request)) {
      throw new Error(
        `one idempotency key for two requests: ${known.payload} and ${JSON.stringify(request)}`,
      );
    }
    if (!known || this.manners.idempotency === 'ignored') return this.settle(request, this.carryOut(request));
    this.replays += 1;
    return known.answer ?? { kind: 'running', status: 409 };
  }

  /** Keeps the answer for a repetition. */
  protected settle(request: WriteRequest, answer: RecordAnswer): RecordAnswer {
    // What failed is tried anew when it is asked for again.
    if (answer.kind !== 'failed')
      this.keys.set(request.idempotencyKey, { payload: JSON.stringify(request), answer });
    return answer;
  }

  /** Takes the request, or the transaction, and carries it out so much later. */
  protected applyLater(unit: readonly WriteRequest[], delayMs: number): void {
    if (unit.some((request) => this.isKnown(request))) return;
    for (const request of unit) this.keys.set(request.idempotencyKey, { payload: JSON.stringify(request) });
    this.clock.after(delayMs, () => {
      for (const request of unit) this.keys.delete(request.idempotencyKey);
      this.applyTogether(unit);
    });
  }

  protected current(key: string): Version | undefined {
    return this.versions.get(key)?.at(-1);
  }

  /** The record as it was so long ago. */
  protected asOf(key: string, lagMs: number): Version | undefined {
    const atMs = this.clock.monotonicMs() - lagMs;
    return this.versions.get(key)?.findLast((version) => version.atMs <= atMs);
  }

  private refusalOf(request: WriteRequest): RecordAnswer | undefined {
    const refusals = [this.checkVersion(request), checkContent(request)];
    if (this.manners.checksFirst === 'content') refusals.reverse();
    return refusals.find((answer) => answer !== undefined);
  }

  private carryOut(request: WriteRequest): RecordAnswer {
    const refusal = this.refusalOf(request);
    if (refusal) return refusal;
    const { operation, idempotencyKey } = request;
    const key = recordKey(request);
    const before = this.current(key)?.fields;
    const fields = operation === 'delete' ? undefined : { [FOREIGN_FIELD]: 0, ...before, ...request.fields };
    const { etag } = this.add(key, fields);
    this.landed.push({ record: key, operation, idempotencyKey });
    const status = operation === 'create' ? 201 : 200;
    return this.manners.etags === 'told' && fields
      ? { kind: 'done', status, etag }
      : { kind: 'done', status };
  }

  private checkVersion(request: WriteRequest): RecordAnswer | undefined {
    const current = this.current(recordKey(request));
    if (request.operation === 'create') {
      return current?.fields && { kind: 'conflict', status: 409, code: 'EXISTS' };
    }
    if (!current?.fields) return { kind: 'refused', status: 404 };
    return request.ifMatch === current.etag ? undefined : { kind: 'conflict', status: 412 };
  }

  private add(key: string, fields: Fields | undefined, atMs = this.clock.monotonicMs()): Version {
    this.etags += 1;
    const version = { atMs, etag: `W/"${this.etags}"`, fields };
    const versions = this.versions.get(key) ?? [];
    versions.push(version);
    this.versions.set(key, versions);
    return version;
  }
}

export function stateOf(version: Version | undefined): RecordState {
  return version?.fields ? { found: true, etag: version.etag, fields: version.fields } : { found: false };
}

function sets(value: Scalar): (request: { readonly fields: Fields }) => boolean {
  return ({ fields }) => Object.values(fields).includes(value);
}

export const isPoisonous = sets(POISON);
export const isBroken = sets(BROKEN);
const isBad = sets(BAD);

function checkContent(request: WriteRequest): RecordAnswer | undefined {
  if (isBroken(request)) return { kind: 'failed', status: 500 };
  return isBad(request) ? { kind: 'refused', status: 400 } : undefined;
}

/** What takes effect all or none. */
export function unitsIn(requests: readonly WriteRequest[]): readonly (readonly WriteRequest[])[] {
  return unitsOf(requests).map((places) => places.flatMap((place) => requests[place] ?? []));
}

/** @throws Error at what no correct program sends */
export function requireLawful(requests: readonly WriteRequest[]): void {
  if (requests.length === 0) throw new Error('an empty write was sent');
  if (new Set(requests.map(recordKey)).size < requests.length)
    throw new Error('a record appears twice in a write');
  const transactions = unitsIn(requests).flatMap(([first]) =>
    first?.transaction === undefined ? [] : [`${first.territoryId} ${first.transaction}`],
  );
  if (new Set(transactions).size < transactions.length)
    throw new Error('a transaction is divided by requests of another');
  for (const { operation, ifMatch, fields, id } of requests) {
    if (operation !== 'create' && (ifMatch === undefined || ifMatch.includes('*')))
      throw new Error(`${operation} of ${id} without the ETag of a read: ${String(ifMatch)}`);
    if (FOREIGN_FIELD in fields) throw new Error(`${id}: a field was sent that no change set`);
  }
}
