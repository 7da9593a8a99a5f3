import { afterEach, describe, expect, it } from 'vitest';
import type { TerritoryApiSettings } from '../../../../srv/territory-api/index.ts';
import { create, filterOf, NEVER, read, startApiUnderTest, update } from '../api-under-test.ts';
import type { ApiUnderTest } from '../api-under-test.ts';
import type { Answering } from '../small-server.ts';

const PATH = '/territory-api/v1/assignments';
let under: ApiUnderTest;
const start = async (answer: Answering, settings: Partial<TerritoryApiSettings> = {}) => {
  under = await startApiUnderTest({ protocol: 'odata-v4', ...settings }, answer);
  return under.api;
};
afterEach(() => under.stop());

const literalsOf = (url: string) =>
  [...filterOf(url).matchAll(/'((?:[^']|'')*)'/g)].map(([, text = '']) => text.replaceAll("''", "'"));
const entity = (id: unknown, more: object = {}) => ({ id, '@odata.etag': `W/"${String(id)}"`, ...more });
const everyRecord: Answering = ({ url }) => ({ body: { value: literalsOf(url).map((id) => entity(id)) } });
const batchOf = (body: string) => (JSON.parse(body) as { requests: { id: string; url: string }[] }).requests;
const allDone: Answering = ({ body }) => ({
  body: { responses: batchOf(body).map(({ id }) => ({ id, status: 204, headers: { etag: 'W/"2"' } })) },
});

describe('a read in protocol odata-v4', () => {
  it('asks for all records in one filter, with the fields it needs', async () => {
    const api = await start(() => ({
      headers: { 'x-cache-status': 'MISS' },
      body: { value: [entity('T002', { owner: 'E1' }), entity('T001')] },
    }));
    expect(await api.read(read('T001', 'T002', 'gone'), NEVER)).toEqual({
      kind: 'read',
      proof: true,
      cacheStatus: ['MISS'],
      records: [
        { found: true, etag: 'W/"T001"', fields: {} },
        { found: true, etag: 'W/"T002"', fields: { owner: 'E1' } },
        { found: false },
      ],
    });
    const [asked] = under.server.asked;
    expect(filterOf(asked?.url ?? '')).toBe("id in ('T001','T002','gone')");
    expect(asked?.url).toMatch(/^\/territory-api\/v1\/assignments\?\$filter=[^+ ]*&\$select=id,owner$/);
  });

  it('keeps ids apart, whatever characters they hold', async () => {
    const ids = ["o'h", "x') or (1 eq 1", 'a,b', 'c&d=e', '100%', 'ä€😀', 'a b', '+', '/..'];
    const api = await start(everyRecord);
    const answer = await api.read(read(...ids), NEVER);
    expect(literalsOf(under.server.asked[0]?.url ?? '')).toEqual(ids);
    expect(answer).toMatchObject({ records: ids.map((id) => ({ found: true, etag: `W/"${id}"` })) });
  });

  it('takes several URLs, none above 7 kB, where there are too many ids for one', async () => {
    const ids = Array.from({ length: 400 }, (_, index) => `assignment '${index}' with ä long id`);
    const api = await start(everyRecord);
    expect(await api.read(read(...ids), NEVER)).toMatchObject({ records: ids.map(() => ({ found: true })) });
    expect(under.server.asked.length).toBeGreaterThan(2);
    for (const { url } of under.server.asked) expect(url.length).toBeLessThan(7_000);
  });

  it('goes on where the answer says that it is one page of several', async () => {
    const api = await start(({ url }) => {
      const ids = literalsOf(url);
      const page = {
        value: ids
          .slice(0, 2)
          .filter((id) => id !== 'gone')
          .map((id) => entity(id)),
      };
      return { body: ids.length > 2 ? { ...page, '@odata.nextLink': 'assignments?$skiptoken=2' } : page };
    });
    expect(await api.read(read('1', '2', '3', 'gone', '5'), NEVER)).toMatchObject({
      records: [{ found: true }, { found: true }, { found: true }, { found: false }, { found: true }],
    });
  });

  it('gives up on pages that bring nothing', async () => {
    const api = await start(() => ({ body: { value: [], '@odata.nextLink': 'x' } }));
    expect(await api.read(read('1'), NEVER)).toMatchObject({ trouble: { reason: 'not-an-answer' } });
    expect(under.server.asked).toHaveLength(1);
  });

  it('writes and matches keys by their type', async () => {
    const api = await start(() => ({ body: { value: [{ ID: 7, '@odata.etag': '"a"' }] } }), {
      key: 'ID',
      keyType: 'int',
    });
    expect(await api.read(read('007', 'T001'), NEVER)).toMatchObject({
      records: [{ found: true, etag: '"a"' }, { found: false }],
    });
    expect(filterOf(under.server.asked[0]?.url ?? '')).toBe('ID in (7)');
  });

  it('compares GUIDs without case', async () => {
    const id = '6F9619FF-8B86-D011-B42D-00CF4FC964FF';
    const api = await start(() => ({ body: { value: [entity(id.toLowerCase())] } }), { keyType: 'guid' });
    expect(await api.read(read(id), NEVER)).toMatchObject({ records: [{ found: true }] });
    expect(filterOf(under.server.asked[0]?.url ?? '')).toBe(`id in (${id})`);
  });

  it.each([
    ['no ETag', { value: [{ id: 'T1' }] }],
    ['no list', { d: { results: [] } }],
  ])('with %s is trouble', async (_, body) => {
    const api = await start(() => ({ body }));
    expect(await api.read(read('T1'), NEVER)).toMatchObject({ trouble: { reason: 'not-an-answer' } });
  });
});

describe('a write in protocol odata-v4', () => {
  it('is one batch at the service root, in which one failure does not end the rest', async () => {
    const api = await start(allDone);
    expect(await api.write([update('T1'), create('T2')], NEVER)).toEqual({
      kind: 'answered',
      records: [
        { kind: 'done', status: 204, etag: 'W/"2"' },
        { kind: 'done', status: 204, etag: 'W/"2"' },
      ],
    });
    const [asked] = under.server.asked;
    expect(asked).toMatchObject({ method: 'POST', url: '/territory-api/v1/$batch' });
    expect(asked?.headers['prefer']).toBe('odata.continue-on-error');
    expect(batchOf(asked?.body ?? '').map(({ url }) => url)).toEqual(["assignments('T1')", 'assignments']);
  });

  it('puts several territories into one batch where they share a service root', async () => {
    const api = await start(allDone, {
      path: "/svc/Territories('{territoryId}')/members",
      serviceRoot: '/svc',
    });
    const requests = [update('T1', { territoryId: "O'H" }), update('T1', { territoryId: 'B' })];
    expect(await api.write(requests, NEVER)).toMatchObject({ records: [{ kind: 'done' }, { kind: 'done' }] });
    expect(under.server.asked.map(({ url }) => url)).toEqual(['/svc/$batch']);
    expect(batchOf(under.server.asked[0]?.body ?? '').map(({ url }) => url)).toEqual([
      "Territories('O''H')/members('T1')",
      "Territories('B')/members('T1')",
    ]);
  });

  it('makes a batch per territory where the service root names it', async () => {
    const api = await start(allDone, { path: '/t/{territoryId}/members' });
    await api.write([update('T1', { territoryId: 'A' }), update('T1', { territoryId: 'B' })], NEVER);
    expect(under.server.asked.map(({ url }) => url).sort()).toEqual(['/t/A/$batch', '/t/B/$batch']);
  });

  it('refuses an id that is no key of the type', async () => {
    const api = await start(allDone, { keyType: 'int' });
    expect(await api.write([update('T1'), update('7')], NEVER)).toMatchObject({
      records: [{ kind: 'refused', code: 'UNADDRESSABLE' }, { kind: 'done' }],
    });
    expect(batchOf(under.server.asked[0]?.body ?? '').map(({ url }) => url)).toEqual(['assignments(7)']);
  });

  it.each([
    [429, { kind: 'trouble', trouble: { reason: 'throttled', retryAfterMs: 9_000 }, sent: false }],
    [503, { kind: 'trouble', trouble: { reason: 'unavailable', retryAfterMs: 9_000 }, sent: true }],
    [400, { kind: 'refused-whole', status: 400, code: 'BAD' }],
    [413, { kind: 'refused-whole', status: 413 }],
  ])('answered by %i as a whole', async (status, expected) => {
    const api = await start(() => ({
      status,
      headers: { 'retry-after': '9' },
      body: { error: { code: 'BAD' } },
    }));
    expect(await api.write([update('T1')], NEVER)).toMatchObject(expected);
  });

  it('keeps the key of a create, whatever field of that name the event sets', async () => {
    const api = await start(allDone);
    await api.write([{ ...create('A'), fields: { id: 'OTHER' } }], NEVER);
    expect(JSON.parse(under.server.asked[0]?.body ?? '')).toMatchObject({
      requests: [{ body: { id: 'A' } }],
    });
  });

  it('encodes a literal as part of one URL segment', async () => {
    const api = await start(allDone);
    await api.write([update("O'H/a?#%")], NEVER);
    expect(batchOf(under.server.asked[0]?.body ?? '').map(({ url }) => url)).toEqual([
      "assignments('O''H%2Fa%3F%23%25')",
    ]);
  });

  it('answered without responses is in doubt', async () => {
    const api = await start(() => ({ body: { value: [] } }));
    expect(await api.write([update('T1')], NEVER)).toMatchObject({
      trouble: { reason: 'not-an-answer' },
      sent: true,
    });
  });
});

describe('a probe in protocol odata-v4', () => {
  it.each([
    ['string', "id in ('territory-sync-probe')"],
    ['guid', 'id in (00000000-0000-0000-0000-000000000000)'],
    ['int', 'id in (0)'],
  ] as const)('asks for a key of type %s', async (keyType, filter) => {
    const api = await start(() => ({ body: { value: [] } }), { keyType });
    expect(await api.probe(NEVER)).toBeUndefined();
    expect(under.server.asked[0]?.url.startsWith(`${PATH}?`)).toBe(true);
    expect(filterOf(under.server.asked[0]?.url ?? '')).toBe(filter);
  });
});
