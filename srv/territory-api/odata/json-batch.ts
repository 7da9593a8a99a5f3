/**
 * The JSON `$batch` of OData 4.01 (JSON format, 19): one request per record, one response per request, matched by id; the
 * requests of a transaction are one atomicity group.
 */
import { asObject, readApiError } from '../api-error.ts';
import { classifyRecord } from '../classify.ts';
import { idempotencyHeader } from '../idempotency.ts';
import { fieldValues } from '../message.ts';
import type { RecordAnswer, WriteRequest } from '../port.ts';
import { itemUnits, judgeTransactions } from './transactions.ts';
import type { BatchItem, BatchReading } from './version.ts';

/** The body of `POST {service root}/$batch`. Request ids are the items' positions. */
export function buildBatch(items: readonly BatchItem[]): string {
  const groups = new Map<number, string>();
  for (const [number, unit] of itemUnits(items).entries()) {
    for (const index of unit) {
      if (items[index]?.request.transaction !== undefined) groups.set(index, `g${number}`);
    }
  }
  return JSON.stringify({
    requests: items.map((item, index) => batchRequest(item, index, groups.get(index))),
  });
}

/**
 * The answers in the items' order; `ignored` counts responses that belong to no item or come twice.
 * Undefined where the body is no batch response.
 */
export function readBatch(items: readonly BatchItem[], body: unknown): BatchReading | undefined {
  const responses = asObject(body)?.['responses'];
  if (!Array.isArray(responses)) return undefined;
  const byId = new Map<string, Readonly<Record<string, unknown>>>();
  let ignored = 0;
  for (const entry of responses) {
    const response = asObject(entry);
    const id = idOf(response?.['id']);
    if (response === undefined || !/^\d{1,6}$/.test(id) || Number(id) >= items.length || byId.has(id))
      ignored += 1;
    else byId.set(id, response);
  }
  const single = items.map(({ request }, index) => readResponse(byId.get(String(index)), request));
  return { records: judgeTransactions(items, single), ignored };
}

/** A structure is no id: to make text of one that is deep enough would end the process. */
function idOf(id: unknown): string {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : '';
}

function batchRequest(
  { request, collection, entity, body, exactNumbers }: BatchItem,
  index: number,
  atomicityGroup: string | undefined,
) {
  const { operation, ifMatch, idempotencyKey } = request;
  const headers = {
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    'idempotency-key': idempotencyHeader(idempotencyKey),
  };
  const type = exactNumbers ? 'application/json;IEEE754Compatible=true' : 'application/json';
  const withBody = { ...headers, 'content-type': type };
  const base = { id: String(index), ...(atomicityGroup !== undefined && { atomicityGroup }) };
  switch (operation) {
    case 'update':
      return { ...base, method: 'PATCH', url: entity, headers: withBody, body };
    case 'create':
      return {
        ...base,
        method: 'POST',
        url: collection,
        headers: withBody,
        body,
      };
    case 'delete':
      return { ...base, method: 'DELETE', url: entity, headers };
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
