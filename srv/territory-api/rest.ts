/**
 * Protocol `rest`: one GET for many records, one PATCH for many records with an answer for each.
 * An id is percent-encoded by itself, its commas too, and ids are joined by literal commas; so a comma in an id separates nothing.
 */
import type { Log } from '../platform/log.ts';
import type { Clock } from '../platform/clock.ts';
import { expandPath } from './address.ts';
import { asObject, readApiError } from './api-error.ts';
import { askedWaitMs } from './asked-wait.ts';
import { classifyRecord, isIdempotency, judgeRequest, notAnAnswer, readEtag } from './classify.ts';
import type { RefusedWhole } from './classify.ts';
import { probeCollection, readCollections } from './collection-api.ts';
import type { ParsedPage, ReadDialect } from './collection-read.ts';
import { assertSafe } from './defect.ts';
import type { Transport, TransportRequest } from './destination.ts';
import { bulkKey, idempotencyHeader } from './idempotency.ts';
import { inParallel } from './in-parallel.ts';
import { fieldValues, valuesOf } from './message.ts';
import type { RecordAnswer, RecordRef, TerritoryApi, WriteAnswer, WriteRequest } from './port.ts';
import { pickFields } from './read-groups.ts';
import type { CheckedSettings } from './settings.ts';
import { queryText } from './url-chunks.ts';
import { gatherWrites, groupWrites, PARALLEL_REQUESTS } from './write-groups.ts';
import type { WriteGroup } from './write-groups.ts';

/** The API over protocol `rest`. */
export function createRestApi(
  settings: CheckedSettings,
  { transport, clock, log }: { readonly transport: Transport; readonly clock: Clock; readonly log: Log },
): TerritoryApi {
  const context = { transport, log, now: () => clock.now() };
  let lastTerritory: string | undefined;

  const targetOf = ({ territoryId, id }: RecordRef) => {
    const path = expandPath(settings.path, territoryId);
    return path === undefined || !id.isWellFormed() ? undefined : { path, name: id, address: id };
  };

  async function writeGroup(group: WriteGroup<string>, signal: AbortSignal): Promise<WriteAnswer> {
    const requests = group.members.map(({ request }) => request);
    const answer = await transport.send(bulkRequest(group.path, requests), signal);
    if (answer.kind === 'trouble') return answer;
    const verdict = judgeRequest(answer, clock.now(), () => valuesOf(requests));
    if (verdict.kind === 'trouble') return verdict;
    if (verdict.kind === 'refused-whole') return judgeRefusal(verdict, requests);
    const results = asObject(verdict.body)?.['results'];
    if (!Array.isArray(results)) return notAnAnswer(answer.status, 'a bulk answer without results', 'sent');
    const { records, ignored } = readResults(results, requests);
    if (ignored > 0) log.warn('the API answered a write with records not sent, or twice', { ignored });
    const retryAfterMs = askedWaitMs(answer, clock.now());
    return { kind: 'answered', records, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }

  return {
    read(request, signal) {
      lastTerritory = request.records[0]?.territoryId ?? lastTerritory;
      return readCollections(context, settings, REST_READS, targetOf, request, signal);
    },
    async write(requests, signal) {
      assertSafe(requests);
      const { groups, unsent } = groupWrites(requests, targetOf);
      const answers = await inParallel(groups, PARALLEL_REQUESTS, async (group) => ({
        group,
        answer: await writeGroup(group, signal),
      }));
      return gatherWrites(requests.length, answers, unsent);
    },
    probe(signal) {
      const target = { name: PROBE_ID, address: PROBE_ID };
      return probeCollection(context, settings, REST_READS, target, lastTerritory, signal);
    },
  };
}

const PROBE_ID = 'territory-sync-probe';

const REST_READS: ReadDialect<string> = {
  separator: ',',
  textOf: ({ address }) => queryText(address),
  url(path, targets, fields, selection) {
    const ids = targets.map(({ address }) => queryText(address)).join(',');
    if (selection === 'all') return `${path}?ids=${ids}`;
    const names = [...new Set(['id', 'etag', ...fields])].map(encodeURIComponent).join(',');
    return `${path}?ids=${ids}&fields=${names}`;
  },
  parse(body, fields): ParsedPage | undefined {
    const list = asObject(body)?.['value'];
    if (!Array.isArray(list)) return undefined;
    const records = list.map((entry) => {
      const record = asObject(entry);
      const id = idOf(record?.['id']);
      const etag = readEtag(record?.['etag']);
      return record === undefined || id === undefined || etag === undefined
        ? undefined
        : { name: id, state: { found: true, etag, fields: pickFields(record, fields) } as const };
    });
    return records.includes(undefined)
      ? undefined
      : { records: records.filter((record) => record !== undefined), more: false };
  },
};

/** The bulk PATCH. A single record's ETag goes into the header as well; one header cannot carry those of many. */
function bulkRequest(path: string, requests: readonly WriteRequest[]): TransportRequest {
  const only = requests.length === 1 ? requests[0]?.ifMatch : undefined;
  return {
    method: 'PATCH',
    path,
    headers: {
      'content-type': 'application/json',
      'idempotency-key': idempotencyHeader(bulkKey(requests.map(({ idempotencyKey }) => idempotencyKey))),
      // An ETag that no header can hold stays in the body, where it stands anyway.
      ...(only !== undefined && /^[\x21-\x7e][\x20-\x7e]*$/.test(only) && { 'if-match': only }),
    },
    body: JSON.stringify({
      assignments: requests.map(({ id, operation, ifMatch, idempotencyKey, fields }) => ({
        id,
        operation,
        ifMatch,
        idempotencyKey,
        fields,
      })),
    }),
    records: requests.length,
  };
}

/** Results by id: the first for an id counts, one that was not sent is ignored, a record without one is `missing`. */
function readResults(
  results: readonly unknown[],
  requests: readonly WriteRequest[],
): { readonly records: readonly RecordAnswer[]; readonly ignored: number } {
  const byId = new Map<string, Readonly<Record<string, unknown>>>();
  const sent = new Set(requests.map(({ id }) => id));
  let ignored = 0;
  for (const entry of results) {
    const result = asObject(entry);
    const id = idOf(result?.['id']);
    if (result === undefined || id === undefined || !sent.has(id) || byId.has(id)) ignored += 1;
    else byId.set(id, result);
  }
  const records = requests.map(({ id, fields }): RecordAnswer => {
    const result = byId.get(id);
    if (result === undefined) return { kind: 'missing' };
    return classifyRecord(result['status'], readApiError(result['error']), result['etag'], () =>
      fieldValues(fields),
    );
  });
  return { records, ignored };
}

/**
 * A refusal of the request as a whole. That of a single record's condition (its ETag is in the header) is that record's answer;
 * a bulk request still running says so of each of its records.
 */
function judgeRefusal(verdict: RefusedWhole, requests: readonly WriteRequest[]): WriteAnswer {
  const { error, ...refusal } = verdict;
  const running = verdict.status === 409 && isIdempotency(error);
  if (running) return { kind: 'answered', records: requests.map(() => ({ kind: 'running', status: 409 })) };
  const [only, ...others] = requests;
  const ofCondition =
    [409, 412, 423, 428].includes(verdict.status) || (verdict.status === 422 && isIdempotency(error));
  if (only === undefined || others.length > 0 || !ofCondition) return refusal;
  const answer = classifyRecord(verdict.status, error, undefined, () => fieldValues(only.fields));
  return { kind: 'answered', records: [answer] };
}

function idOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : undefined;
}
