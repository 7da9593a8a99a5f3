/**
 * The territory API over OData: many records read by one filter, many written by one `$batch`, in whichever version. Where events
 * name records by another property than the key, reads go by that property and tell the keys on the way.
 */
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import { expandPath, keyLiteral } from '../address.ts';
import { judgeRequest, notAnAnswer } from '../classify.ts';
import { probeCollection, readCollections } from '../collection-api.ts';
import { assertSafe } from '../defect.ts';
import type { Transport } from '../destination.ts';
import { inParallel } from '../in-parallel.ts';
import { valuesOf } from '../message.ts';
import type { RecordAnswer, RecordRef, TerritoryApi, WriteAnswer, WriteRequest } from '../port.ts';
import { askedWaitMs } from '../asked-wait.ts';
import type { CheckedSettings, KeyType } from '../settings.ts';
import type { NoAnswer } from '../trouble.ts';
import { gatherWrites, groupWrites, PARALLEL_REQUESTS } from '../write-groups.ts';
import type { WriteGroup } from '../write-groups.ts';
import { createFieldTypes } from './field-types.ts';
import { KnownKeys } from './known-keys.ts';
import { makeItem, type ItemAddress } from './item.ts';
import type { FieldTypes } from './metadata.ts';
import { odataReads } from './reads.ts';
import { wholeOnly } from './transactions.ts';
import type { BatchItem, ODataVersion } from './version.ts';

/** The API over OData in this version. */
export function createODataApi(
  settings: CheckedSettings,
  version: ODataVersion,
  { transport, clock, log }: { readonly transport: Transport; readonly clock: Clock; readonly log: Log },
): TerritoryApi {
  const { key, keyType, lookup, path: template, serviceRoot } = settings;
  const context = { transport, log, now: () => clock.now() };
  const property = lookup ?? key;
  /** Type of what events call records by. */
  const nameType: KeyType = lookup === undefined ? keyType : 'string';
  const fieldTypes = createFieldTypes(settings, context);
  const knownKeys = new KnownKeys();
  let lastTerritory: string | undefined;

  const readsWith = (types: FieldTypes) =>
    odataReads(version, {
      key,
      keyType,
      property,
      propertyType: nameType,
      types,
      ...(lookup !== undefined && { onKey: (path, name, id) => knownKeys.learn(path, name, id) }),
    });

  const readTarget = ({ territoryId, id }: RecordRef) => {
    const path = expandPath(template, territoryId);
    const name = keyLiteral(nameType, id);
    if (path === undefined || name === undefined) return undefined;
    return { path, name: name.canonical, address: version.literalOf(nameType, name) };
  };

  const read: TerritoryApi['read'] = async (request, signal) => {
    const territoryId = request.records[0]?.territoryId;
    lastTerritory = territoryId ?? lastTerritory;
    const types = await typesFor(request.fields.length > 0 ? territoryId : undefined, signal);
    if (types.kind === 'trouble') return { kind: 'trouble', trouble: types.trouble };
    return readCollections(context, settings, readsWith(types.types), readTarget, request, signal);
  };

  const typesFor = async (territoryId: string | undefined, signal: AbortSignal) => {
    const root = territoryId === undefined ? undefined : expandPath(serviceRoot, territoryId);
    if (root === undefined) return { kind: 'types', types: new Map() as FieldTypes } as const;
    return fieldTypes.get(root, signal);
  };

  /** Batches go to the service root, so several collections share one unless the root itself names the territory. */
  const writeTarget = (request: WriteRequest) => {
    const path = expandPath(template, request.territoryId);
    const root = expandPath(serviceRoot, request.territoryId);
    const name = keyLiteral(nameType, request.id);
    if (path === undefined || root === undefined || name === undefined) return undefined;
    const collection = path.slice(root === '/' ? 1 : root.length + 1);
    const id = lookup === undefined ? request.id : knownKeys.of(path, name.canonical);
    const literal = id === undefined ? undefined : keyLiteral(keyType, id);
    const address: ItemAddress = {
      root,
      collection,
      identity: { name: property, value: name.value },
      ...(literal !== undefined && { literal: version.literalOf(keyType, literal) }),
    };
    return {
      path: root === '/' ? '/$batch' : `${root}/$batch`,
      name: JSON.stringify([collection, name.canonical]),
      address,
    };
  };

  /**
   * Learns the keys that writes need. Before a create too: an API that gives keys itself would take a repeated one for another
   * record. Undefined where all is known.
   */
  async function lookUp(
    requests: readonly WriteRequest[],
    signal: AbortSignal,
  ): Promise<NoAnswer | undefined> {
    if (lookup === undefined) return undefined;
    const records = requests.filter((request) => {
      const target = readTarget(request);
      return (
        target && (request.operation === 'create' || knownKeys.of(target.path, target.name) === undefined)
      );
    });
    for (const request of records) forget(request);
    if (records.length === 0) return undefined;
    const reads = readsWith(new Map());
    const wanted = { records, fields: [], pastCache: true };
    const answer = await readCollections(context, settings, reads, readTarget, wanted, signal);
    return answer.kind === 'trouble' ? { ...answer, sent: false } : undefined;
  }

  const forget = (ref: RecordRef) => {
    const target = readTarget(ref);
    if (target) knownKeys.forget(target.path, target.name);
  };

  async function writeBatch(
    group: WriteGroup<ItemAddress>,
    types: FieldTypes,
    signal: AbortSignal,
  ): Promise<WriteAnswer> {
    const made = wholeOnly(
      group.members.map(({ request }) => request),
      group.members.map(({ request, address }) => makeItem(version, request, address, types, lookup)),
    );
    const items = made.filter((item): item is BatchItem => !('kind' in item));
    const answer: WriteAnswer =
      items.length === 0 ? { kind: 'answered', records: [] } : await sendBatch(group.path, items, signal);
    if (answer.kind !== 'answered') return answer;
    const sent = answer.records.values();
    const records = made.map((item): RecordAnswer => {
      if ('kind' in item) return item;
      const record = sent.next().value ?? { kind: 'missing' };
      if (record.kind === 'refused' && record.status === 404) forget(item.request);
      return record;
    });
    return { ...answer, records };
  }

  async function sendBatch(
    path: string,
    items: readonly BatchItem[],
    signal: AbortSignal,
  ): Promise<WriteAnswer> {
    const { headers, body } = version.batchOf(items);
    const csrfPath = path.slice(0, -'$batch'.length);
    const answer = await transport.send(
      { method: 'POST', path, csrfPath, headers, body, records: items.length },
      signal,
    );
    if (answer.kind === 'trouble') return answer;
    const isSuccess = answer.status >= 200 && answer.status < 300;
    const batch = isSuccess ? version.readBatch(items, answer) : undefined;
    if (batch === undefined) {
      const verdict = judgeRequest(answer, clock.now(), () => valuesOf(items.map(({ request }) => request)));
      if (verdict.kind === 'trouble') return verdict;
      if (verdict.kind === 'json')
        return notAnAnswer(answer.status, 'a batch answer without responses', 'sent');
      const { error: _, ...refusal } = verdict;
      return refusal;
    }
    if (batch.ignored > 0) {
      log.warn('the API answered a batch with responses to nothing sent, or twice', {
        ignored: batch.ignored,
      });
    }
    const retryAfterMs = askedWaitMs(answer, clock.now());
    return { kind: 'answered', records: batch.records, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  }

  return {
    read,
    async write(requests, signal) {
      assertSafe(requests);
      const types = await typesFor(requests[0]?.territoryId, signal);
      if (types.kind === 'trouble') return { ...types, sent: false };
      const trouble = await lookUp(requests, signal);
      if (trouble !== undefined) return trouble;
      const { groups, unsent } = groupWrites(requests, writeTarget);
      const answers = await inParallel(groups, PARALLEL_REQUESTS, async (group) => ({
        group,
        answer: await writeBatch(group, types.types, signal),
      }));
      return gatherWrites(requests.length, answers, unsent);
    },
    probe(signal) {
      const address = version.literalOf(nameType, PROBE_KEYS[nameType]);
      const target = { name: PROBE_KEYS[nameType].canonical, address };
      return probeCollection(context, settings, readsWith(new Map()), target, lastTerritory, signal);
    },
  };
}

/** Keys that need not exist, for the probe. */
const PROBE_KEYS = {
  string: literalOf('string', 'territory-sync-probe'),
  guid: literalOf('guid', '00000000-0000-0000-0000-000000000000'),
  int: literalOf('int', '0'),
} as const;

function literalOf(type: KeyType, id: string) {
  const literal = keyLiteral(type, id);
  if (literal === undefined) throw new RangeError(`${id} is no ${type}`);
  return literal;
}
