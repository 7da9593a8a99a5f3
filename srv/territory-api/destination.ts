/**
 * One HTTP request through the SAP Cloud SDK, whose defaults are all changed here: no CSRF look-up (it triples the requests), no
 * SDK middleware (its breaker counts conflicts, its retry repeats writes), aborted by signal, every status an answer, no redirect
 * followed, the answer's size bounded, its errors reduced to a line (they hold the Authorization header and the body).
 */
import { encodeAllParameters, executeHttpRequest } from '@sap-cloud-sdk/http-client';
import type { HttpResponse } from '@sap-cloud-sdk/http-client';
import type { HttpDestination } from '@sap-cloud-sdk/connectivity';
import type { Clock } from '../platform/clock.ts';
import { CORRELATION_HEADER, correlationId } from '../platform/correlation.ts';
import type { Log } from '../platform/log.ts';
import { asksForToken, createCsrfKeeper, sessionFrom } from './csrf.ts';
import type { CsrfSession } from './csrf.ts';
import { startDeadline } from './deadline.ts';
import type { Deadline } from './deadline.ts';
import { createDestinationSource, DestinationError, unansweredLookUp } from './destination-source.ts';
import type { DestinationSource } from './destination-source.ts';
import { noAnswer, troubleOf } from './trouble.ts';
import type { NoAnswer } from './trouble.ts';

/** A larger answer, decompressed, is not read to its end: 16 MB hold 1000 records of 100 fields several times over. */
const ANSWER_LIMIT_BYTES = 16 * 1024 * 1024;

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query below the destination's URL, beginning with one `/`, percent-encoded already. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Where a CSRF token is fetched if the API asks for one; default: `path` without its query. */
  readonly csrfPath?: string;
  /** How many records it carries, for the metrics. */
  readonly records: number;
}

/** Whatever the API said, whatever the status. */
export interface HttpAnswer {
  readonly kind: 'answer';
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** From sending to the last byte. */
  readonly ms: number;
}

export type TransportAnswer = HttpAnswer | NoAnswer;

/** What a request came to, for the metrics: the status, or why there was none. */
export interface RequestObserved {
  readonly status: number | 'timeout' | 'network';
  readonly method: string;
  readonly ms: number;
  readonly records: number;
}

/** A request's span: headers to send along, and the way to tell how it ended. */
export type TraceRequest = (method: string) => {
  readonly headers: Readonly<Record<string, string>>;
  end(status: RequestObserved['status']): void;
};

export interface TransportOptions {
  readonly destinationName: string;
  /** Limit of one `send`, a renewed token or a CSRF look-up included. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the destination comes from; by default a source of its own. */
  readonly source?: DestinationSource;
  /** Called once for every request on the wire; must not throw. */
  readonly onRequest?: (observed: RequestObserved) => void;
  /** Called before every request on the wire; must not throw. */
  readonly trace?: TraceRequest;
}

export interface Transport {
  /**
   * Sends one request. A 401 (407 of the connectivity proxy) is answered with a new token once, a demand for a CSRF token with one once; both are safe, as the
   * API has not acted on what it refused so. Never rejects; ends as `timeout` trouble when `signal` aborts.
   */
  send(request: TransportRequest, signal: AbortSignal): Promise<TransportAnswer>;
}

/** A transport to the destination of that name; it is looked up at the first request and then kept for minutes. */
export function createTransport(options: TransportOptions): Transport {
  const { destinationName, timeoutMs, clock, log, onRequest, trace } = options;
  const source = options.source ?? createDestinationSource({ destinationName, clock, log });
  const csrf = createCsrfKeeper();

  /** One request on the wire. */
  async function once(
    destination: HttpDestination,
    request: TransportRequest,
    deadline: Deadline,
  ): Promise<(HttpAnswer & { readonly cookies: readonly string[] }) | NoAnswer> {
    const { method, records } = request;
    const startedMs = clock.monotonicMs();
    const span = trace?.(method);
    const correlation = correlationId();
    const headers = {
      ...request.headers,
      ...span?.headers,
      ...(correlation !== undefined && { [CORRELATION_HEADER]: correlation }),
    };
    const observe = (status: RequestObserved['status']) => {
      const ms = clock.monotonicMs() - startedMs;
      onRequest?.({ status, method, ms, records });
      span?.end(status);
      log.debug('territory API request', { method, status, ms, records });
      return ms;
    };
    try {
      const response = await executeHttpRequest(
        destination,
        wireFormat({ ...request, headers }, deadline.signal),
        {
          fetchCsrfToken: false,
        },
      );
      const ms = observe(response.status);
      return { kind: 'answer', ...readResponse(response), ms };
    } catch (error) {
      if (deadline.signal.aborted) {
        observe('timeout');
        return noAnswer('timeout', deadline.reason(), 'sent');
      }
      const reduced = troubleOf(error, ANSWER_LIMIT_BYTES);
      if (reduced.trouble.reason !== 'destination') observe('network');
      else span?.end('network');
      return reduced;
    }
  }

  /** Fetches a CSRF token with a deadline of its own: several requests may wait for it. */
  async function fetchSession(destination: HttpDestination, path: string): Promise<CsrfSession | undefined> {
    const deadline = startDeadline(clock, timeoutMs);
    try {
      const fetch = { method: 'GET', path, headers: { 'x-csrf-token': 'Fetch' }, records: 0 } as const;
      const answer = await once(destination, fetch, deadline);
      return answer.kind === 'answer' ? sessionFrom(answer.headers, answer.cookies) : undefined;
    } finally {
      deadline.release();
    }
  }

  async function sendWithin(request: TransportRequest, deadline: Deadline): Promise<TransportAnswer> {
    let tokenRenewed = false;
    let sessionRenewed = false;
    for (;;) {
      const destination = await deadline.race(source.get());
      if (destination === undefined)
        return { kind: 'trouble', trouble: unansweredLookUp(source, deadline, destinationName), sent: false };
      const session = csrf.current();
      const answer = await once(destination, withSession(request, session), deadline);
      if (answer.kind === 'trouble') return answer;

      if (answer.status === 401 || answer.status === 407) {
        source.forget(destination);
        csrf.drop();
        if (tokenRenewed) return unauthorized(destinationName, answer.status);
        tokenRenewed = true;
      } else if (asksForToken(answer.status, answer.headers) && !sessionRenewed) {
        sessionRenewed = true;
        const tokenPath = request.csrfPath ?? request.path.split('?', 1)[0] ?? request.path;
        const renewed = await deadline.race(csrf.renew(session, () => fetchSession(destination, tokenPath)));
        if (renewed === undefined) {
          if (deadline.signal.aborted) return noAnswer('timeout', deadline.reason(), 'not-sent');
          return noAnswer(
            'forbidden',
            'the API asks for a CSRF token but gives none; use a technical user',
            'not-sent',
          );
        }
      } else {
        const { cookies: _, ...rest } = answer;
        return rest;
      }
    }
  }

  return {
    async send(request, signal) {
      const deadline = startDeadline(clock, timeoutMs, signal);
      try {
        if (deadline.signal.aborted) return noAnswer('timeout', deadline.reason(), 'not-sent');
        return await sendWithin(request, deadline);
      } catch (error) {
        if (error instanceof DestinationError) return noAnswer('destination', error.message, 'not-sent');
        throw error;
      } finally {
        deadline.release();
      }
    },
  };
}

/** The request as axios takes it; each option undoes a default of axios or the SDK. */
function wireFormat({ method, path, headers, body }: TransportRequest, signal: AbortSignal) {
  return {
    method,
    url: path,
    // gzip alone: what else axios offers by default (brotli, deflate) saves no more and is another decoder to trust.
    headers: { accept: 'application/json', 'accept-encoding': 'gzip', ...headers },
    ...(body !== undefined && { data: body }),
    signal,
    // The query is in the path, encoded; this one is for what the destination adds.
    parameterEncoder: encodeAllParameters,
    maxRedirects: 0,
    validateStatus: () => true,
    maxContentLength: ANSWER_LIMIT_BYTES,
    responseType: 'text',
    transformRequest: (data: unknown) => data,
  };
}

function readResponse(response: HttpResponse) {
  const headers: Record<string, string> = {};
  let cookies: readonly string[] = [];
  for (const [name, value] of Object.entries(response.headers as Record<string, unknown>)) {
    if (Array.isArray(value)) {
      if (name.toLowerCase() === 'set-cookie') cookies = value.map(String);
      headers[name.toLowerCase()] = value.join(', ');
    } else if (typeof value === 'string') {
      headers[name.toLowerCase()] = value;
    }
  }
  const text: unknown = response.data;
  return { status: response.status, headers, cookies, text: typeof text === 'string' ? text : '' };
}

function withSession(request: TransportRequest, session: CsrfSession | undefined): TransportRequest {
  if (session === undefined) return request;
  const { cookie, ...token } = session;
  return { ...request, headers: { ...request.headers, ...token, ...(cookie !== '' && { cookie }) } };
}

function unauthorized(destinationName: string, status: 401 | 407): NoAnswer {
  const message =
    status === 401
      ? `the API refuses the credentials of destination ${destinationName}, new ones too (401); check its user, secret or token service`
      : `the connectivity proxy refuses the token for destination ${destinationName}, a new one too (407); check the connectivity service`;
  return { kind: 'trouble', trouble: { reason: 'unauthorized', status, message }, sent: false };
}
