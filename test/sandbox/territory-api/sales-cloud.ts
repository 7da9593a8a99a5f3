/**
 * The `sales-cloud` protocol, after SAP Sales Cloud V2: one record per request, strong ETags in a header, merge patches, records in
 * `{"value": {…}}`. Dotted field names are members of nested objects there.
 */
import type { Executor } from './executor.ts';
import {
  ProtocolRefusalError,
  UnansweredError,
  badRequest,
  errorAnswer,
  isObject,
  jsonBody,
} from './protocol.ts';
import type { Answer, Call, Exchange } from './protocol.ts';
import { countParameter } from './query.ts';
import type { Fields, RecordRef, RecordWrite, SandboxRecord, Scalar } from './record.ts';

/** The collection a request addresses. */
export interface SalesCloudCollection {
  readonly territoryId?: string;
  /** Property that holds the id. */
  readonly keyName: string;
  /** Most records in one list. */
  readonly recordsMax: number;
}

/** `GET {path}?$top=n`, and `POST {path}`: a create. */
export function salesCloudSetCall(exchange: Exchange, collection: SalesCloudCollection): Call {
  const { territoryId, keyName, recordsMax } = collection;
  switch (exchange.method) {
    case 'GET': {
      const top = countParameter(exchange.query, '$top', recordsMax) ?? recordsMax;
      return {
        kind: 'read',
        recordIds: [],
        writes: [],
        run(executor) {
          const records = executor.readFirst(top, territoryId).map((record) => entity(record, keyName));
          return { status: 200, headers: {}, body: { count: records.length, value: records } };
        },
      };
    }
    case 'POST': {
      const body = jsonBody(exchange);
      const id = body[keyName];
      if (typeof id !== 'string' || id.length < 1 || id.length > 128)
        throw badRequest(`${keyName} must be a string of 1 to 128 characters`);
      const { [keyName]: _, ...rest } = body;
      const ref = { id, ...(territoryId !== undefined && { territoryId }) };
      return writeCall({ ...ref, ...write(exchange), operation: 'create', fields: flat(rest) }, keyName);
    }
    default:
      throw notAllowed('GET, POST');
  }
}

/** `GET`, `PATCH` and `DELETE` of `{path}/{id}`. */
export function salesCloudElementCall(exchange: Exchange, ref: RecordRef, keyName: string): Call {
  switch (exchange.method) {
    case 'GET':
      return {
        kind: 'read',
        recordIds: [ref.id],
        writes: [],
        run(executor) {
          const [record] = executor.read([ref]);
          if (record === undefined)
            return errorAnswer(404, { code: 'NOT_FOUND', message: 'no record has this id' });
          return shown(200, record, keyName);
        },
      };
    case 'PATCH': {
      const fields = flat(jsonBody(exchange, ['application/merge-patch+json']));
      return writeCall({ ...ref, ...write(exchange), operation: 'update', fields }, keyName);
    }
    case 'DELETE':
      return writeCall({ ...ref, ...write(exchange), operation: 'delete', fields: {} }, keyName);
    default:
      throw notAllowed('GET, PATCH, DELETE');
  }
}

function writeCall(one: RecordWrite, keyName: string): Call {
  return {
    kind: 'write',
    recordIds: [one.id],
    writes: [one],
    run: (executor) => answerWrite(one, executor, keyName),
  };
}

function answerWrite(one: RecordWrite, executor: Executor, keyName: string): Answer {
  const outcome = executor.write(one);
  if (outcome === 'missing') throw new UnansweredError([one.id]);
  if (outcome.error !== undefined) return errorAnswer(outcome.status, outcome.error);
  const { etag, fields } = outcome;
  if (etag === undefined || fields === undefined) return { status: 204, headers: {} };
  return shown(outcome.status, { id: one.id, etag, fields }, keyName);
}

/** What the headers say of a write. */
function write({ headers }: Exchange): Pick<RecordWrite, 'ifMatch' | 'idempotencyKey'> {
  const key = headers['idempotency-key'];
  const text = key === undefined ? undefined : /^"([\x20-\x7e]{1,255})"$/.exec(key)?.[1];
  if (key !== undefined && text === undefined)
    throw new ProtocolRefusalError(
      400,
      'IDEMPOTENCY_KEY_MALFORMED',
      'Idempotency-Key must be a quoted string',
    );
  const ifMatch = headers['if-match'];
  return {
    ...(ifMatch !== undefined && { ifMatch: ifMatch.split(',').map(stored).join(',') }),
    ...(text !== undefined && { idempotencyKey: text }),
  };
}

/** The store's tags are weak. A strong one stands for it here, and a weak one matches nothing (RFC 9110, 13.1.1). */
function stored(tag: string): string {
  const text = tag.trim();
  return text.startsWith('W/') ? `not-strong:${text}` : text === '*' ? text : `W/${text}`;
}

function shown(
  status: number,
  record: Pick<SandboxRecord, 'id' | 'etag' | 'fields'>,
  keyName: string,
): Answer {
  const etag = record.etag.replace(/^W\//, '');
  return { status, headers: { etag }, body: { value: entity(record, keyName), info: {} } };
}

function entity({ id, fields }: Pick<SandboxRecord, 'id' | 'fields'>, keyName: string): object {
  const root: Record<string, unknown> = { [keyName]: id };
  for (const [name, value] of Object.entries(fields)) {
    const parts = name.split('.');
    const last = parts.pop() ?? name;
    let parent = root;
    for (const part of parts) {
      const child = parent[part];
      const next: Record<string, unknown> = isObject(child) ? child : {};
      parent[part] = next;
      parent = next;
    }
    parent[last] = value;
  }
  return root;
}

/** Nested members by their dotted names. Which values are allowed is judged by the store. */
function flat(body: Readonly<Record<string, unknown>>, prefix = ''): Fields {
  const fields: Record<string, Scalar> = {};
  for (const [name, value] of Object.entries(body)) {
    if (isObject(value)) Object.assign(fields, flat(value, `${prefix}${name}.`));
    else fields[`${prefix}${name}`] = value as Scalar;
  }
  return fields;
}

function notAllowed(allow: string): ProtocolRefusalError {
  return new ProtocolRefusalError(405, 'METHOD_NOT_ALLOWED', `${allow}, please`, { allow });
}
