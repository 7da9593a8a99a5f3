/** The `odata-v4` protocol, request by request; each may come alone or as a member of a batch. */
import type { Executor, Outcome } from './executor.ts';
import { idsOfFilter, keyOfJson, keyOfPredicate, keyToJson } from './odata-key.ts';
import type { EntityKey } from './odata-key.ts';
import { ProtocolRefusalError, checkRecordCount, errorAnswer, jsonBody } from './protocol.ts';
import type { Answer, Call, Exchange } from './protocol.ts';
import { countParameter, decode, parameter } from './query.ts';
import { refusal } from './record.ts';
import type { Fields, Operation, RecordRef, RecordWrite, SandboxRecord } from './record.ts';

export interface EntitySet {
  readonly territoryId?: string;
  /** Most records in one request. */
  readonly recordsMax: number;
  readonly key: EntityKey;
}

/** One request understood: a write is kept apart from its answer, so that a batch can join several. */
export type OdataItem =
  | { readonly kind: 'read'; readonly recordIds: readonly string[]; run(executor: Executor): Answer }
  | { readonly kind: 'write'; readonly write: RecordWrite; render(outcome: Outcome): Answer | 'missing' };

const JSON_TYPES = ['application/json', 'application/merge-patch+json'];

/** Requests to the set itself: a list by `$filter`, or a create. */
export function odataSetItem(exchange: Exchange, set: EntitySet): OdataItem {
  switch (exchange.method) {
    case 'GET':
    case 'HEAD':
      return listItem(exchange, set);
    case 'POST':
      return writeItem(exchange, set, 'create', undefined);
    default:
      throw notAllowed('GET, HEAD, POST');
  }
}

/** Requests to one entity; `predicate` is what stands in the parentheses, still encoded. */
export function odataEntityItem(exchange: Exchange, set: EntitySet, predicate: string): OdataItem {
  const id = keyOfPredicate(decode(predicate), set.key);
  switch (exchange.method) {
    case 'GET':
    case 'HEAD':
      return entityItem(exchange, set, id);
    case 'PATCH':
      return writeItem(exchange, set, 'update', id);
    case 'DELETE':
      return writeItem(exchange, set, 'delete', id);
    default:
      throw notAllowed('GET, HEAD, PATCH, DELETE');
  }
}

/** An item that came alone. */
export function odataCall(item: OdataItem): Call {
  if (item.kind === 'read') return { ...item, writes: [] };
  return {
    kind: 'write',
    recordIds: [item.write.id],
    writes: [item.write],
    run(executor) {
      const answer = item.render(executor.write(item.write));
      return answer === 'missing' ? { status: 200, headers: {}, body: {} } : answer;
    },
  };
}

function listItem({ query }: Exchange, set: EntitySet): OdataItem {
  const filter = parameter(query, '$filter');
  const ids = filter === undefined ? undefined : idsOfFilter(filter, set.key);
  checkRecordCount(ids?.length ?? 0, set.recordsMax);
  const selected = parameter(query, '$select')?.split(',');
  const top = countParameter(query, '$top', set.recordsMax) ?? set.recordsMax;
  return {
    kind: 'read',
    recordIds: ids ?? [],
    run(executor) {
      const records =
        ids === undefined
          ? executor.readFirst(top, set.territoryId)
          : executor.read(ids.map((id) => ref(set, id))).slice(0, top);
      const value = records.map((record) => entity(record, set.key, selected));
      return odataAnswer(200, { '@odata.context': '$metadata#assignments', value });
    },
  };
}

function entityItem({ query }: Exchange, set: EntitySet, id: string): OdataItem {
  const selected = parameter(query, '$select')?.split(',');
  return {
    kind: 'read',
    recordIds: [id],
    run(executor) {
      const [record] = executor.read([ref(set, id)]);
      if (record === undefined) return rendered(refusal(404, 'NOT_FOUND', 'no assignment has this key'));
      return odataAnswer(200, entity(record, set.key, selected), { etag: record.etag });
    },
  };
}

function writeItem(
  exchange: Exchange,
  set: EntitySet,
  operation: Operation,
  keyInUrl: string | undefined,
): OdataItem {
  const { headers } = exchange;
  const body = operation === 'delete' ? {} : jsonBody(exchange, JSON_TYPES);
  const id = keyInUrl ?? keyOfJson(body[set.key.name], set.key);
  if (set.key.name in body && keyOfJson(body[set.key.name], set.key) !== id) {
    throw new ProtocolRefusalError(400, 'INVALID_REQUEST', 'the key cannot be changed');
  }
  const ifMatch = headers['if-match'];
  // Quoted as the draft wants it, or bare.
  const idempotencyKey = headers['idempotency-key']?.replace(/^"(.*)"$/, '$1');
  const write: RecordWrite = {
    ...ref(set, id),
    operation,
    fields: fieldsOf(body, set.key),
    ...(ifMatch !== undefined && { ifMatch }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
  const minimal = /\breturn=minimal\b/.test(headers['prefer'] ?? '');
  return {
    kind: 'write',
    write,
    render: (outcome) => (outcome === 'missing' ? 'missing' : renderWrite(outcome)),
  };

  function renderWrite(result: Exclude<Outcome, 'missing'>): Answer {
    const { status, etag, fields } = result;
    if (result.error !== undefined) return rendered(result);
    if (etag === undefined || fields === undefined) return { status, headers: { 'odata-version': '4.0' } };
    if (minimal) return { status: 204, headers: { 'odata-version': '4.0', etag } };
    return odataAnswer(status, entity({ id, etag, fields }, set.key, undefined), { etag });
  }
}

/** The body without key and annotations. */
function fieldsOf(body: Record<string, unknown>, key: EntityKey): Fields {
  const fields = Object.entries(body).filter(([name]) => name !== key.name && !name.includes('@'));
  // Which values are allowed is judged record by record.
  return Object.fromEntries(fields) as Fields;
}

/** As CAP shows an entity: selected fields that have no value are null. */
function entity(
  { id, etag, fields }: Pick<SandboxRecord, 'id' | 'etag' | 'fields'>,
  key: EntityKey,
  selected: readonly string[] | undefined,
): object {
  const names = selected?.filter((name) => name !== key.name && name !== '*') ?? Object.keys(fields);
  const values = names.map((name) => [name, Object.hasOwn(fields, name) ? fields[name] : null]);
  return { '@odata.etag': etag, [key.name]: keyToJson(id, key), ...Object.fromEntries(values) };
}

function rendered(refused: Extract<Outcome, { readonly error: object }>): Answer {
  return errorAnswer(refused.status, refused.error, { 'odata-version': '4.0' });
}

function odataAnswer(status: number, body: object, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'odata-version': '4.0', ...headers }, body };
}

function ref({ territoryId }: EntitySet, id: string): RecordRef {
  return territoryId === undefined ? { id } : { territoryId, id };
}

function notAllowed(allow: string): ProtocolRefusalError {
  return new ProtocolRefusalError(405, 'METHOD_NOT_ALLOWED', `${allow}, please`, { allow });
}
