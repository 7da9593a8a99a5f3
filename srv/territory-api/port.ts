/** The territory API as the lanes see it: bulk reads with ETags, bulk writes judged per record, trouble as a value. */
import type { Fields, Operation } from '../events/change.ts';

/** Names one record of the API. */
export interface RecordRef {
  readonly territoryId: string;
  /** The assignment's id as the event gave it. */
  readonly id: string;
}

export interface ReadRequest {
  readonly records: readonly RecordRef[];
  /** Fields wanted besides key and ETag. */
  readonly fields: readonly string[];
  /** Asks every cache on the way to be passed over (`Cache-Control: no-cache`). */
  readonly pastCache: boolean;
}

/** How two values of a field are compared where equal JSON is not the measure. */
export type Comparison = 'number' | 'instant' | 'caseless';

/** A record as read; `etag` is kept verbatim, weak or strong. */
export type RecordState =
  | {
      readonly found: true;
      readonly etag: string;
      readonly fields: Readonly<Record<string, unknown>>;
      /** Of fields whose type the API is known to have. */
      readonly comparedAs?: ReadonlyMap<string, Comparison>;
    }
  | { readonly found: false };

export type ReadAnswer =
  | {
      readonly kind: 'read';
      /** One per requested record, in the order requested. */
      readonly records: readonly RecordState[];
      /** The answer showed its freshness (`X-Cache-Status`), or the API has no late caches. */
      readonly proof: boolean;
      /** Values of `X-Cache-Status`, one per request that the read took; empty where absent. */
      readonly cacheStatus: readonly string[];
    }
  | { readonly kind: 'trouble'; readonly trouble: ApiTrouble };

/** A record's exact next request. Stored as an intent before it is sent, and repeated unchanged while in doubt. */
export interface WriteRequest extends RecordRef {
  readonly operation: Operation;
  /** The ETag that was read, verbatim; absent only for a create. Never `*`. */
  readonly ifMatch?: string;
  readonly fields: Fields;
  /** UUID; same for a repeat, another for any other request. */
  readonly idempotencyKey: string;
  /**
   * Requests of one territory that name the same transaction stand together in a write and take effect all or none. Only where the
   * protocol has transactions.
   */
  readonly transaction?: string;
}

/** The places of requests that take effect all or none: neighbours of one transaction together, all others alone. */
export function unitsOf(
  requests: readonly Pick<WriteRequest, 'territoryId' | 'transaction'>[],
): readonly (readonly number[])[] {
  const units: number[][] = [];
  for (const [index, { territoryId, transaction }] of requests.entries()) {
    const last = units.at(-1);
    const before = requests[last?.[0] ?? -1];
    const joins = transaction !== undefined && before?.transaction === transaction;
    if (last !== undefined && joins && before.territoryId === territoryId) last.push(index);
    else units.push([index]);
  }
  return units;
}

/** What the API said of one record. */
export type RecordAnswer =
  /** 2xx. `etag` where the answer holds one. */
  | { readonly kind: 'done'; readonly status: number; readonly etag?: string }
  /** 409, 412, 423 or a "locked by" message: the record's version is not the one that was read. */
  | { readonly kind: 'conflict'; readonly status: number; readonly code?: string; readonly message?: string }
  /** 400, 403, 404, 422: this record's content or target is refused. */
  | { readonly kind: 'refused'; readonly status: number; readonly code?: string; readonly message?: string }
  /** 428, or 422 of the idempotency draft: the program's own defect. */
  | { readonly kind: 'defect'; readonly status: number; readonly code?: string; readonly message?: string }
  /** 409 of the idempotency draft: an earlier send of the same request is still running; repeat it unchanged. */
  | { readonly kind: 'running'; readonly status: number }
  /** Not written: another record of the same transaction was refused, and is answered so. */
  | { readonly kind: 'rolled-back' }
  /** 5xx for this record: it may or may not have been written. */
  | { readonly kind: 'failed'; readonly status: number; readonly code?: string; readonly message?: string }
  /**
   * The answer does not mention the record: it may or may not have been written. Where a write took several requests and this
   * record's had no answer of its own while others had, `request` tells what became of that one.
   */
  | { readonly kind: 'missing'; readonly request?: UnansweredWrite };

export type WriteAnswer =
  /** One answer per request, in the order requested. `retryAfterMs` from `Retry-After`. */
  | { readonly kind: 'answered'; readonly records: readonly RecordAnswer[]; readonly retryAfterMs?: number }
  | UnansweredWrite;

/** A write that brought no answer per record. */
export type UnansweredWrite =
  /** The request as a whole was refused (400, 413, 422): nothing was written. */
  | {
      readonly kind: 'refused-whole';
      readonly status: number;
      readonly code?: string;
      readonly message?: string;
    }
  /** `sent`: false only where it is certain that the API did not act on the request. */
  | { readonly kind: 'trouble'; readonly trouble: ApiTrouble; readonly sent: boolean };

/** Trouble that no record is to blame for: nobody's attempt is spent. */
export interface ApiTrouble {
  readonly reason:
    | 'unavailable' // 5xx
    | 'timeout'
    | 'network'
    | 'throttled' // 429
    | 'unauthorized' // 401 after a new token
    | 'forbidden' // 403 for the whole request
    | 'not-an-answer' // redirect, HTML, 405, 406, 415, 404 of the collection, a body that cannot be read
    | 'destination'; // the destination cannot be resolved, or its token cannot be had
  readonly status?: number;
  /** From `Retry-After`, whichever form it had. */
  readonly retryAfterMs?: number;
  /** One line, ≤ 200 characters, no secret, no payload. */
  readonly message: string;
}

/** How many records a request of the protocol holds. */
export type RecordsPerRequest = 'one' | 'many';

export interface TerritoryApi {
  /** Absent: `many`. Another one once the destination is edited so. */
  readonly perRequest?: RecordsPerRequest;
  /** Never rejects but for a defect of the program; ends early as `timeout` trouble when `signal` aborts. */
  read(request: ReadRequest, signal: AbortSignal): Promise<ReadAnswer>;
  /** As `read`. All requests travel together where the protocol can; a record appears once. */
  write(requests: readonly WriteRequest[], signal: AbortSignal): Promise<WriteAnswer>;
  /** Cheapest read that shows the API answers; undefined when it does. Writes nothing. */
  probe(signal: AbortSignal): Promise<ApiTrouble | undefined>;
}
