/** The OData protocols, request by request; each may come alone or as a member of a batch. */
import type { Executor, Outcome } from './executor.ts';
import { refusedIn } from './odata-form.ts';
import type { OdataForm } from './odata-form.ts';
import { idsOfFilter, keyOfJson, keyOfPredicate } from './odata-key.ts';
import type { EntityKey } from './odata-key.ts';
import { ProtocolRefusalError, checkRecordCount, jsonBody } from './protocol.ts';
import type { Answer, Call, Exchange } from './protocol.ts';
import { countParameter, decode, parameter } from './query.ts';
import { refusal } from './record.ts';
import type { Fields, Operation, RecordRef, RecordWrite } from './record.ts';

export interface EntitySet {
  readonly territoryId?: string;
  /** Most records in one request. */
  readonly recordsMax: number;
  readonly key: EntityKey;
  readonly form: OdataForm;
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
  const { updateMethods } = set.form;
  if (updateMethods.includes(exchange.method)) return writeItem(exchange, set, 'update', id);
  switch (exchange.method) {
    case 'GET':
    case 'HEAD':
      return entityItem(exchange, set, id);
    case 'DELETE':
      return writeItem(exchange, set, 'delete', id);
    default:
      throw notAllowed(['GET', 'HEAD', ...updateMethods, 'DELETE'].join(', '));
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
      const entities = records.map((record) => set.form.entity(record, set.key, selected));
      return odataAnswer(set.form, 200, set.form.list(entities));
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
      if (record === undefined)
        return rendered(set.form, refusal(404, 'NOT_FOUND', 'no assignment has this key'));
      const body = set.form.single(set.form.entity(record, set.key, selected));
      return odataAnswer(set.form, 200, body, { etag: set.form.etagOut(record.etag) });
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
    ...(ifMatch !== undefined && { ifMatch: set.form.etagIn(ifMatch) }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
  const { form } = set;
  // V2 answers an update without a body, whatever is preferred.
  const minimal =
    form.version === 'v2' ? operation === 'update' : /\breturn=minimal\b/.test(headers['prefer'] ?? '');
  return {
    kind: 'write',
    write,
    render: (outcome) => (outcome === 'missing' ? 'missing' : renderWrite(outcome)),
  };

  function renderWrite(result: Exclude<Outcome, 'missing'>): Answer {
    const { status, etag, fields } = result;
    if (result.error !== undefined) return rendered(form, result);
    if (etag === undefined || fields === undefined) return { status, headers: form.headers };
    const shown = { etag: form.etagOut(etag) };
    if (minimal) return { status: 204, headers: { ...form.headers, ...shown } };
    return odataAnswer(
      form,
      status,
      form.single(form.entity({ id, etag, fields }, set.key, undefined)),
      shown,
    );
  }
}

/** The body without key and annotations. */
function fieldsOf(body: Record<string, unknown>, key: EntityKey): Fields {
  const fields = Object.entries(body).filter(
    ([name]) => name !== key.name && name !== '__metadata' && !name.includes('@'),
  );
  // Which values are allowed is judged record by record.
  return Object.fromEntries(fields) as Fields;
}

function rendered(form: OdataForm, refused: Extract<Outcome, { readonly error: object }>): Answer {
  return refusedIn(form, refused.status, refused.error);
}

function odataAnswer(
  form: OdataForm,
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, headers: { ...form.headers, ...headers }, body };
}

function ref({ territoryId }: EntitySet, id: string): RecordRef {
  return territoryId === undefined ? { id } : { territoryId, id };
}

function notAllowed(allow: string): ProtocolRefusalError {
  return new ProtocolRefusalError(405, 'METHOD_NOT_ALLOWED', `${allow}, please`, { allow });
}
