/**
 * What else the territory API and its destination may bring: `$metadata`, values of every type, CSRF tokens, destinations; and answers as
 * large as are read at all, which must neither stop the process for long nor fill its memory.
 */
import http from 'node:http';
import { muteLoggers, unmuteLoggers } from '@sap-cloud-sdk/util';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { propertiesOf } from '../../srv/territory-api/destination-properties.ts';
import { createDestinationSource, DestinationError } from '../../srv/territory-api/destination-source.ts';
import type { HttpAnswer, Transport } from '../../srv/territory-api/destination.ts';
import { asksForToken, sessionFrom } from '../../srv/territory-api/csrf.ts';
import { createODataApi } from '../../srv/territory-api/odata/api.ts';
import { fieldTypesIn } from '../../srv/territory-api/odata/metadata.ts';
import { V2 } from '../../srv/territory-api/odata/v2.ts';
import { V4 } from '../../srv/territory-api/odata/v4.ts';
import type { TerritoryApi } from '../../srv/territory-api/port.ts';
import { createRestApi } from '../../srv/territory-api/rest.ts';
import { createSalesCloudApi } from '../../srv/territory-api/sales-cloud.ts';
import {
  checkSettings,
  TerritoryApiSettingsError,
  type FieldType,
  type TerritoryProtocol,
} from '../../srv/territory-api/settings.ts';
import { ManualClock } from '../doubles/manual-clock.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { create, NEVER, ref, update } from '../unit/territory-api/api-under-test.ts';
import { clearDestinations } from '../unit/territory-api/small-server.ts';
import { CASES, fuzz } from './fuzz.ts';
import { wrongJson, wrongText } from './mutations.ts';

const PROTOCOLS = ['rest', 'odata-v4', 'odata-v2', 'sales-cloud'] as const;

/** An API of this protocol whose every request gets the answer that `answerTo` makes. */
function apiOn(
  protocol: TerritoryProtocol,
  answerTo: (path: string) => HttpAnswer,
  fieldTypes?: Readonly<Record<string, FieldType>>,
): TerritoryApi {
  const transport: Transport = { send: ({ path }) => Promise.resolve(answerTo(path)) };
  const settings = checkSettings({
    destination: 'X',
    protocol,
    key: 'id',
    keyType: 'string',
    timeoutMs: 5_000,
    freshValues: ['MISS'],
    propagationOff: false,
    ...(fieldTypes && { fieldTypes }),
  });
  const parts = { transport, clock: new ManualClock(), log: createRecordingLog() };
  switch (protocol) {
    case 'rest':
      return createRestApi(settings, parts);
    case 'odata-v4':
      return createODataApi(settings, V4, parts);
    case 'odata-v2':
      return createODataApi(settings, V2, parts);
    case 'sales-cloud':
      return createSalesCloudApi(settings, parts);
  }
}

const answerOf = (
  text: string,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): HttpAnswer => ({
  kind: 'answer',
  status,
  headers: { 'content-type': 'application/json', ...headers },
  text,
  ms: 1,
});

const METADATA = [
  `<?xml version="1.0"?><edmx:Edmx Version="4.0"><edmx:DataServices><Schema Namespace="svc">
<EntityContainer Name="C"><EntitySet Name="assignments" EntityType="svc.Assignment"/></EntityContainer>
<EntityType Name="Base"><Property Name="id" Type="Edm.String"/></EntityType>
<EntityType Name="Assignment" BaseType="svc.Base"><!-- <Property Name="gone" Type="Edm.Date"/> -->
<Property Name="owner" Type="Edm.String"/><Property Name='quota' Type='Edm.Decimal'/><NavigationProperty Name="t" Type="Collection(svc.Base)"/>
</EntityType></Schema></edmx:DataServices></edmx:Edmx>`,
  `<edmx:Edmx Version="1.0"><edmx:DataServices><Schema Namespace="c4codata">
<EntityType Name="A" BaseType="c4codata.A"><Property Name="owner" Type="Edm.DateTime"/>
<NavigationProperty Name="t" Relationship="c4codata.R" FromRole="T" ToRole="M"/></EntityType>
<Association Name="R"><End Type="c4codata.A" Role="T"/><End Type="c4codata.A" Role="M"/></Association>
<EntityContainer Name="X"><EntitySet Name="assignments" EntityType="c4codata.A"/></EntityContainer>
</Schema></edmx:DataServices></edmx:Edmx>`,
];
const KNOWN_TYPES = [
  'string',
  'int',
  'int64',
  'decimal',
  'double',
  'boolean',
  'date',
  'datetime',
  'datetimeoffset',
  'time',
  'guid',
] as const satisfies readonly FieldType[];

test('$metadata gives types that are known, or none', () =>
  fuzz(
    fc.tuple(
      wrongText(fc.constantFrom(...METADATA)),
      fc.constantFrom('assignments', "assignments('{territoryId}')/t", '', 'a/b/c'),
    ),
    ([xml, path]) => {
      for (const type of fieldTypesIn(xml, path)?.values() ?? []) expect(KNOWN_TYPES).toContain(type);
    },
  ));

const PAGES = {
  'odata-v4': {
    value: [{ '@odata.etag': 'W/"1"', id: 'T001', owner: '2026-11-22T10:00:00.000Z' }],
  },
  'odata-v2': {
    d: { results: [{ __metadata: { etag: 'W/"1"' }, id: 'T001', owner: '/Date(1763769600000)/' }] },
  },
} as const;
const VALUES = [
  '/Date(8640000000000001)/',
  '/Date(-999999999999999)/',
  '/Date(253402300800000+0000)/',
  '9999-12-31T23:59:59.999999999999+14:00',
  '0000-01-01',
  'PT99H99M99S',
  'PT13H20M0S',
  '1e999',
  `0.${'1'.repeat(400)}`,
  '-0',
  '9007199254740993',
  'true',
  'B1B2B3B4-0000-0000-0000-000000000000',
  '',
];

describe.each(['odata-v4', 'odata-v2'] as const)('%s', (protocol) => {
  test('a value of any type is read as it is or in its plain form, and can be written', () =>
    fuzz(
      fc.record({
        type: fc.constantFrom(...KNOWN_TYPES),
        page: wrongJson(fc.constant(PAGES[protocol])),
        value: wrongText(fc.constantFrom(...VALUES)),
        inPage: fc.boolean(),
      }),
      async ({ type, page, value, inPage }) => {
        const text = inPage ? page.replace(/(?<="owner":)"[^"]*"/u, () => JSON.stringify(value)) : page;
        const api = apiOn(protocol, () => answerOf(text), { owner: type });
        const read = await api.read({ records: [ref('T001')], fields: ['owner'], pastCache: false }, NEVER);
        if (read.kind === 'read') expect(read.records).toHaveLength(1);
        const request = { ...update('T001'), fields: { owner: value.toWellFormed() } };
        const written = await api.write([request], NEVER);
        if (written.kind === 'answered') expect(written.records).toHaveLength(1);
      },
    ));
});

test('a CSRF session can be sent back as headers', () =>
  fuzz(
    fc.record({
      status: fc.constantFrom(200, 403),
      token: wrongText(fc.constantFrom('abc==', 'Required', 'required', 'x'.repeat(5_000))).map(latin1),
      cookies: fc.array(
        wrongText(
          fc.constantFrom('sap-usercontext=sap-client=100; path=/', 'SAP_SESSIONID=a; secure', '; ;', 'a'),
        ).map(latin1),
      ),
    }),
    ({ status, token, cookies }) => {
      const headers = { 'x-csrf-token': token };
      expect(typeof asksForToken(status, headers)).toBe('boolean');
      for (const [name, value] of Object.entries(sessionFrom(headers, cookies) ?? {}))
        http.validateHeaderValue(name, value);
    },
  ));

/** As Node's parser hands out a header: one character for each byte, none of them a control character. */
function latin1(text: string): string {
  return Buffer.from(text)
    .toString('latin1')
    .replaceAll(/[^\t\u0020-\u007e\u0080-\u00ff]/gu, '?');
}

describe('a destination', () => {
  // The library tells of each one.
  beforeEach(muteLoggers);
  afterEach(() => {
    clearDestinations();
    unmuteLoggers();
  });
  const DESTINATIONS = [
    {
      name: 'D',
      url: 'https://api.example',
      authentication: 'BasicAuthentication',
      username: 'u',
      password: 'p',
    },
    {
      Name: 'D',
      Type: 'HTTP',
      URL: 'https://api.example',
      ProxyType: 'Internet',
      Authentication: 'NoAuthentication',
      'territory.protocol': 'odata-v4',
      'territory.path': '/a',
      'territory.key': 'id',
    },
    {
      name: 'D',
      url: 'https://api.example',
      authentication: 'OAuth2ClientCredentials',
      authTokens: [
        {
          type: 'bearer',
          value: 'x',
          expires_in: '60',
          http_header: { key: 'Authorization', value: 'Bearer x' },
        },
      ],
    },
    { name: 'D', url: 'https://api.example', proxyType: 'OnPremise', forwardAuthToken: true },
  ];

  test('is one that can be used, or is refused in one line', () =>
    fuzz(
      wrongJson(fc.constantFrom<unknown>(...DESTINATIONS.map((destination) => [destination]))),
      async (text) => {
        // The library's log is a stream, which holds on to its lines until the event loop turns.
        await new Promise(setImmediate);
        process.env['destinations'] = text.replaceAll('\0', '');
        const source = createDestinationSource({
          destinationName: 'D',
          clock: new ManualClock(),
          log: createRecordingLog(),
        });
        const destination = await source.get();
        expect(destination.url.length).toBeGreaterThan(0);
        const { protocol = 'rest', path = '/', key = 'id' } = propertiesOf(destination);
        expect(PROTOCOLS).toContain(protocol);
        expect([typeof path, typeof key]).toEqual(['string', 'string']);
      },
      { declared: [DestinationError, TerritoryApiSettingsError] },
    ));
});

describe('an answer as large as is read at all', () => {
  const ANSWER_BYTES = 16 * 1024 * 1024;
  const MEMORY_BYTES = 400 * 1024 * 1024;
  interface Large {
    readonly protocols: readonly TerritoryProtocol[];
    /** What is repeated, between what begins and what ends it. */
    readonly form: readonly [begin: string, unit: string, end: string];
  }
  const of =
    (...protocols: readonly TerritoryProtocol[]) =>
    (...forms: readonly Large['form'][]): readonly Large[] =>
      forms.map((form) => ({ protocols, form }));
  const LARGE: readonly Large[] = [
    ...of('odata-v2')(
      ['--', ' ', ''],
      ['--b1', ' ', ''],
      ['', '\n--b1', ''],
      ['', '--b1\n\nHTTP/1.1 200 OK\n\n\n', '--b1--'],
      ['', '--b1\nContent-ID: 1\n\nHTTP/1.1 200 OK\n\n\n', '--b1--'],
      ['--b1\n\n', '\n', '\n--b1--'],
      ['--b1\n\n', '\r\n', '\n--b1--'],
      ['--b1\n', 'a:b\n', '\n--b1--'],
      ['--b1\n\nHTTP/1.1 200 ', ' ', '\n--b1--'],
      ['--b1\n\nHTTP/1.1 200 OK\n', 'a:b\n', '\n\n--b1--'],
    ),
    ...of('odata-v2', 'odata-v4')(
      ['', '<!--', ''],
      ['', '<a/>', ''],
      ['<a', ' ', '/>'],
      ['<a', ' b="c"', '/>'],
      ['<a b="', 'c', '"/>'],
      ['<', 'a', '/>'],
    ),
    ...of(...PROTOCOLS)(
      ['', ' ', ''],
      ['', '\n', ''],
      ['<html', ' ', '>'],
      ['{"value":[', '0,', '0]}'],
      ['{"value":[', '{},', '0]}'],
      ['{"value":[', '[],', '0]}'],
      ['{"value":[', '{"id":"T001","etag":"1"},', '0]}'],
      ['{"d":{"results":[', '{"id":"T001","__metadata":{"etag":"1"}},', '0]}}'],
      ['{"results":[', '{"id":"T001","status":200},', '0]}'],
      ['{"responses":[', '{"id":"0","status":200},', '0]}'],
      ['{"error":{"message":"', 'locked by ', '"}}'],
      ['{"error":{"code":"', 'idempoten', '"}}'],
      ['{"a":', '[', ''],
    ),
  ];
  const large = fc.constantFrom(...LARGE).chain(({ protocols, form }) =>
    fc.record({
      form: fc.constant(form),
      protocol: fc.constantFrom(...protocols),
      status: fc.constantFrom(200, 200, 400, 409),
      type: fc.constantFrom('application/json', 'multipart/mixed; boundary=b1', 'multipart/mixed'),
      // $metadata is read up to half of it.
      size: fc.constantFrom(ANSWER_BYTES, ANSWER_BYTES / 2),
    }),
  );

  test('takes a moment and no more memory than there is', async () => {
    globalThis.gc?.();
    const before = process.memoryUsage.rss();
    await fuzz(
      large,
      async ({ protocol, form: [begin, unit, end], status, type, size }) => {
        const text = begin + unit.repeat(Math.floor((size - begin.length - end.length) / unit.length)) + end;
        const api = apiOn(protocol, () => answerOf(text, { 'content-type': type, etag: '"1"' }, status));
        const fields = ['owner'];
        await api.read({ records: [ref('T001'), ref('T002')], fields, pastCache: false }, NEVER);
        const written = await api.write([update('T001'), update('T002'), create('T003')], NEVER);
        if (written.kind === 'answered') expect(written.records).toHaveLength(3);
        await api.probe(NEVER);
        globalThis.gc?.();
        expect(process.resourceUsage().maxRSS * 1024 - before, 'most memory').toBeLessThan(MEMORY_BYTES);
      },
      { cases: Math.max(30, Math.ceil(CASES / 1000)), caseLimitMs: 6_000 },
    );
    const grownMb = (process.resourceUsage().maxRSS * 1024 - before) / 1_048_576;
    console.log(`large answers took ${grownMb.toFixed(0)} MB at most`);
  });
});
