/**
 * Whose fault an answer is. For a record: done, its version's, its content's, ours, or nobody's. For a request: only that it was
 * answered is good news; everything else is trouble that no record pays for, or a refusal in which the culprit must be sought.
 */
import type { HttpAnswer } from './destination.ts';
import type { RecordAnswer, WriteAnswer } from './port.ts';
import { readApiError } from './api-error.ts';
import type { ApiError } from './api-error.ts';
import { jsonIn } from './json-text.ts';
import { cleanCode, cleanMessage } from './message.ts';
import { askedWaitMs } from './asked-wait.ts';
import type { NoAnswer } from './trouble.ts';

/** An ETag longer than this is not taken over. */
const ETAG_LIMIT = 1_024;
/** No header can hold these (RFC 9110, 5.5); an ETag in a body may. */
const CONTROL = /\p{Cc}/u;

/** C4C says so when another user holds a record, with a status that is documented nowhere. */
const LOCKED = /\blocked (?:\w+ )?by\b|\block (?:is )?held by\b/i;
const IDEMPOTENCY = /idempoten/i;

/** An ETag as it stands in an answer; undefined for what could not be sent back as `If-Match` (`*` would match anything). */
export function readEtag(value: unknown): string | undefined {
  if (typeof value !== 'string' || value.length > ETAG_LIMIT) return undefined;
  if (CONTROL.test(value)) return undefined;
  return value.trim() === '' || value.trim() === '*' ? undefined : value;
}

/**
 * Judges what the API said of one record.
 * @param etag as the answer holds it, unchecked
 * @param values of the fields sent, masked in what is kept of the message; asked for only where there is one
 */
export function classifyRecord(
  status: unknown,
  error: ApiError,
  etag: unknown,
  values: () => readonly string[],
): RecordAnswer {
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 100 || status > 599)
    return { kind: 'missing' };
  if (status >= 200 && status < 300) {
    const newEtag = readEtag(etag);
    return { kind: 'done', status, ...(newEtag !== undefined && { etag: newEtag }) };
  }
  const said = { status, ...detailOf(error, values()) };
  if (LOCKED.test(said.message ?? '')) return { kind: 'conflict', ...said };
  if (status < 400 || status >= 500) return { kind: 'failed', ...said };
  switch (status) {
    case 409:
      return isIdempotency(error) ? { kind: 'running', status } : { kind: 'conflict', ...said };
    case 412:
    case 423:
      return { kind: 'conflict', ...said };
    case 428:
      return { kind: 'defect', ...said };
    case 422:
      return { kind: isIdempotency(error) ? 'defect' : 'refused', ...said };
    // Neither the record's nor the program's fault, and not acted upon: as a request that is still running, repeated unchanged.
    case 401:
    case 407:
    case 408:
    case 425:
    case 429:
      return { kind: 'running', status };
    default:
      return { kind: 'refused', ...said };
  }
}

/** True where the body names the idempotency draft (draft-ietf-httpapi-idempotency-key-header) by problem type, title or code. */
export function isIdempotency({ code, problem }: ApiError): boolean {
  return IDEMPOTENCY.test(code ?? '') || IDEMPOTENCY.test(problem ?? '');
}

/** A request's answer judged as a whole. */
export type RequestVerdict = { readonly kind: 'json'; readonly body: unknown } | RefusedWhole | NoAnswer;

export type RefusedWhole = Extract<WriteAnswer, { kind: 'refused-whole' }> & { readonly error: ApiError };

/**
 * Judges a request: a 2xx with JSON is `json`; what refuses the content is `refused-whole`; all else is trouble.
 * @param nowMs wall time, for a `Retry-After` that is a date
 * @param values of the fields sent, masked in what is kept of the message
 */
export function judgeRequest(
  answer: HttpAnswer,
  nowMs: number,
  values: () => readonly string[] = () => [],
): RequestVerdict {
  const { status } = answer;
  const body = jsonIn(answer.text);
  if (status >= 200 && status < 300) {
    return body === undefined
      ? notAnAnswer(status, `${status} without a JSON body`, 'sent')
      : { kind: 'json', body };
  }
  const error = readApiError(body);
  const retryAfterMs = askedWaitMs(answer, nowMs);
  const trouble = (
    reason: NoAnswer['trouble']['reason'],
    message: string,
    sent: 'sent' | 'not-sent',
  ): NoAnswer => ({
    kind: 'trouble',
    trouble: {
      reason,
      status,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
      message: cleanMessage(message),
    },
    sent: sent === 'sent',
  });

  switch (status) {
    case 413:
    case 414:
      return { kind: 'refused-whole', status, ...detailOf(error, values()), error };
    case 400:
    case 409:
    case 412:
    case 422:
    case 423:
    case 424:
    case 428:
      if (isHtml(answer)) return notAnAnswer(status, `${status} with a page of HTML`, 'not-sent');
      return { kind: 'refused-whole', status, ...detailOf(error, values()), error };
    case 401:
      return trouble(
        'unauthorized',
        'the API refuses the credentials (401); check the destination',
        'not-sent',
      );
    case 403:
      return trouble(
        'forbidden',
        'the API forbids the whole request (403); check the roles of its user',
        'not-sent',
      );
    case 408:
    case 425:
      return trouble('unavailable', `the API could not take the request now (${status})`, 'sent');
    case 429:
      return trouble('throttled', 'the API asks for fewer requests (429)', 'not-sent');
    case 404:
    case 405:
    case 410:
    case 415:
      return trouble(
        'not-an-answer',
        `${status} for the whole collection; check TERRITORY_PATH, TERRITORY_PROTOCOL and the destination's URL`,
        'not-sent',
      );
    default:
      break;
  }
  if (status >= 500) return trouble('unavailable', `the API failed (${status})`, 'sent');
  if (status >= 300 && status < 400) {
    return trouble(
      'not-an-answer',
      `a redirect (${status}), most often to a login page; check the destination's authentication`,
      'sent',
    );
  }
  return trouble(
    'not-an-answer',
    `unexpected status ${status}; check TERRITORY_PROTOCOL and the destination's URL`,
    'sent',
  );
}

/** A body that cannot be what the protocol says. */
export function notAnAnswer(status: number, what: string, sent: 'sent' | 'not-sent'): NoAnswer {
  const message = `${what}; check TERRITORY_PROTOCOL, TERRITORY_PATH and the destination's URL`;
  return { kind: 'trouble', trouble: { reason: 'not-an-answer', status, message }, sent: sent === 'sent' };
}

function detailOf(
  error: ApiError,
  values: readonly string[],
): { readonly code?: string; readonly message?: string } {
  const code = error.code === undefined ? undefined : cleanCode(error.code, values);
  const message = error.message === undefined ? '' : cleanMessage(error.message, values);
  return { ...(code !== undefined && { code }), ...(message !== '' && { message }) };
}

/** A page for people: some proxy's, not the API's. */
export function isHtml({ headers, text }: HttpAnswer): boolean {
  return /\bhtml\b/i.test(headers['content-type'] ?? '') || /^\s*<(?:!doctype\s+)?html\b/i.test(text);
}
