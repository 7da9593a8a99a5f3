/**
 * One HTTP request over Node's own client: certificates of a binding (mTLS, a private authority), a limit for the whole exchange
 * and one for the answer's size. No pool, and no redirect is followed: who asks so asks seldom, and with credentials.
 */
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';
import type { Clock } from './clock.ts';
import { parseRetryAfter } from './retry-after.ts';

export interface HttpCall {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpParts {
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

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfterMs: number | undefined;
  readonly text: string;
}

/** There was no whole answer. Without the error that was met: it may hold the request, and so its credentials. */
export class HttpExchangeError extends Error {
  override readonly name = 'HttpExchangeError';
  readonly code = 'HTTP_EXCHANGE';
  readonly how: 'late' | 'broken' | 'stopped';

  /** @param what the system's code where it was broken */
  constructor(how: HttpExchangeError['how'], what: string) {
    super(what);
    this.how = how;
  }
}

/** A service that asks for a longer wait is asked again after an hour. */
const LONGEST_WAIT_MS = 3_600_000;
const ANSWER_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * Gives whatever is answered.
 * @throws HttpExchangeError where there is no whole answer in time
 */
export async function exchange(call: HttpCall, parts: HttpParts): Promise<HttpAnswer> {
  const { clock, timeoutMs, signal } = parts;
  const end = new AbortController();
  const stop = () => end.abort();
  const timer = clock.after(timeoutMs, stop);
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  try {
    return await send(call, parts, end.signal);
  } catch (error) {
    if (signal?.aborted) throw new HttpExchangeError('stopped', 'stopping');
    if (end.signal.aborted) throw new HttpExchangeError('late', `no answer within ${timeoutMs} ms`);
    throw new HttpExchangeError('broken', codeOf(error));
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', stop);
  }
}

function send(call: HttpCall, parts: HttpParts, signal: AbortSignal): Promise<HttpAnswer> {
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
    let isAnswered = false;
    const outgoing = request(call.url, options, (incoming) => {
      isAnswered = true;
      readText(incoming).then((text) => {
        resolve({
          status: incoming.statusCode ?? 0,
          contentType: incoming.headers['content-type'] ?? '',
          retryAfterMs: parseRetryAfter(incoming.headers['retry-after'], clock.now(), LONGEST_WAIT_MS),
          text,
        });
      }, reject);
    });
    outgoing.on('error', reject);
    // After a switch to another protocol, which nobody asked for, Node ends the request without an error.
    outgoing.on('close', () => {
      if (!isAnswered) reject(new Error('closed without an answer'));
    });
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

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'cut off';
}
