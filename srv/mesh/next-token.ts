/** The token for the connection after this one: fetched while this one still works, so that a token endpoint's outage costs nothing. */
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { fetchToken, TokenError, type AccessToken } from './access-token.ts';
import type { MeshEndpoint } from './endpoint.ts';

export interface NextTokenParts {
  readonly endpoint: MeshEndpoint;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeoutMs: number;
  /** There is one to be taken. */
  readonly fetched: () => void;
}

export class NextToken {
  readonly #parts: NextTokenParts;
  #token: AccessToken | undefined;
  #request: AbortController | undefined;

  constructor(parts: NextTokenParts) {
    this.#parts = parts;
  }

  /** One request at a time. Without success only a line in the log comes of it. */
  fetch(): void {
    const { endpoint, clock, timeoutMs } = this.#parts;
    if (endpoint.kind !== 'websocket' || this.#request !== undefined) return;
    const request = new AbortController();
    this.#request = request;
    const { signal } = request;
    const { oauth, ca } = endpoint;
    void fetchToken(oauth, { clock, timeoutMs, signal, ...(ca !== undefined && { ca }) })
      .then(
        (token) => () => this.#got(token),
        (error: unknown) => () => this.#failed(error),
      )
      .then((tell) => {
        if (this.#request !== request) return;
        this.#request = undefined;
        tell();
      });
  }

  /** It can be used once. */
  take(): AccessToken | undefined {
    const token = this.#token;
    this.#token = undefined;
    return token;
  }

  /** The connection for which it was wanted is gone: a request under way ends, what is fetched stays. */
  stop(): void {
    this.#request?.abort();
    this.#request = undefined;
  }

  #got(token: AccessToken): void {
    this.#token = token;
    this.#parts.fetched();
  }

  #failed(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#parts.log.warn(
      `The token of the mesh connection is not renewed yet, the connection is kept: ${why}`,
      {
        reason: error instanceof TokenError ? error.code : undefined,
      },
    );
  }
}
