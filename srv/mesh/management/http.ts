/**
 * One request over Node's own client: certificates of the binding (mTLS, a private authority), a limit for the whole
 * exchange and one for the answer's size. No pool: a set-up is a dozen requests in a service's life.
 */
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import type { Clock } from '../../platform/clock.ts';
import { ManagementError, type HttpAnswer } from './problem.ts';

export interface HttpCall {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpParts {
  /** Who is called, for messages. */
  readonly what: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Aborting it ends requests under way. */
  readonly signal?: AbortSignal;
  /** PEM of an authority to trust besides the well-known ones. */
  readonly ca?: string;
  /** PEM of the client's certificate and its key. */
  readonly certificate?: string;
  readonly key?: string;
}

/** Gives whatever is answered. @throws {ManagementError} MANAGEMENT_UNAVAILABLE where there is no whole answer in time */
export type HttpSend = (call: HttpCall) => Promise<HttpAnswer>;

const ANSWER_LIMIT_BYTES = 4 * 1024 * 1024;

export function createHttpSend(parts: HttpParts): HttpSend {
  const { clock, timeoutMs, signal } = parts;
  return async (call) => {
    const end = new AbortController();
    const stop = () => end.abort();
    const timer = clock.after(timeoutMs, stop);
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    try {
      return await exchange(call, parts, end.signal);
    } catch (error) {
      throw unavailable(error, parts, end.signal.aborted ? 'late' : 'broken');
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', stop);
    }
  };
}

function exchange(call: HttpCall, parts: HttpParts, signal: AbortSignal): Promise<HttpAnswer> {
  const { ca, certificate, key, clock } = parts;
  const { request } = call.url.startsWith('https:') ? https : http;
  const options: https.RequestOptions = {
    method: call.method,
    headers: {
      accept: 'application/json',
      ...call.headers,
      ...(call.body !== undefined && { 'content-length': Buffer.byteLength(call.body) }),
    },
    agent: false,
    signal,
    ...(ca !== undefined && { ca: [...tls.rootCertificates, ca] }),
    ...(certificate !== undefined && { cert: certificate, key }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(call.url, options, (incoming) => {
      readText(incoming).then((text) => {
        resolve({
          status: incoming.statusCode ?? 0,
          contentType: incoming.headers['content-type'] ?? '',
          retryAfterMs: retryAfterMs(incoming.headers['retry-after'], clock.now()),
          text,
        });
      }, reject);
    });
    outgoing.on('error', reject);
    outgoing.end(call.body);
  });
}

async function readText(incoming: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > ANSWER_LIMIT_BYTES) throw new Error(`an answer of more than ${ANSWER_LIMIT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The error itself stays out: it may hold the request. Its code says enough. */
function unavailable(
  error: unknown,
  { what, timeoutMs, signal }: HttpParts,
  how: 'late' | 'broken',
): ManagementError {
  if (signal?.aborted)
    return new ManagementError('MANAGEMENT_UNAVAILABLE', `${what} is no longer asked: stopping`);
  if (how === 'late') {
    return new ManagementError(
      'MANAGEMENT_UNAVAILABLE',
      `${what} did not answer within ${timeoutMs} ms: try again later, or check the network`,
    );
  }
  const code =
    error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'cut off';
  return new ManagementError(
    'MANAGEMENT_UNAVAILABLE',
    `${what} cannot be reached (${code}): check host, port, certificate and network of its URI`,
  );
}

/**
 * `Retry-After` in milliseconds: seconds, or an HTTP date (RFC 9110 section 10.2.3). Undefined where it is neither.
 * @param nowMs epoch milliseconds
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
