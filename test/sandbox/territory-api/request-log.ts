/** The last requests, for checking what a client sent and how it was answered; never what authorizes it. */
import type { Headers } from './protocol.ts';

export interface LoggedRequest {
  /** `req-<n>`, also in the response header `X-Request-Id` and in the history. */
  readonly requestId: string;
  /** Wall time of arrival, milliseconds since the epoch. */
  readonly at: number;
  readonly method: string;
  /** Path and query, cut at 2,000 characters. */
  readonly url: string;
  /** `none`: the connection was broken, or nothing was ever answered. */
  readonly status: number | 'none';
  readonly ms: number;
  readonly node: number;
  /** How many records it named, and which. */
  readonly records: number;
  readonly recordIds: readonly string[];
  /** `X-Cache-Status` of the answer. */
  readonly cacheStatus: string | undefined;
  /** Those of {@link LOGGED_HEADERS} that it carried. */
  readonly headers: Headers;
}

const LOGGED_HEADERS = [
  'accept',
  'cache-control',
  'content-length',
  'content-type',
  'idempotency-key',
  'if-match',
  'prefer',
  'traceparent',
  'user-agent',
  'x-correlation-id',
  'x-correlationid',
  'x-csrf-token',
] as const;

const URL_MAX = 2000;

export class RequestLog {
  readonly #limit: number;
  readonly #entries: LoggedRequest[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(entry: LoggedRequest): void {
    this.#entries.push({ ...entry, url: entry.url.slice(0, URL_MAX), headers: pick(entry.headers) });
    // Dropped in chunks: shifting one by one would cost as much as the whole log each time.
    if (this.#entries.length >= this.#limit * 1.25)
      this.#entries.splice(0, this.#entries.length - this.#limit);
  }

  /** The newest ones, oldest first. */
  all(): readonly LoggedRequest[] {
    return this.#entries.slice(-this.#limit);
  }
}

function pick(headers: Headers): Headers {
  const present = LOGGED_HEADERS.filter((name) => headers[name] !== undefined);
  return Object.fromEntries(present.map((name) => [name, headers[name]]));
}
