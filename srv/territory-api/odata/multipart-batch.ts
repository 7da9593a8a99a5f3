/**
 * The multipart `$batch` of OData V2: one changeset per record, so that the failure of one does not roll back the others; one per
 * transaction where records belong together. Answers are matched by Content-ID where the server repeats it, else by their order,
 * which the protocol prescribes; a record whose part never came is missing, which means in doubt.
 */
import type { HttpAnswer } from '../destination.ts';
import { readApiError, asObject } from '../api-error.ts';
import { classifyRecord } from '../classify.ts';
import { idempotencyHeader } from '../idempotency.ts';
import { jsonIn } from '../json-text.ts';
import { fieldValues } from '../message.ts';
import type { RecordAnswer } from '../port.ts';
import { matchResponses, type UnitResponse } from './multipart-matching.ts';
import { parseHead, parseMultipart, type Part } from './multipart.ts';
import { itemUnits, judgeTransactions } from './transactions.ts';
import type { BatchItem, BatchReading } from './version.ts';

/** Neither URLs, JSON nor ETags can hold a line that begins like a delimiter, so one name does for all batches. */
const BATCH = 'batch_territory-sync';
const CHANGESET = 'changeset_territory-sync';
const CRLF = '\r\n';
const METHODS = { update: 'MERGE', create: 'POST', delete: 'DELETE' } as const;

/** Content type of a batch. */
export const MULTIPART_BATCH = `multipart/mixed; boundary=${BATCH}`;

/** The body of `POST {service root}/$batch`. The Content-ID of an item is its place, from 1. */
export function buildMultipartBatch(items: readonly BatchItem[]): string {
  const changesets = itemUnits(items).map((unit, number) => {
    const boundary = `${CHANGESET}-${number + 1}`;
    const parts = unit.map((index) => requestPart(items[index] as BatchItem, index + 1));
    return [`Content-Type: multipart/mixed; boundary=${boundary}`, '', ...enclosed(boundary, parts)].join(
      CRLF,
    );
  });
  return [...enclosed(BATCH, changesets), ''].join(CRLF);
}

/** Undefined where the answer holds not one complete response. */
export function readMultipartBatch(
  items: readonly BatchItem[],
  { headers, text }: Pick<HttpAnswer, 'headers' | 'text'>,
): BatchReading | undefined {
  const parts = parseMultipart(headers['content-type'], text);
  const responses = parts?.flatMap(unitResponse) ?? [];
  if (responses.every(({ kind }) => kind === 'unreadable')) return undefined;
  const { matched, ignored } = matchResponses(itemUnits(items), responses);
  const single = items.map((item, index): RecordAnswer => {
    const answer = matched.get(index);
    if (answer === undefined) return { kind: 'missing' };
    return answer === 'rolled-back' ? { kind: 'rolled-back' } : readResponse(answer, item);
  });
  return { records: judgeTransactions(items, single), ignored };
}

/** One response of a batch. */
export interface HttpPart {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly contentId?: string;
}

function enclosed(boundary: string, parts: readonly string[]): readonly string[] {
  return [...parts.flatMap((part) => [`--${boundary}`, part]), `--${boundary}--`];
}

function requestPart({ request, collection, entity, body }: BatchItem, contentId: number): string {
  const { operation, ifMatch, idempotencyKey } = request;
  const json = operation === 'delete' ? '' : JSON.stringify(body);
  return [
    'Content-Type: application/http',
    'Content-Transfer-Encoding: binary',
    `Content-ID: ${contentId}`,
    '',
    `${METHODS[operation]} ${entity ?? collection} HTTP/1.1`,
    `Content-ID: ${contentId}`,
    'Accept: application/json',
    ...(ifMatch === undefined ? [] : [`If-Match: ${ifMatch}`]),
    `Idempotency-Key: ${idempotencyHeader(idempotencyKey)}`,
    ...(json === '' ? [] : ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(json)}`]),
    '',
    json,
  ].join(CRLF);
}

/** A changeset that succeeded is a multipart of its own. Of one that is cut off, the responses that are whole are taken. */
function unitResponse(part: Part): readonly UnitResponse[] {
  const type = part.headers['content-type'] ?? '';
  if (/^multipart\//i.test(type)) {
    const inner = parseMultipart(type, part.body) ?? [];
    const answers = inner.filter(({ complete }) => complete).map(httpPart);
    if (answers.length > 0 && !answers.includes(undefined))
      return [{ kind: 'each', answers: answers.filter((answer) => answer !== undefined) }];
    return part.complete ? [{ kind: 'unreadable' }] : [];
  }
  if (!part.complete) return [];
  const answer = httpPart(part);
  return [answer === undefined ? { kind: 'unreadable' } : { kind: 'whole', answer }];
}

function httpPart({ headers: outer, body: text }: Part): HttpPart | undefined {
  const started = /^[\r\n]*HTTP\/\d(?:\.\d)? +(\d{3})[^\r\n]*(?=\r?\n|$)/.exec(text);
  if (started === null) return undefined;
  const { headers, body } = parseHead(text.slice(started[0].length));
  const contentId = outer['content-id'] ?? headers['content-id'];
  return { status: Number(started[1]), headers, body, ...(contentId !== undefined && { contentId }) };
}

function readResponse({ status, headers, body }: HttpPart, { request }: BatchItem): RecordAnswer {
  const json = jsonOf(body);
  const metadata = asObject(asObject(asObject(json)?.['d'])?.['__metadata']);
  const etag = headers['etag'] ?? metadata?.['etag'];
  return classifyRecord(status, readApiError(json), etag, () => fieldValues(request.fields));
}

function jsonOf(body: string): unknown {
  const text = body.trim();
  if (text === '') return undefined;
  const json = jsonIn(text);
  return json === undefined ? text : json;
}
