/** What the contract suite of the territory API needs of whoever stands behind a protocol, and what it may be told of it. */
import type { Fields } from '../../srv/events/change.ts';
import type { TerritoryApi } from '../../srv/territory-api/port.ts';

/** A fault for the next request of that kind. */
export type NextFault =
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterS?: number }
  /** The write takes effect, its answer never comes. */
  | { readonly kind: 'lost-answer' }
  /** The connection breaks before anything happened. */
  | { readonly kind: 'broken' }
  | { readonly kind: 'html' }
  | { readonly kind: 'redirect' }
  | { readonly kind: 'truncated' }
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** One record is written, and the answer does not mention it. */
  | { readonly kind: 'record-missing'; readonly id: string }
  /** One record is answered with this status, and not written. */
  | {
      readonly kind: 'record-status';
      readonly id: string;
      readonly status: number;
      readonly message?: string;
    };

type Awaitable<T> = T | Promise<T>;

/** The API behind the adapter, as a test arranges and checks it. */
export interface ApiBehind {
  seed(
    records: readonly { readonly territoryId: string; readonly id: string; readonly fields: Fields }[],
  ): Awaitable<void>;
  /** The record as it stands, undefined where there is none. */
  fieldsOf(territoryId: string, id: string): Awaitable<Fields | undefined>;
  /** Another writer changes the record now. */
  foreignWrite(territoryId: string, id: string, fields: Fields): Awaitable<void>;
  failNext(kind: 'read' | 'write', fault: NextFault): void;
  /** How many committed writes the record has seen, foreign ones too. */
  commits(id: string): Awaitable<number>;
  /** HTTP requests since the start. */
  requestCount(): number;
}

export interface TerritoryApiUnderTest {
  readonly api: TerritoryApi;
  readonly behind: ApiBehind;
  stop(): Promise<void>;
}

/** What a protocol or server cannot do, so that the suite leaves it out. */
export interface ContractOptions {
  /** False where the server keeps no idempotency keys. */
  readonly idempotency?: boolean;
  /** `one-record`: a request names a single record in its path, so its 403 or 404 is that record's. Default `many-records`. */
  readonly requests?: 'many-records' | 'one-record';
  /** What becomes of a create whose key is taken: a server that leaves it to its database fails. Default `conflict`. */
  readonly takenKey?: 'conflict' | 'failed';
  /** What a write to a record that does not exist is: some servers compare versions first. Default `refused`. */
  readonly unknownRecord?: 'refused' | 'conflict';
  /** `none`: the server cannot be made to fail, so nothing is asked of trouble. */
  readonly trouble?: 'any' | 'none';
}
