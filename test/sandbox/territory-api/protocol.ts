/** What the wire protocols share: a request before it is understood, the call it asks for, and the answer. */
import type { Executor } from './executor.ts';
import type { RecordError, RecordWrite } from './record.ts';

export type Headers = Readonly<Record<string, string | undefined>>;

/** A request as it came, or one member of a batch. */
export interface Exchange {
  readonly method: string;
  /** Still percent-encoded. */
  readonly path: string;
  /** Still percent-encoded, without `?`. */
  readonly query: string;
  /** Names in lower case. */
  readonly headers: Headers;
  readonly body: string;
}

/** JSON, unless `body` is absent or `text` has another type, which the headers then name. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly text?: string;
}

/** A request understood: which records it concerns, and how to carry it out. */
export interface Call {
  readonly kind: 'read' | 'write';
  readonly recordIds: readonly string[];
  readonly writes: readonly RecordWrite[];
  run(executor: Executor): Answer;
}

/** The request as a whole is refused; nothing of it was done. */
export class ProtocolRefusalError extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** The request was carried out or not, and nothing is ever said of it: the connection breaks. */
export class UnansweredError extends Error {
  readonly code = 'UNANSWERED';
  readonly recordIds: readonly string[];

  constructor(recordIds: readonly string[]) {
    super('a fault keeps the answer back');
    this.recordIds = recordIds;
  }
}

/** A refusal in the form that both protocols use: `{"error": {"code", "message"}}`. */
export function errorAnswer(
  status: number,
  error: RecordError,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, headers, body: { error } };
}

export function asAnswer(refused: ProtocolRefusalError): Answer {
  return errorAnswer(refused.status, { code: refused.code, message: refused.message }, refused.headers);
}

export function badRequest(message: string, options?: ErrorOptions): ProtocolRefusalError {
  return new ProtocolRefusalError(400, 'INVALID_REQUEST', message, {}, options);
}

/** More records than one bulk request may name: 413, before any of them is looked at. */
export function checkRecordCount(count: number, limit: number): void {
  if (count <= limit) return;
  throw new ProtocolRefusalError(
    413,
    'TOO_MANY_RECORDS',
    `${count} records, at most ${limit} in one request`,
  );
}

/** The body as a JSON object; 415 for another media type than the given ones, 400 when it cannot be read. */
export function jsonBody(
  { headers, body }: Exchange,
  mediaTypes: readonly string[] = ['application/json'],
): Record<string, unknown> {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!mediaTypes.includes(type)) {
    throw new ProtocolRefusalError(415, 'UNSUPPORTED_MEDIA_TYPE', `send ${mediaTypes.join(' or ')}`);
  }
  try {
    const value: unknown = JSON.parse(body);
    if (isObject(value)) return value;
  } catch (cause) {
    throw badRequest('the body is no JSON', { cause });
  }
  throw badRequest('the body is no JSON object');
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
