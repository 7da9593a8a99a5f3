/**
 * What an answer of SAP Sales Cloud V2 says of the one record that its request named. There is no request "as a whole" beside it, so a
 * 403 or 404 judges the record (the lanes wait until another record succeeded before they believe it) — unless a proxy wrote it.
 */
import { canonicalKey } from './address.ts';
import { asObject, readApiError } from './api-error.ts';
import { askedWaitMs } from './asked-wait.ts';
import { classifyRecord, isHtml, judgeRequest, notAnAnswer, readEtag } from './classify.ts';
import type { HttpAnswer } from './destination.ts';
import { jsonIn } from './json-text.ts';
import { fieldValues } from './message.ts';
import { pickNested } from './nested-fields.ts';
import type { RecordAnswer, RecordState, UnansweredWrite, WriteRequest } from './port.ts';
import { refusedRead } from './read-groups.ts';
import type { KeyType } from './settings.ts';
import type { NoAnswer } from './trouble.ts';

/** A record's answer with the wait that it asks for. */
export interface JudgedRecord {
  readonly kind: 'judged';
  readonly record: RecordAnswer;
  readonly retryAfterMs?: number;
}

/** `ifOthersSucceed`: what the trouble is instead where the API wrote another record meanwhile, so that it is this one's. */
export type WriteJudgement = JudgedRecord | (UnansweredWrite & { readonly ifOthersSucceed?: RecordAnswer });

/** Statuses that the API gives for a record, with or without a body. */
const OF_THE_RECORD: readonly number[] = [400, 403, 404, 409, 412, 422, 423, 428];
/** Of these a gateway's text ("no such route") is told from the API's word, which is JSON or nothing. */
const OF_ITS_ADDRESS: readonly number[] = [403, 404];
/** These tell of a gateway or of overload, whatever happened to other records. */
const OF_THE_WAY: readonly number[] = [502, 503, 504];

/**
 * Judges the answer to a record's write.
 * @param created the key under which a create was to make its record
 */
export function judgeWrite(
  answer: HttpAnswer,
  request: WriteRequest,
  created: CreatedKey,
  nowMs: number,
): WriteJudgement {
  const { status, headers, text } = answer;
  const body = jsonIn(answer.text);
  const values = () => fieldValues(request.fields);
  const judged = (record: RecordAnswer): JudgedRecord => {
    const retryAfterMs = askedWaitMs(answer, nowMs);
    return { kind: 'judged', record, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  };

  if (status >= 200 && status < 300) {
    if (text !== '' && body === undefined)
      return notAnAnswer(status, `${status} without a JSON body`, 'sent');
    if (request.operation === 'create' && hasOtherKey(body, created)) return judged(OTHER_KEY);
    return judged(classifyRecord(status, {}, headers['etag'], values));
  }
  const record = classifyRecord(status, readApiError(body ?? text), undefined, values);
  if (record.kind === 'conflict' || (OF_THE_RECORD.includes(status) && isTheApis(answer, body)))
    if (!isHtml(answer)) return judged(record);
  const verdict = judgeRequest(answer, nowMs, values);
  switch (verdict.kind) {
    case 'json':
      return notAnAnswer(status, `unexpected status ${status}`, 'sent');
    case 'refused-whole': {
      const { error: _, ...refusal } = verdict;
      return refusal;
    }
    case 'trouble':
      return record.kind === 'failed' && status >= 500 && !OF_THE_WAY.includes(status)
        ? { ...verdict, ifOthersSucceed: record }
        : verdict;
  }
}

/** A record as read, or why it could not be. */
export function judgeRead(
  answer: HttpAnswer,
  fields: readonly string[],
  nowMs: number,
): RecordState | NoAnswer {
  const { status, headers } = answer;
  if (status === 404 && isTheApis(answer, jsonIn(answer.text))) return { found: false };
  const verdict = judgeRequest(answer, nowMs);
  if (verdict.kind === 'trouble') return verdict;
  if (verdict.kind === 'refused-whole') return refusedRead(verdict);
  const record = recordOf(verdict.body);
  const etag = readEtag(headers['etag']);
  if (record === undefined || etag === undefined)
    return notAnAnswer(status, 'a record without an ETag header, or none at all', 'sent');
  return { found: true, etag, fields: pickNested(record, fields) };
}

/** Retrying would make yet another record, so it is left to a person. */
const OTHER_KEY: RecordAnswer = {
  kind: 'defect',
  status: 201,
  code: 'OTHER_KEY',
  message: 'the API made the record under a key of its own; check TERRITORY_KEY, and delete that record',
};

/** The key property of the collection, and a new record's key as it was sent. */
export interface CreatedKey {
  readonly name: string;
  readonly type: KeyType;
  readonly value: string | number;
}

function hasOtherKey(body: unknown, { name, type, value }: CreatedKey): boolean {
  const key = recordOf(body)?.[name];
  return key !== undefined && canonicalKey(type, key) !== canonicalKey(type, value);
}

/** SAP answers `{"value": {…}, "info": {…}}`; the bare record is taken as well. */
function recordOf(body: unknown): Readonly<Record<string, unknown>> | undefined {
  const outer = asObject(body);
  return asObject(outer?.['value']) ?? outer;
}

function isTheApis({ status, text }: HttpAnswer, body: unknown): boolean {
  return body !== undefined || text.trim() === '' || !OF_ITS_ADDRESS.includes(status);
}
