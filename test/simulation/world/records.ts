/**
 * What the territory API keeps: every version of every record, for late caches and for the checker; and the answers that it
 * gave by idempotency key, where it keeps them.
 */
import type { Fields } from '../../../srv/events/change.ts';
import type { RecordAnswer, RecordRef, RecordState, WriteRequest } from '../../../srv/territory-api/port.ts';

/** Set to this, a field makes the API refuse the record (400). */
export const BAD = 'BAD';
/** Set to this, a field makes the API refuse the whole request (400). */
export const POISON = 'POISON';
/** Set to this, a field makes the request too large (413), whatever else is in it. */
export const HUGE = 'HUGE';

/** A value that the database cannot hold. */
export const UNSTORABLE = 'UNSTORABLE';

/** In what correct APIs differ. */
export interface Manners {
  readonly idempotency: 'kept' | 'ignored';
  /** Whether the answer to a write holds the new ETag. */
  readonly etags: 'told' | 'untold';
  readonly checksFirst: 'version' | 'content';
  /** Which reads are fresh and say so. */
  readonly freshReads: 'none' | 'past-cache' | 'all';
  /** Caches are never later than this; 0: there are none. */
  readonly maxLagMs: number;
}

export interface Version {
  readonly atMs: number;
  readonly etag: string;
  /** Undefined: the record does not exist. */
  readonly fields: Fields | undefined;
  /** Who made it: a write of the program, another program, or nobody: it was there before. */
  readonly by: WriteRequest | 'foreign' | 'nobody';
}

export function recordKey({ territoryId, id }: RecordRef): string {
  return `${territoryId}/${id}`;
}

export class Records {
  readonly manners: Manners;
  private readonly nowMs: () => number;
  private readonly versions = new Map<string, Version[]>();
  private readonly answers = new Map<string, { readonly payload: string; readonly answer: RecordAnswer }>();
  private etags = 0;

  constructor(manners: Manners, nowMs: () => number) {
    this.manners = manners;
    this.nowMs = nowMs;
  }

  /** How the record has always been; undefined: it never was. */
  seed(key: string, fields: Fields | undefined): void {
    this.add(key, fields, 'nobody', -Infinity);
  }

  keys(): readonly string[] {
    return [...this.versions.keys()];
  }

  history(key: string): readonly Version[] {
    return this.versions.get(key) ?? [];
  }

  current(key: string): Version | undefined {
    return this.versions.get(key)?.at(-1);
  }

  /** The record as a node shows it that is so late. */
  asOf(key: string, lagMs: number): Version | undefined {
    const atMs = this.nowMs() - lagMs;
    return this.versions.get(key)?.findLast((version) => version.atMs <= atMs);
  }

  /** A node may exist that does not know the latest version yet. */
  isRecent(key: string): boolean {
    return this.manners.maxLagMs > 0 && this.asOf(key, this.manners.maxLagMs) !== this.current(key);
  }

  writeForeign(key: string, fields: Fields): void {
    const current = this.current(key)?.fields;
    if (current) this.add(key, { ...current, ...fields }, 'foreign');
  }

  /** Carries the request out, or answers it as before where its key is known. */
  apply(request: WriteRequest): RecordAnswer {
    const known = this.answers.get(request.idempotencyKey);
    if (known && this.manners.idempotency === 'kept') return known.answer;
    return this.settle(request, this.carryOut(request));
  }

  /** Carries all of them out or none: whoever is refused takes the others along. */
  applyWhole(requests: readonly WriteRequest[]): readonly RecordAnswer[] {
    const known = requests.map(({ idempotencyKey }) =>
      this.manners.idempotency === 'kept' ? this.answers.get(idempotencyKey)?.answer : undefined,
    );
    const isRepeated = known.every((answer) => answer?.kind === 'done');
    const refusals = requests.map((request, index) =>
      known[index]?.kind === 'done' ? undefined : (known[index] ?? this.refusalOf(request)),
    );
    const isRefused = refusals.some((refusal) => refusal !== undefined);
    return requests.map((request, index) => {
      const answer = isRefused ? refusals[index] : isRepeated ? known[index] : this.carryOut(request);
      return answer ? this.settle(request, answer) : { kind: 'rolled-back' };
    });
  }

  /** Keeps the answer for a repetition. */
  settle(request: WriteRequest, answer: RecordAnswer): RecordAnswer {
    this.answers.set(request.idempotencyKey, { payload: JSON.stringify(request), answer });
    return answer;
  }

  /** The request that came with this key before, as text. */
  payloadOf(key: string): string | undefined {
    return this.answers.get(key)?.payload;
  }

  private refusalOf(request: WriteRequest): RecordAnswer | undefined {
    const refusals = [this.checkVersion(request), checkContent(request)];
    if (this.manners.checksFirst === 'content') refusals.reverse();
    return refusals.find((answer) => answer !== undefined);
  }

  private carryOut(request: WriteRequest): RecordAnswer {
    const refusal = this.refusalOf(request);
    if (refusal) return refusal;
    const { operation } = request;
    const key = recordKey(request);
    const before = this.current(key)?.fields;
    const fields = operation === 'delete' ? undefined : { ...before, ...request.fields };
    const { etag } = this.add(key, fields, request);
    const status = operation === 'create' ? 201 : 200;
    return this.manners.etags === 'told' && fields
      ? { kind: 'done', status, etag }
      : { kind: 'done', status };
  }

  private checkVersion({ operation, ifMatch, ...ref }: WriteRequest): RecordAnswer | undefined {
    const current = this.current(recordKey(ref));
    if (operation === 'create') {
      return current?.fields && { kind: 'conflict', status: 409, code: 'EXISTS' };
    }
    if (!current?.fields) return { kind: 'refused', status: 404 };
    return ifMatch === '*' || ifMatch === undefined || ifMatch === current.etag
      ? undefined
      : { kind: 'conflict', status: 412 };
  }

  private add(key: string, fields: Fields | undefined, by: Version['by'], atMs = this.nowMs()): Version {
    this.etags += 1;
    const version = { atMs, etag: `W/"${this.etags}"`, fields, by };
    const versions = this.versions.get(key);
    if (versions) versions.push(version);
    else this.versions.set(key, [version]);
    return version;
  }
}

export function stateOf(version: Version | undefined): RecordState {
  return version?.fields ? { found: true, etag: version.etag, fields: version.fields } : { found: false };
}

export function sets(request: Pick<WriteRequest, 'fields'>, value: string): boolean {
  return Object.values(request.fields).includes(value);
}

function checkContent(request: WriteRequest): RecordAnswer | undefined {
  return sets(request, BAD) ? { kind: 'refused', status: 400 } : undefined;
}
