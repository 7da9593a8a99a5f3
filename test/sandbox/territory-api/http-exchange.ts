/** Bytes to requests and answers to bytes: size limits on the way in, deliberate damage on the way out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WholeFault } from './faults.ts';
import { ProtocolRefusalError } from './protocol.ts';
import type { Answer, Headers } from './protocol.ts';

const BODY_MAX_BYTES = 1024 * 1024;
/** What is read and thrown away, so that a client can hear that its body is too large. */
const DISCARD_MAX_BYTES = 16 * BODY_MAX_BYTES;
const URL_MAX_BYTES = 8 * 1024;

/** The client went away before its request was complete: nothing is to be done. */
export class IncompleteRequestError extends Error {
  readonly code = 'INCOMPLETE_REQUEST';
  constructor(options?: ErrorOptions) {
    super('the client went away before its request was complete', options);
  }
}

/** The whole body as text. Refuses more than 1 MB with 413, a URL over 8 kB with 414. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes <= BODY_MAX_BYTES) chunks.push(chunk);
      if (sizeBytes > DISCARD_MAX_BYTES) break;
    }
  } catch (cause) {
    throw new IncompleteRequestError({ cause });
  }
  if (sizeBytes > BODY_MAX_BYTES) {
    throw new ProtocolRefusalError(413, 'BODY_TOO_LARGE', `a body has at most ${BODY_MAX_BYTES} bytes`, {
      connection: 'close',
    });
  }
  if ((request.url ?? '').length > URL_MAX_BYTES) {
    throw new ProtocolRefusalError(414, 'URI_TOO_LONG', `a URL has at most ${URL_MAX_BYTES} characters`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Header names are in lower case already; of repeated ones Node has made one text, except cookies. */
export function headersOf(request: IncomingMessage): Headers {
  return request.headers as Headers;
}

/** Sends the answer. Does nothing when the client is gone. */
export function send(response: ServerResponse, answer: Answer): void {
  sendText(response, answer, textOf(answer));
}

function textOf({ body, text }: Answer): string | undefined {
  return text ?? (body === undefined ? undefined : JSON.stringify(body));
}

/** Sends what a fault makes of the answer. `answer` is undefined where the work was not done. */
export function sendSpoilt(
  response: ServerResponse,
  fault: WholeFault,
  headers: Readonly<Record<string, string>>,
  answer: Answer | undefined,
): void {
  switch (fault.kind) {
    case 'status': {
      const { status, retryAfter } = fault;
      const late = retryAfter !== undefined && { 'retry-after': String(retryAfter) };
      const body = { error: { code: `SANDBOX_${status}`, message: 'fault on command' } };
      return send(response, { status, headers: { ...headers, ...late, ...fault.headers }, body });
    }
    case 'no-answer':
      if (fault.how === 'destroy') response.destroy();
      return;
    case 'html':
      response.writeHead(200, { ...headers, 'content-type': 'text/html; charset=utf-8' });
      response.end('<!doctype html><title>Log on</title><form>User, password</form>');
      return;
    case 'redirect':
      response.writeHead(302, { ...headers, location: fault.location ?? '/login' });
      response.end();
      return;
    case 'truncated': {
      const text = answer === undefined ? JSON.stringify({ value: [] }) : textOf(answer);
      // Nothing can be cut out of an answer without a body but the answer itself.
      if (text === undefined) return void response.destroy();
      const whole = answer ?? { status: 200, headers };
      return sendText(
        response,
        { ...whole, headers: { ...headers, ...whole.headers } },
        text.slice(0, text.length / 2),
      );
    }
  }
}

/** The status that the log shows for a spoilt answer. */
export function spoiltStatus(fault: WholeFault, answer: Answer | undefined): number | 'none' {
  switch (fault.kind) {
    case 'status':
      return fault.status;
    case 'no-answer':
      return 'none';
    case 'html':
      return 200;
    case 'redirect':
      return 302;
    case 'truncated':
      return answer?.status ?? 200;
  }
}

function sendText(response: ServerResponse, { status, headers }: Answer, text: string | undefined): void {
  if (text === undefined) {
    response.writeHead(status, headers);
    response.end();
    return;
  }
  const type = { 'content-type': 'application/json; charset=utf-8' };
  response.writeHead(status, { ...type, ...headers, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
