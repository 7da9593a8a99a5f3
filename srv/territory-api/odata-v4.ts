/** Protocol `odata-v4`: many records read by `$filter=id in (…)`, many written by one JSON `$batch`. */
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { canonicalKey, expandPath, keyLiteral } from './address.ts';
import type { KeyLiteral } from './address.ts';
import { asObject } from './api-error.ts';
import { judgeRequest, notAnAnswer, readEtag } from './classify.ts';
import { probeCollection, readCollections } from './collection-api.ts';
import type { ParsedPage, ReadDialect } from './collection-read.ts';
import { assertSafe } from './defect.ts';
import type { Transport } from './destination.ts';
import { inParallel } from './in-parallel.ts';
import { valuesOf } from './message.ts';
import { buildBatch, readBatch } from './odata-batch.ts';
import type { BatchItem } from './odata-batch.ts';
import type { RecordRef, TerritoryApi, WriteAnswer, WriteRequest } from './port.ts';
import { pickFields } from './read-groups.ts';
import { parseRetryAfter } from './retry-after.ts';
import type { CheckedSettings, KeyType } from './settings.ts';
import { queryText } from './url-chunks.ts';
import { gatherWrites, groupWrites, PARALLEL_REQUESTS } from './write-groups.ts';
import type { WriteGroup } from './write-groups.ts';

/** Where a record is written: its collection relative to the service root, and its key. */
interface WriteAddress {
  readonly collection: string;
  readonly key: KeyLiteral;
}

/** The API over protocol `odata-v4`. */
export function createODataV4Api(
  settings: CheckedSettings,
  { transport, clock, log }: { readonly transport: Transport; readonly clock: Clock; readonly log: Log },
): TerritoryApi {
  const { key, keyType, path: template, serviceRoot } = settings;
  const context = { transport, log, now: () => clock.now() };
  const reads = odataReads(key, keyType);
  let lastTerritory: string | undefined;

  const readTarget = ({ territoryId, id }: RecordRef) => {
    const path = expandPath(template, territoryId);
    const literal = keyLiteral(keyType, id);
    if (path === undefined || literal === undefined) return undefined;
    return { path, name: literal.canonical, address: literal };
  };

  /** Batches go to the service root, so several collections share one unless the root itself names the territory. */
  const writeTarget = ({ territoryId, id }: WriteRequest) => {
    const path = expandPath(template, territoryId);
    const root = expandPath(serviceRoot, territoryId);
    const literal = keyLiteral(keyType, id);
    if (path === undefined || root === undefined || literal === undefined) return undefined;
    const collection = path.slice(root === '/' ? 1 : root.length + 1);
    return {
      path: root === '/' ? '/$batch' : `${root}/$batch`,
      name: JSON.stringify([collection, literal.canonical]),
      address: { collection, key: literal },
    };
  };

  async function writeBatch(group: WriteGroup<WriteAddress>, signal: AbortSignal): Promise<WriteAnswer> {
    const items = group.members.map(({ request, address }): BatchItem => ({
      request,
      collection: address.collection,
      literal: address.key.literal,
      key: { name: key, value: address.key.value },
    }));
    const answer = await transport.send(
      {
        method: 'POST',
        path: group.path,
        // Otherwise the first conflict may end the batch: the records behind it would get no answer.
        headers: { 'content-type': 'application/json', prefer: 'odata.continue-on-error' },
        body: buildBatch(items),
        records: items.length,
      },
      signal,
    );
    if (answer.kind === 'trouble') return answer;
    const verdict = judgeRequest(answer, clock.now(), () => valuesOf(items.map(({ request }) => request)));
    if (verdict.kind === 'trouble') return verdict;
    if (verdict.kind === 'refused-whole') {
      const { error: _, ...refusal } = verdict;
      return refusal;
    }
    const batch = readBatch(items, verdict.body);
    if (batch === undefined) return notAnAnswer(answer.status, 'a batch answer without responses', 'sent');
    if (batch.ignored > 0) {
      log.warn('the API answered a batch with responses to nothing sent, or twice', {
        ignored: batch.ignored,
      });
    }
    const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], clock.now());
    return { kind: 'answered', records: batch.records, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }

  return {
    read(request, signal) {
      lastTerritory = request.records[0]?.territoryId ?? lastTerritory;
      return readCollections(context, settings, reads, readTarget, request, signal);
    },
    async write(requests, signal) {
      assertSafe(requests);
      const { groups, refused } = groupWrites(requests, writeTarget);
      const answers = await inParallel(groups, PARALLEL_REQUESTS, async (group) => ({
        group,
        answer: await writeBatch(group, signal),
      }));
      return gatherWrites(requests.length, answers, refused);
    },
    probe(signal) {
      const probe = PROBE_KEYS[keyType];
      return probeCollection(
        context,
        settings,
        reads,
        { name: probe.canonical, address: probe },
        lastTerritory,
        signal,
      );
    },
  };
}

/** Keys that need not exist, for the probe. */
const PROBE_KEYS: Readonly<Record<KeyType, KeyLiteral>> = {
  string: literalOf('string', 'territory-sync-probe'),
  guid: literalOf('guid', '00000000-0000-0000-0000-000000000000'),
  int: literalOf('int', '0'),
};

function odataReads(key: string, keyType: KeyType): ReadDialect<KeyLiteral> {
  return {
    separator: queryText(','),
    textOf: ({ address }) => queryText(address.literal),
    url(path, targets, fields, selection) {
      const keys = targets.map(({ address }) => address.literal).join(',');
      const filter = `$filter=${queryText(`${key} in (${keys})`)}`;
      if (selection === 'all') return `${path}?${filter}`;
      return `${path}?${filter}&$select=${[...new Set([key, ...fields])].map(encodeURIComponent).join(',')}`;
    },
    parse(body, fields): ParsedPage | undefined {
      const page = asObject(body);
      const list = page?.['value'];
      if (page === undefined || !Array.isArray(list)) return undefined;
      const records = list.map((entry) => {
        const record = asObject(entry);
        const name = canonicalKey(keyType, record?.[key]);
        const etag = readEtag(record?.['@odata.etag'] ?? record?.['@etag']);
        return record === undefined || name === undefined || etag === undefined
          ? undefined
          : { name, state: { found: true, etag, fields: pickFields(record, fields) } as const };
      });
      if (records.includes(undefined)) return undefined;
      const more = page['@odata.nextLink'] !== undefined || page['@nextLink'] !== undefined;
      return { records: records.filter((record) => record !== undefined), more };
    },
  };
}

function literalOf(type: KeyType, id: string): KeyLiteral {
  const literal = keyLiteral(type, id);
  if (literal === undefined) throw new RangeError(`${id} is no ${type}`);
  return literal;
}
