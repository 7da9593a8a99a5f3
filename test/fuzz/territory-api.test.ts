/** What the territory API answers, in every protocol: a record's end, or trouble; never a crash, and never a record too few. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HttpAnswer, Transport } from '../../srv/territory-api/destination.ts';
import { createODataApi } from '../../srv/territory-api/odata/api.ts';
import { V2 } from '../../srv/territory-api/odata/v2.ts';
import { V4 } from '../../srv/territory-api/odata/v4.ts';
import type { TerritoryApi } from '../../srv/territory-api/port.ts';
import { judgeFreshness } from '../../srv/territory-api/proof.ts';
import { createRestApi } from '../../srv/territory-api/rest.ts';
import { parseRetryAfter } from '../../srv/platform/retry-after.ts';
import { createSalesCloudApi } from '../../srv/territory-api/sales-cloud.ts';
import { checkSettings, type TerritoryProtocol } from '../../srv/territory-api/settings.ts';
import { ManualClock } from '../doubles/manual-clock.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { create, NEVER, ref, update } from '../unit/territory-api/api-under-test.ts';
import { fuzz } from './fuzz.ts';
import { wrongJson, wrongText } from './mutations.ts';

interface Protocol {
  readonly name: TerritoryProtocol;
  readonly make: typeof createRestApi;
  /** Bodies of right answers to the read and the write below. */
  readonly bodies: readonly unknown[];
  /** Those that are no JSON. */
  readonly texts?: readonly string[];
}

const CHANGESETS = ['204 No Content', '412 Precondition Failed', '201 Created']
  .map(
    (status, index) =>
      `--b1\r\nContent-Type: multipart/mixed; boundary=c${index}\r\n\r\n--c${index}\r\nContent-Type: application/http\r\nContent-ID: ${index + 1}\r\n\r\n` +
      `HTTP/1.1 ${status}\r\nETag: W/"datetimeoffset'2026-11-22T10:00:00Z'"\r\nContent-Length: 2\r\n\r\n{}\r\n--c${index}--\r\n`,
  )
  .join('');

const PROTOCOLS: readonly Protocol[] = [
  {
    name: 'rest',
    make: createRestApi,
    bodies: [
      {
        value: [
          { id: 'T001', etag: 'W/"1"', owner: 'E1001' },
          { id: 'T002', etag: '"2"', owner: null },
        ],
      },
      {
        results: [
          { id: 'T001', status: 200, etag: 'W/"2"' },
          { id: 'T002', status: 412, error: { code: 'X', message: 'changed' } },
          { id: 'T003', status: 201, etag: '"1"' },
        ],
      },
    ],
  },
  {
    name: 'odata-v4',
    make: (settings, deps) => createODataApi(settings, V4, deps),
    bodies: [
      {
        '@odata.context': '$metadata#assignments',
        value: [
          { '@odata.etag': 'W/"1"', id: 'T001', owner: 'E1001' },
          { '@odata.etag': '"2"', id: 'T002' },
        ],
        '@odata.nextLink': 'assignments?$skiptoken=2',
      },
      {
        responses: [
          { id: '0', status: 200, headers: { etag: 'W/"2"' }, body: { id: 'T001' } },
          { id: '1', status: 412, body: { error: { code: '412', message: { value: 'changed' } } } },
          { id: '2', status: 201, headers: { ETag: '"1"' } },
        ],
      },
    ],
  },
  {
    name: 'odata-v2',
    make: (settings, deps) => createODataApi(settings, V2, deps),
    bodies: [
      {
        d: {
          results: [
            { __metadata: { etag: 'W/"1"' }, id: 'T001', owner: 'E1001', validFrom: '/Date(1763769600000)/' },
            { __metadata: { etag: '"2"' }, id: 'T002' },
          ],
          __next: 'assignments?$skiptoken=2',
        },
      },
    ],
    texts: [`${CHANGESETS}--b1--`],
  },
  {
    name: 'sales-cloud',
    make: createSalesCloudApi,
    bodies: [{ value: { id: 'T001', owner: 'E1001' } }, { error: { code: '412', message: 'changed' } }],
  },
];

const ERRORS = [
  { error: { code: 'X', message: 'no', details: [{ code: 'Y', message: 'why' }] } },
  { type: 'about:blank', title: 'No', status: 422, detail: 'no', code: 'Z' },
];
const retryAfter = wrongText(
  fc.constantFrom(
    '120',
    '0',
    'Sun, 22 Nov 2026 10:00:00 GMT',
    'Sunday, 22-Nov-26 10:00:00 GMT',
    'Sun Nov 22 10:00:00 2026',
  ),
);
const headers = fc.record(
  {
    'content-type': wrongText(
      fc.constantFrom(
        'application/json',
        'application/problem+json',
        'text/html',
        'multipart/mixed; boundary=b1',
      ),
    ),
    'retry-after': retryAfter,
    etag: wrongText(fc.constantFrom('W/"1"', '"1"', '*')),
    'x-cache-status': wrongText(fc.constantFrom('MISS', 'HIT, MISS')),
  },
  { requiredKeys: ['content-type'] },
) as fc.Arbitrary<Record<string, string>>;
const status = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(200, 202, 207) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 599 }) },
);

function answers({ bodies, texts = [] }: Protocol): fc.Arbitrary<HttpAnswer> {
  const text = fc.oneof(
    { weight: 4, arbitrary: wrongJson(fc.constantFrom(...bodies)) },
    ...(texts.length > 0 ? [{ weight: 4, arbitrary: wrongText(fc.constantFrom(...texts)) }] : []),
    { weight: 1, arbitrary: wrongJson(fc.constantFrom<unknown>(...ERRORS)) },
    {
      weight: 1,
      arbitrary: wrongText(
        fc.constantFrom(
          '',
          '<html>login</html>',
          '--b1\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n--b1--',
        ),
      ),
    },
  );
  const kind = fc.constant('answer' as const);
  return fc.record({ kind, status, headers, text, ms: fc.constant(1) });
}

/** Answers the same to everything. */
function apiOn({ name, make }: Protocol, answer: HttpAnswer): TerritoryApi {
  const transport: Transport = { send: () => Promise.resolve(answer) };
  const settings = checkSettings({
    destination: 'X',
    protocol: name,
    key: 'id',
    keyType: 'string',
    timeoutMs: 5_000,
    freshValues: ['MISS'],
    propagationOff: false,
  });
  return make(settings, { transport, clock: new ManualClock(), log: createRecordingLog() });
}

const WRITES = [update('T001'), update('T002'), create('T003')];

describe.each(PROTOCOLS)('$name', (protocol) => {
  test('a read gives each record, or trouble', () =>
    fuzz(answers(protocol), async (answer) => {
      const read = await apiOn(protocol, answer).read(
        { records: [ref('T001'), ref('T002')], fields: ['owner'], pastCache: false },
        NEVER,
      );
      if (read.kind === 'trouble') return;
      expect(read.records).toHaveLength(2);
      for (const record of read.records) if (record.found) expect(record.etag).toMatch(/^\P{Cc}+$/u);
    }));

  test('a write ends each record, or leaves it in doubt, or is trouble', () =>
    fuzz(answers(protocol), async (answer) => {
      const written = await apiOn(protocol, answer).write(WRITES, NEVER);
      if (written.kind === 'answered') expect(written.records).toHaveLength(WRITES.length);
    }));

  test('a probe is well or trouble', () =>
    fuzz(answers(protocol), (answer) => apiOn(protocol, answer).probe(NEVER)));
});

test('Retry-After is a bounded wait, or none', () =>
  fuzz(fc.oneof(retryAfter, fc.string({ unit: 'binary' })), (text) => {
    const waitMs = parseRetryAfter(text, Date.UTC(2026, 10, 22), 60_000);
    if (waitMs === undefined) return;
    expect(waitMs).toBeGreaterThanOrEqual(0);
    expect(waitMs).toBeLessThanOrEqual(60_000);
  }));

test('X-Cache-Status proves freshness, or does not', () =>
  fuzz(
    fc.array(fc.option(wrongText(fc.constantFrom('MISS', 'HIT, MISS', 'miss')), { nil: undefined })),
    (values) =>
      expect(typeof judgeFreshness(values, { freshValues: ['MISS'], propagationOff: false }).proof).toBe(
        'boolean',
      ),
  ));
