/**
 * Protocol `sales-cloud` (SAP Sales Cloud V2): one request per record. A flight of many records therefore sends many requests, a few at
 * a time; each has its own time-out, answer and doubt, and none more is sent once the API is seen to be in trouble.
 */
import type { Log } from '../platform/log.ts';
import type { Clock } from '../platform/clock.ts';
import { expandPath, isPerTerritory, keyLiteral } from './address.ts';
import { judgeRequest } from './classify.ts';
import { assertSafe } from './defect.ts';
import type { HttpAnswer, Transport, TransportRequest } from './destination.ts';
import { idempotencyHeader } from './idempotency.ts';
import { inParallel } from './in-parallel.ts';
import { nestFields } from './nested-fields.ts';
import { judgeFreshness } from './proof.ts';
import type { ApiTrouble, ReadRequest, RecordRef, RecordState, TerritoryApi, WriteRequest } from './port.ts';
import { cacheHeader, refusedRead } from './read-groups.ts';
import { judgeRead, judgeWrite } from './sales-cloud-answers.ts';
import type { WriteJudgement } from './sales-cloud-answers.ts';
import type { CheckedSettings } from './settings.ts';
import { createStopRule } from './stop-rule.ts';
import type { NoAnswer } from './trouble.ts';
import { gatherWrites, groupWrites } from './write-groups.ts';
import type { GroupAnswer, WriteGroup } from './write-groups.ts';

/**
 * Requests of one flight under way at a time. With TERRITORY_CONCURRENCY flights over all instances, 4 by default, that makes 8: SAP
 * publishes no limit for V2; for C4C it names fewer than 10 threads a tenant (KBA 3577788).
 */
export const REQUESTS_PER_FLIGHT = 2;

/** Where a record stands, and its key as JSON holds it. */
interface Place {
  readonly collection: string;
  readonly path: string;
  readonly key: string | number;
}

/** The API over protocol `sales-cloud`. */
export function createSalesCloudApi(
  settings: CheckedSettings,
  { transport, clock, log }: { readonly transport: Transport; readonly clock: Clock; readonly log: Log },
): TerritoryApi {
  const { key: keyName, keyType, path: template } = settings;
  let lastTerritory: string | undefined;
  /** The collection has answered: a 404 is a record's, not the path's. */
  let collectionAnswers = isPerTerritory(template);

  const placeOf = (ref: RecordRef) => place(settings, ref);

  async function readOne(
    { path }: Place,
    { fields, pastCache }: ReadRequest,
    signal: AbortSignal,
  ): Promise<{ readonly state: RecordState; readonly cache: string | undefined } | NoAnswer> {
    const answer = await transport.send(
      {
        method: 'GET',
        path,
        headers: { ...PLAIN, ...(pastCache && { 'cache-control': 'no-cache' }) },
        records: 1,
      },
      signal,
    );
    if (answer.kind === 'trouble') return answer;
    const state = judgeRead(answer, fields, clock.now());
    return 'found' in state ? { state, cache: cacheHeader(answer) } : state;
  }

  /** Asks the collection, not a record. A territory that is unknown to the API is an answer of the API too. */
  async function probe(signal: AbortSignal): Promise<ApiTrouble | undefined> {
    const collection = expandPath(template, lastTerritory ?? NO_TERRITORY) ?? template;
    const answer = await transport.send({ method: 'GET', path: `${collection}?$top=1`, records: 0 }, signal);
    if (answer.kind === 'trouble') return answer.trouble;
    if (isUnknownTerritory(answer)) return undefined;
    const verdict = judgeRequest(answer, clock.now());
    if (verdict.kind === 'refused-whole') return refusedRead(verdict).trouble;
    if (verdict.kind === 'trouble') return verdict.trouble;
    collectionAnswers = true;
    return undefined;
  }

  const isUnknownTerritory = ({ status, headers }: HttpAnswer) =>
    status === 404 && isPerTerritory(template) && /\bjson\b/i.test(headers['content-type'] ?? '');

  async function writeOne(group: WriteGroup<Place>, signal: AbortSignal): Promise<WriteJudgement> {
    const [member] = group.members;
    if (member === undefined) throw new RangeError('a group without a member');
    const { request, address } = member;
    const answer = await transport.send(writeRequest(request, address, keyName), signal);
    if (answer.kind === 'trouble') return answer;
    return judgeWrite(answer, request, { name: keyName, type: keyType, value: address.key }, clock.now());
  }

  return {
    perRequest: 'one',

    async read(request, signal) {
      lastTerritory = request.records[0]?.territoryId ?? lastTerritory;
      const places = new Map<string, Place>();
      for (const ref of request.records) {
        const found = placeOf(ref);
        if (found !== undefined) places.set(found.path, found);
      }
      let trouble: NoAnswer | undefined;
      const states = new Map<string, RecordState>();
      const caches: (string | undefined)[] = [];
      await inParallel([...places.values()], REQUESTS_PER_FLIGHT, async (one) => {
        if (trouble !== undefined) return;
        const read = await readOne(one, request, signal);
        if ('kind' in read) {
          trouble ??= read;
          return;
        }
        states.set(one.path, read.state);
        caches.push(read.cache);
        collectionAnswers ||= read.state.found;
      });
      if (trouble !== undefined) return { kind: 'trouble', trouble: trouble.trouble };
      // Where nothing has ever been found, the path itself may be wrong.
      const wrongPath = states.size > 0 && !collectionAnswers ? await probe(signal) : undefined;
      if (wrongPath !== undefined) return { kind: 'trouble', trouble: wrongPath };
      const records = request.records.map((ref) => states.get(placeOf(ref)?.path ?? '') ?? NOT_FOUND);
      return { kind: 'read', records, ...judgeFreshness(caches, settings) };
    },

    async write(requests, signal) {
      assertSafe(requests);
      const { groups, unsent } = groupWrites(requests, (request) => {
        const found = placeOf(request);
        if (found === undefined || !isSendable(request)) return undefined;
        return { path: found.path, name: found.path, address: found };
      });
      const rule = createStopRule(clock, settings.timeoutMs);
      const judged = await inParallel(groups, REQUESTS_PER_FLIGHT, async (group) => {
        const reason = rule.stopped();
        if (reason !== undefined) return { group, judgement: reason };
        const judgement = await writeOne(group, signal);
        rule.note(judgement);
        return { group, judgement };
      });
      const left = judged.filter(({ judgement }) => judgement.kind === 'not-begun').length;
      if (left > 0) log.warn('records of a flight were not begun in time; lower BATCH_SIZE', { left });
      return gatherWrites(requests.length, answersOf(judged), unsent);
    },

    probe,
  };
}

type Judged = {
  readonly group: WriteGroup<Place>;
  readonly judgement: WriteJudgement | { readonly kind: 'not-begun' };
};

/** As `gatherWrites` takes them: a failure among successes is the record's own. */
function answersOf(judged: readonly Judged[]): readonly GroupAnswer<Place>[] {
  const othersSucceed = judged.some(
    ({ judgement }) => judgement.kind === 'judged' && judgement.record.kind === 'done',
  );
  return judged.map(({ group, judgement }): GroupAnswer<Place> => {
    switch (judgement.kind) {
      case 'judged': {
        const { record, retryAfterMs } = judgement;
        const wait = retryAfterMs !== undefined && { retryAfterMs };
        return { group, answer: { kind: 'answered', records: [record], ...wait } };
      }
      case 'not-begun':
        return { group, answer: { kind: 'answered', records: [] } };
      case 'refused-whole':
        return { group, answer: judgement };
      case 'trouble': {
        const { ifOthersSucceed, ...answer } = judgement;
        return othersSucceed && ifOthersSucceed !== undefined
          ? { group, answer: { kind: 'answered', records: [ifOthersSucceed] } }
          : { group, answer };
      }
    }
  });
}

/**
 * The ETag is in a header here, and what compresses an answer on the way weakens that ETag (nginx) or adds to it (Apache), so that no
 * `If-Match` would ever match again. One record is small anyway.
 */
const PLAIN = { 'accept-encoding': 'identity' } as const;
const NO_TERRITORY = 'territory-sync-probe';
const NOT_FOUND: RecordState = { found: false };

function place(
  { path: template, keyType }: CheckedSettings,
  { territoryId, id }: RecordRef,
): Place | undefined {
  const collection = expandPath(template, territoryId);
  const literal = keyLiteral(keyType, id);
  // URL parsers resolve these two away, however they are encoded.
  if (collection === undefined || literal === undefined || id === '.' || id === '..') return undefined;
  const path = `${collection}/${encodeURIComponent(String(literal.value))}`;
  return { collection, path, key: literal.value };
}

/** An ETag of another protocol may hold what no header can; dotted names may contradict each other. */
function isSendable({ ifMatch, fields }: WriteRequest): boolean {
  return (
    nestFields(fields) !== undefined && (ifMatch === undefined || /^[\t\x20-\x7e\x80-\xff]+$/.test(ifMatch))
  );
}

function writeRequest(request: WriteRequest, at: Place, keyName: string): TransportRequest {
  const { operation, ifMatch, fields, idempotencyKey } = request;
  const headers = {
    ...PLAIN,
    'idempotency-key': idempotencyHeader(idempotencyKey),
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
  };
  const nested = nestFields(fields);
  switch (operation) {
    case 'update':
      return {
        method: 'PATCH',
        path: at.path,
        headers: { ...headers, 'content-type': 'application/merge-patch+json' },
        body: JSON.stringify(nested),
        records: 1,
      };
    case 'create':
      return {
        method: 'POST',
        path: at.collection,
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ ...nested, [keyName]: at.key }),
        records: 1,
      };
    case 'delete':
      return { method: 'DELETE', path: at.path, headers, records: 1 };
  }
}
