/** The `rest` protocol: bulk reads by a list of ids, bulk writes with an ETag and an idempotency key per record. */
import type { Executor, Outcome } from './executor.ts';
import {
  ProtocolRefusalError,
  badRequest,
  checkRecordCount,
  errorAnswer,
  isObject,
  jsonBody,
} from './protocol.ts';
import type { Answer, Call, Exchange } from './protocol.ts';
import { countParameter, listParameter } from './query.ts';
import type { Fields, Operation, RecordRef, RecordWrite, SandboxRecord } from './record.ts';

/** The collection a request addresses. */
export interface Collection {
  readonly territoryId?: string;
  /** Most records in one request. */
  readonly recordsMax: number;
}

export function restCall(exchange: Exchange, collection: Collection): Call {
  switch (exchange.method) {
    case 'GET':
    case 'HEAD':
      return readCall(exchange, collection);
    case 'PATCH':
      return writeCall(exchange, collection);
    default:
      throw new ProtocolRefusalError(405, 'METHOD_NOT_ALLOWED', 'GET or PATCH, please', {
        allow: 'GET, HEAD, PATCH, POST',
      });
  }
}

/** `GET {path}/{id}`: one record, its ETag in the header too. */
export function restElementCall(exchange: Exchange, ref: RecordRef): Call {
  if (exchange.method !== 'GET' && exchange.method !== 'HEAD') {
    throw new ProtocolRefusalError(405, 'METHOD_NOT_ALLOWED', 'write through the collection', {
      allow: 'GET, HEAD',
    });
  }
  return {
    kind: 'read',
    recordIds: [ref.id],
    writes: [],
    run(executor) {
      const [record] = executor.read([ref]);
      if (record === undefined) {
        return errorAnswer(404, { code: 'NOT_FOUND', message: 'no assignment has this id' });
      }
      return { status: 200, headers: { etag: record.etag }, body: entity(record, undefined) };
    },
  };
}

function readCall({ query }: Exchange, { territoryId, recordsMax }: Collection): Call {
  const ids = listParameter(query, 'ids');
  const wanted = listParameter(query, 'fields');
  checkRecordCount(ids?.length ?? 0, recordsMax);
  const limit = countParameter(query, 'limit', recordsMax) ?? recordsMax;
  return {
    kind: 'read',
    recordIds: ids ?? [],
    writes: [],
    run(executor) {
      const records =
        ids === undefined
          ? executor.readFirst(limit, territoryId)
          : executor.read(ids.map((id) => ref(territoryId, id)));
      return { status: 200, headers: {}, body: { value: records.map((record) => entity(record, wanted)) } };
    },
  };
}

function writeCall(exchange: Exchange, { territoryId, recordsMax }: Collection): Call {
  const { assignments } = jsonBody(exchange);
  if (!Array.isArray(assignments) || assignments.length === 0) {
    throw badRequest('assignments must be a list with at least one member');
  }
  checkRecordCount(assignments.length, recordsMax);
  checkBulkKey(exchange.headers['idempotency-key']);
  const writes = assignments.map((member: unknown) => recordWrite(member, territoryId));
  const single = withHeaderEtag(writes, exchange.headers['if-match']);
  return {
    kind: 'write',
    recordIds: single.map(({ id }) => id),
    writes: single,
    run: (executor) => answerWrites(single, executor),
  };
}

/** The bulk's own key is only looked at: repeats are recognized record by record. It is a structured-field string. */
function checkBulkKey(header: string | undefined): void {
  if (header === undefined || /^"[\x20-\x7e]{1,255}"$/.test(header)) return;
  throw new ProtocolRefusalError(400, 'IDEMPOTENCY_KEY_MALFORMED', 'Idempotency-Key must be a quoted string');
}

/** One header cannot carry many records' ETags: it is for a single one, and then says the same as the body. */
function withHeaderEtag(writes: readonly RecordWrite[], header: string | undefined): readonly RecordWrite[] {
  const [only, ...others] = writes;
  if (header === undefined || only === undefined) return writes;
  if (others.length > 0) throw badRequest('an If-Match header is for a single record');
  if (only.ifMatch !== undefined && only.ifMatch !== header) {
    throw badRequest('the If-Match header and ifMatch differ');
  }
  return [{ ...only, ifMatch: header }];
}

function recordWrite(member: unknown, territoryId: string | undefined): RecordWrite {
  if (!isObject(member)) throw badRequest('an assignment must be an object');
  const { id, operation = 'update', ifMatch, idempotencyKey, fields = {} } = member;
  if (typeof id !== 'string' || id.length < 1 || id.length > 128) {
    throw badRequest('id must be a string of 1 to 128 characters');
  }
  if (!isOperation(operation)) throw badRequest('operation must be update, create or delete');
  if (!isObject(fields)) throw badRequest('fields must be an object');
  return {
    ...ref(territoryId, id),
    operation,
    // Which values are allowed is judged record by record.
    fields: fields as Fields,
    ...optionalText('ifMatch', ifMatch),
    ...optionalText('idempotencyKey', idempotencyKey),
  };
}

function answerWrites(writes: readonly RecordWrite[], executor: Executor): Answer {
  const results: unknown[] = [];
  let allDone = true;
  for (const write of writes) {
    const outcome: Outcome = executor.write(write);
    if (outcome === 'missing') continue;
    const { status, etag, error } = outcome;
    allDone &&= status < 300;
    results.push({ id: write.id, status, ...(etag && { etag }), ...(error && { error }) });
  }
  return { status: allDone ? 200 : 207, headers: {}, body: { results } };
}

/** The record as JSON; `wanted` undefined means everything. The id is always there. */
function entity({ id, etag, fields }: SandboxRecord, wanted: readonly string[] | undefined): object {
  if (wanted === undefined) return { id, etag, ...fields };
  const picked = wanted.filter((name) => Object.hasOwn(fields, name)).map((name) => [name, fields[name]]);
  return { id, ...(wanted.includes('etag') && { etag }), ...Object.fromEntries(picked) };
}

function ref(territoryId: string | undefined, id: string): RecordRef {
  return territoryId === undefined ? { id } : { territoryId, id };
}

function isOperation(value: unknown): value is Operation {
  return value === 'update' || value === 'create' || value === 'delete';
}

function optionalText<Name extends string>(name: Name, value: unknown): { [key in Name]?: string } {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'string') throw badRequest(`${name} must be a string`);
  return { [name]: value } as { [key in Name]: string };
}
