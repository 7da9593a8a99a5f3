/**
 * The JSON `$batch` of OData 4.01 (JSON format, 19): one request per record, one response per request, matched by id.
 * A failed atomicity group is a failed group whatever its members say: servers report 200 with a new ETag for members
 * that were rolled back (SAP CAP does, and the standard allows it).
 */
import { asObject, readApiError } from './api-error.ts';
import { classifyRecord } from './classify.ts';
import { idempotencyHeader } from './idempotency.ts';
import { fieldValues } from './message.ts';
import type { RecordAnswer, WriteRequest } from './port.ts';

/** One record's request in a batch. */
export interface BatchItem {
  readonly request: WriteRequest;
  /** Collection relative to the service root, percent-encoded, for example `assignments`. */
  readonly collection: string;
  /** Key as an OData literal, not yet percent-encoded. */
  readonly literal: string;
  /** The key property and its value, for the body of a create. */
  readonly key: { readonly name: string; readonly value: string | number };
  /** Items of one group are one transaction; without one each stands for itself. */
  readonly atomicityGroup?: string;
}

/** The body of `POST {service root}/$batch`. Request ids are the items' positions. */
export function buildBatch(items: readonly BatchItem[]): string {
  return JSON.stringify({ requests: items.map(batchRequest) });
}

/**
 * The answers in the items' order; `ignored` counts responses that belong to no item or come twice.
 * Undefined where the body is no batch response.
 */
export function readBatch(
  items: readonly BatchItem[],
  body: unknown,
): { readonly records: readonly RecordAnswer[]; readonly ignored: number } | undefined {
  const responses = asObject(body)?.['responses'];
  if (!Array.isArray(responses)) return undefined;
  const byId = new Map<string, Readonly<Record<string, unknown>>>();
  let ignored = 0;
  for (const entry of responses) {
    const response = asObject(entry);
    const id = String(response?.['id']);
    if (response === undefined || !/^\d{1,6}$/.test(id) || Number(id) >= items.length || byId.has(id))
      ignored += 1;
    else byId.set(id, response);
  }
  const single = items.map(({ request }, index) => readResponse(byId.get(String(index)), request));
  return { records: judgeGroups(items, single), ignored };
}

function batchRequest({ request, collection, literal, key, atomicityGroup }: BatchItem, index: number) {
  const { operation, ifMatch, idempotencyKey, fields } = request;
  const one = `${collection}(${encodeURIComponent(literal)})`;
  const headers = {
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    'idempotency-key': idempotencyHeader(idempotencyKey),
  };
  const withBody = { ...headers, 'content-type': 'application/json' };
  const base = { id: String(index), ...(atomicityGroup !== undefined && { atomicityGroup }) };
  switch (operation) {
    case 'update':
      return { ...base, method: 'PATCH', url: one, headers: withBody, body: fields };
    case 'create':
      return {
        ...base,
        method: 'POST',
        url: collection,
        headers: withBody,
        body: { ...fields, [key.name]: key.value },
      };
    case 'delete':
      return { ...base, method: 'DELETE', url: one, headers };
  }
}

function readResponse(
  response: Readonly<Record<string, unknown>> | undefined,
  { fields }: WriteRequest,
): RecordAnswer {
  if (response === undefined) return { kind: 'missing' };
  const body = asObject(response['body']);
  const headers = Object.entries(asObject(response['headers']) ?? {});
  const header = headers.find(([name]) => name.toLowerCase() === 'etag')?.[1];
  const etag = header ?? body?.['@odata.etag'] ?? body?.['@etag'];
  return classifyRecord(response['status'], readApiError(response['body']), etag, () => fieldValues(fields));
}

/**
 * Members of a group in which one failed did not happen (424, as the standard names it), unless a member's own fate is open:
 * then the whole group's is.
 */
function judgeGroups(items: readonly BatchItem[], single: readonly RecordAnswer[]): readonly RecordAnswer[] {
  const members = Map.groupBy(single.keys(), (index) => items[index]?.atomicityGroup);
  const records = [...single];
  for (const [group, indexes] of members) {
    if (group === undefined) continue;
    const kinds = new Set(indexes.map((index) => single[index]?.kind));
    if (kinds.size === 1 && kinds.has('done')) continue;
    const open = kinds.has('missing') || kinds.has('failed') || kinds.has('running');
    for (const index of indexes) {
      if (single[index]?.kind === 'done') records[index] = open ? { kind: 'missing' } : GROUP_FAILED;
    }
  }
  return records;
}

const GROUP_FAILED: RecordAnswer = {
  kind: 'refused',
  status: 424,
  code: 'ATOMICITY_GROUP_FAILED',
  message: 'another record of the same transaction failed, so this one was not written',
};
