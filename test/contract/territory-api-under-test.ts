/** A territory API as its contract suite sees it: the adapter under test, and what stands behind it. */
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
