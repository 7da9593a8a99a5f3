import { afterEach, describe, expect, it } from 'vitest';
import { nameUuid } from '../../../srv/platform/ids.ts';
import type { TerritoryApiSettings } from '../../../srv/territory-api/index.ts';
import { create, NEVER, read, ref, startApiUnderTest, update } from './api-under-test.ts';
import type { ApiUnderTest } from './api-under-test.ts';
import type { Answering, Told } from './small-server.ts';

const PATH = '/territory-api/v1/assignments';
let under: ApiUnderTest;
const start = async (answer: Answering, settings: Partial<TerritoryApiSettings> = {}) => {
  under = await startApiUnderTest(settings, answer);
  return under.api;
};
afterEach(() => under.stop());

/** The ids of a request line as a server takes them apart: split at literal commas, then decode each. */
const idsOf = (url: string) => (/[?&]ids=([^&]*)/.exec(url)?.[1] ?? '').split(',').map(decodeURIComponent);
const everyRecord: Answering = ({ url }) => ({
  headers: { 'x-cache-status': 'MISS' },
  body: { value: idsOf(url).map((id) => ({ id, etag: `"${id}"`, owner: 'x' })) },
});

describe('a read in protocol rest', () => {
  it('asks once for all records, and answers in the order asked', async () => {
    const api = await start(() => ({
      headers: { 'x-cache-status': 'MISS' },
      body: {
        value: [
          { id: 'T002', etag: 'W/"9"', owner: 'E1', other: 1 },
          { id: 'T001', etag: '"3"' },
        ],
      },
    }));
    expect(await api.read(read('T001', 'gone', 'T002', 'T001'), NEVER)).toEqual({
      kind: 'read',
      proof: true,
      cacheStatus: ['MISS'],
      records: [
        { found: true, etag: '"3"', fields: {} },
        { found: false },
        { found: true, etag: 'W/"9"', fields: { owner: 'E1' } },
        { found: true, etag: '"3"', fields: {} },
      ],
    });
    expect(under.server.asked.map(({ url }) => url)).toEqual([
      `${PATH}?ids=T001,gone,T002&fields=id,etag,owner`,
    ]);
  });

  it('keeps ids apart, whatever characters they hold', async () => {
    const ids = ['a,b', 'c&d=e', "o'h", 'x/y?z#', '100%', '%2C', 'ä€😀', 'a b', '+', '..'];
    const api = await start(everyRecord);
    const answer = await api.read(read(...ids), NEVER);
    expect(idsOf(under.server.asked[0]?.url ?? '')).toEqual(ids);
    expect(answer).toMatchObject({ records: ids.map((id) => ({ found: true, etag: `"${id}"` })) });
  });

  it('takes several URLs, none above 7 kB, where there are too many ids for one', async () => {
    const ids = Array.from({ length: 400 }, (_, index) => `assignment-${index}-with-ä-long-id-${index}`);
    const api = await start(everyRecord);
    const answer = await api.read(read(...ids), NEVER);
    expect(answer).toMatchObject({
      proof: true,
      records: ids.map((id) => ({ found: true, etag: `"${id}"` })),
    });
    expect(under.server.asked.length).toBeGreaterThan(2);
    for (const { url } of under.server.asked) expect(url.length).toBeLessThan(7_000);
    expect(under.server.asked.flatMap(({ url }) => idsOf(url)).sort()).toEqual([...ids].sort());
  });

  it('is proof only where each of its requests says so', async () => {
    const ids = Array.from({ length: 900 }, (_, index) => `assignment-${index}`);
    const api = await start((asked, count) => ({
      ...(everyRecord(asked, count) as Told),
      headers: { 'x-cache-status': count === 2 ? 'HIT' : 'MISS' },
    }));
    const answer = await api.read(read(...ids), NEVER);
    expect(answer).toMatchObject({
      proof: false,
      cacheStatus: expect.arrayContaining(['HIT', 'MISS']) as unknown,
    });
  });

  it('passes over caches where it is asked to', async () => {
    const api = await start(everyRecord);
    await api.read({ ...read('T001'), pastCache: true }, NEVER);
    await api.read(read('T001'), NEVER);
    expect(under.server.asked.map(({ headers }) => headers['cache-control'])).toEqual([
      'no-cache',
      undefined,
    ]);
  });

  it('reads all fields where one of those named is refused, so that the write can judge it', async () => {
    const api = await start((asked, count) =>
      asked.url.includes('fields=')
        ? { status: 400, body: { code: 'NO_SUCH_FIELD' } }
        : everyRecord(asked, count),
    );
    expect(await api.read(read('T001'), NEVER)).toMatchObject({
      records: [{ found: true, fields: { owner: 'x' } }],
    });
  });

  it('reads all fields where their names would not fit', async () => {
    const api = await start(everyRecord);
    const fields = Array.from(
      { length: 100 },
      (_, index) => `field_with_a_long_name_${index}_${'x'.repeat(60)}`,
    );
    expect(await api.read({ ...read('T001'), fields }, NEVER)).toMatchObject({ kind: 'read' });
    expect(under.server.asked[0]?.url).toBe(`${PATH}?ids=T001`);
  });

  it('halves what is too large for the API', async () => {
    const api = await start((asked, count) =>
      idsOf(asked.url).length > 2 ? { status: 413 } : everyRecord(asked, count),
    );
    const ids = ['1', '2', '3', '4', '5'];
    expect(await api.read(read(...ids), NEVER)).toMatchObject({
      proof: true,
      records: ids.map((id) => ({ found: true, etag: `"${id}"` })),
    });
  });

  it('ignores what it did not ask for, with a warning', async () => {
    const api = await start(() => ({
      body: {
        value: [
          { id: 'T9', etag: '"1"' },
          { id: 'T1', etag: '"2"' },
        ],
      },
    }));
    expect(await api.read(read('T1'), NEVER)).toMatchObject({ records: [{ etag: '"2"' }] });
    expect(under.log.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', fields: { ignored: 1 } }),
    );
  });

  it.each([
    ['no list', { value: {} }],
    ['a record without an ETag', { value: [{ id: 'T1' }] }],
    ['an ETag that matches anything', { value: [{ id: 'T1', etag: '*' }] }],
    ['a record without an id', { value: [{ etag: '"1"' }] }],
    ['a list of nothing', { value: [null] }],
  ])('with %s is trouble', async (_, body) => {
    const api = await start(() => ({ body }));
    expect(await api.read(read('T1'), NEVER)).toMatchObject({ trouble: { reason: 'not-an-answer' } });
  });

  it('of nothing sends nothing', async () => {
    const api = await start(everyRecord);
    expect(await api.read(read(), NEVER)).toEqual({
      kind: 'read',
      records: [],
      proof: false,
      cacheStatus: [],
    });
    expect(under.server.asked).toHaveLength(0);
  });

  it('asks each territory at its own path', async () => {
    const path = '/territories/{territoryId}/assignments';
    const api = await start(
      ({ url }) => ({ body: { value: [{ id: 'T1', etag: `"${url.split('/')[2]}"` }] } }),
      { path },
    );
    const records = [ref('T1', 'A'), ref('T1', 'B/C'), ref('T1', '..')];
    expect(await api.read({ records, fields: [], pastCache: false }, NEVER)).toMatchObject({
      records: [{ etag: '"A"' }, { etag: '"B%2FC"' }, { found: false }],
    });
  });
});

const results =
  (...list: unknown[]): Answering =>
  () => ({ status: 207, body: { results: list } });

describe('a write in protocol rest', () => {
  it('is one PATCH with the condition and key of each record', async () => {
    const api = await start(
      results({ id: 'T1', status: 200, etag: 'W/"2"' }, { id: 'T2', status: 201, etag: '"1"' }),
    );
    const remove = update('T3', { operation: 'delete', fields: {} });
    expect(await api.write([update('T1'), create('T2'), remove], NEVER)).toEqual({
      kind: 'answered',
      records: [
        { kind: 'done', status: 200, etag: 'W/"2"' },
        { kind: 'done', status: 201, etag: '"1"' },
        { kind: 'missing' },
      ],
    });
    const [asked] = under.server.asked;
    expect(asked).toMatchObject({ method: 'PATCH', url: PATH });
    expect(asked?.headers['if-match']).toBeUndefined();
    expect(JSON.parse(asked?.body ?? '')).toEqual({
      assignments: [
        {
          id: 'T1',
          operation: 'update',
          ifMatch: 'W/"1"',
          idempotencyKey: 'key-of-T1',
          fields: { owner: 'E1008' },
        },
        { id: 'T2', operation: 'create', idempotencyKey: 'key-of-T2', fields: { owner: 'E1008' } },
        { id: 'T3', operation: 'delete', ifMatch: 'W/"1"', idempotencyKey: 'key-of-T3', fields: {} },
      ],
    });
  });

  it('carries a key of its own, the same for the same records in any order', async () => {
    const api = await start(results());
    await api.write([update('T1'), update('T2')], NEVER);
    await api.write([update('T2'), update('T1')], NEVER);
    const expected = `"${nameUuid('key-of-T1,key-of-T2')}"`;
    expect(under.server.asked.map(({ headers }) => headers['idempotency-key'])).toEqual([expected, expected]);
  });

  it('of a single record carries its ETag in the header too, verbatim', async () => {
    const api = await start(results());
    await api.write([update('T1', { ifMatch: `W/"datetimeoffset'2015-02-03T21%3A07Z'"` })], NEVER);
    await api.write([update('T1', { ifMatch: '"ä\r\nx: y"' })], NEVER);
    const [plain, odd] = under.server.asked;
    expect(plain?.headers['if-match']).toBe(`W/"datetimeoffset'2015-02-03T21%3A07Z'"`);
    expect(odd?.headers['if-match']).toBeUndefined();
    expect(odd?.headers['x']).toBeUndefined();
  });

  it('keeps a field named __proto__ a field', async () => {
    const api = await start(results());
    const fields = JSON.parse('{"__proto__":"p"}') as Record<string, string>;
    await api.write([update('T1', { fields })], NEVER);
    expect(under.server.asked[0]?.body).toContain('"fields":{"__proto__":"p"}');
  });

  it('lets the first result for an id count, and warns of those that belong to nothing', async () => {
    const api = await start(
      results({ id: 'T1', status: 412 }, { id: 'T1', status: 200 }, { id: 'T7', status: 200 }, 7, {
        status: 200,
      }),
    );
    expect(await api.write([update('T1')], NEVER)).toMatchObject({
      records: [{ kind: 'conflict', status: 412 }],
    });
    expect(under.log.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', fields: { ignored: 4 } }),
    );
  });

  it('takes the 412 of a single record as its answer, with or without a body', async () => {
    const api = await start(() => ({ status: 412, body: '' }));
    expect(await api.write([update('T1')], NEVER)).toEqual({
      kind: 'answered',
      records: [{ kind: 'conflict', status: 412 }],
    });
    expect(await api.write([update('T1'), update('T2')], NEVER)).toEqual({
      kind: 'refused-whole',
      status: 412,
    });
  });

  it('that is still running says so of each of its records', async () => {
    const api = await start(() => ({
      status: 409,
      body: { type: 'https://developer.example.com/idempotency' },
    }));
    const running = { kind: 'running', status: 409 };
    expect(await api.write([update('T1'), update('T2')], NEVER)).toEqual({
      kind: 'answered',
      records: [running, running],
    });
  });

  it('that is refused as a whole says why, without what was sent', async () => {
    const api = await start(() => ({
      status: 400,
      body: { error: { code: 'BAD', message: "'E1008' is no owner" } },
    }));
    expect(await api.write([update('T1')], NEVER)).toEqual({
      kind: 'refused-whole',
      status: 400,
      code: 'BAD',
      message: "'…' is no owner",
    });
  });

  it.each([
    ['no results', { results: {} }],
    ['nothing', ''],
  ])('answered with %s is in doubt', async (_, body) => {
    const api = await start(() => ({ body }));
    expect(await api.write([update('T1')], NEVER)).toMatchObject({
      trouble: { reason: 'not-an-answer' },
      sent: true,
    });
  });

  it('goes to each territory at its own path; what no path can name is refused', async () => {
    const api = await start(
      ({ url }) => ({ body: { results: [{ id: 'T1', status: 200, etag: `"${url.split('/')[2]}"` }] } }),
      {
        path: '/territories/{territoryId}/assignments',
      },
    );
    const requests = [
      update('T1', { territoryId: 'A' }),
      update('T1', { territoryId: '.' }),
      update('T1', { territoryId: 'B' }),
    ];
    expect(await api.write(requests, NEVER)).toMatchObject({
      records: [{ etag: '"A"' }, { kind: 'refused', code: 'UNADDRESSABLE' }, { etag: '"B"' }],
    });
    expect(under.server.asked).toHaveLength(2);
  });

  it.each([
    ['with If-Match: *', [update('T1', { ifMatch: '*' })]],
    ['of an update without an ETag', [{ ...create('T1'), operation: 'update' as const }]],
    ['of a record twice', [update('T1'), update('T1')]],
  ])('%s is a defect, and nothing is sent', async (_, requests) => {
    const api = await start(results());
    await expect(api.write(requests, NEVER)).rejects.toMatchObject({ code: 'TERRITORY_API_DEFECT' });
    expect(under.server.asked).toHaveLength(0);
  });
});

describe('a probe in protocol rest', () => {
  it('reads one record, and is content with any answer of the API', async () => {
    const api = await start(() => ({ body: { value: [] } }));
    expect(await api.probe(NEVER)).toBeUndefined();
    expect(under.server.asked).toMatchObject([
      { method: 'GET', url: `${PATH}?ids=territory-sync-probe&fields=id,etag` },
    ]);
  });

  it.each([
    [503, 'unavailable'],
    [404, 'not-an-answer'],
    [400, 'not-an-answer'],
    [401, 'unauthorized'],
  ])('tells of %i', async (status, reason) => {
    const api = await start(() => ({ status }));
    expect(await api.probe(NEVER)).toMatchObject({ reason, status });
  });

  it('goes to the territory seen last where each has its own path', async () => {
    const api = await start(
      ({ url }) =>
        url.includes('/probe/') || url.includes('sync-probe/') ? { status: 404 } : { body: { value: [] } },
      {
        path: '/territories/{territoryId}/assignments',
      },
    );
    expect(await api.probe(NEVER)).toBeUndefined();
    await api.read(read('T1'), NEVER);
    expect(await api.probe(NEVER)).toBeUndefined();
    expect(under.server.asked.at(-1)?.url).toContain('/territories/EMEA/assignments?');
  });
});
