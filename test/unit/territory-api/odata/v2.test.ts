import { afterEach, describe, expect, it } from 'vitest';
import type { TerritoryApiSettings } from '../../../../srv/territory-api/index.ts';
import { create, filterOf, NEVER, read, startApiUnderTest, update } from '../api-under-test.ts';
import type { ApiUnderTest } from '../api-under-test.ts';
import type { Answering } from '../small-server.ts';

const PATH = "/sap/c4c/odata/v1/c4codataapi/SalesTerritoryCollection('{territoryId}')/SalesTerritoryTeam";
const ETAG = `W/"datetimeoffset'2015-02-03T21%3A07%3A03.5328420Z'"`;
let under: ApiUnderTest;
const start = async (answer: Answering, settings: Partial<TerritoryApiSettings> = {}) => {
  under = await startApiUnderTest({ protocol: 'odata-v2', path: PATH, key: 'ObjectID', ...settings }, answer);
  return under.api;
};
afterEach(() => under.stop());

const entity = (id: string, more: object = {}) => ({ __metadata: { etag: ETAG }, ObjectID: id, ...more });
const multipart = (...parts: string[]) => ({
  status: 202,
  headers: { 'content-type': 'multipart/mixed; boundary=b' },
  body: `${parts.map((part) => `--b\r\nContent-Type: application/http\r\n\r\n${part}\r\n`).join('')}--b--`,
});
const DONE = `HTTP/1.1 204 No Content\r\nETag: ${ETAG}\r\n\r\n`;

describe('a read in protocol odata-v2', () => {
  it('asks for all records by one property, and keeps their weak ETags to the letter', async () => {
    const api = await start(() => ({
      body: { d: { results: [entity('B', { owner: 'E1' }), entity("O'H")] } },
    }));
    expect(await api.read(read("O'H", 'B', 'gone'), NEVER)).toMatchObject({
      records: [{ found: true, etag: ETAG }, { found: true, fields: { owner: 'E1' } }, { found: false }],
    });
    const url = under.server.asked[0]?.url ?? '';
    expect(filterOf(url)).toBe("ObjectID eq 'O''H' or ObjectID eq 'B' or ObjectID eq 'gone'");
    expect(url).toMatch(
      /\/SalesTerritoryCollection\('EMEA'\)\/SalesTerritoryTeam\?.*&\$select=ObjectID,owner&\$format=json$/,
    );
  });

  it('takes several URLs where there are too many ids for one', async () => {
    const ids = Array.from({ length: 200 }, (_, index) => `00163E03A0701ED28B9DEFE242DD${1000 + index}`);
    const api = await start(({ url }) => ({
      body: { d: [...filterOf(url).matchAll(/'(\w+)'/g)].map(([, id = '']) => entity(id)) },
    }));
    expect(await api.read(read(...ids), NEVER)).toMatchObject({ records: ids.map(() => ({ found: true })) });
    expect(under.server.asked.length).toBeGreaterThan(1);
    for (const { url } of under.server.asked) expect(url.length).toBeLessThan(7_000);
  });

  it('writes a GUID with its prefix', async () => {
    const api = await start(() => ({ body: { d: { results: [] } } }), { keyType: 'guid' });
    await api.read(read('6f9619ff-8b86-d011-b42d-00cf4fc964ff'), NEVER);
    expect(filterOf(under.server.asked[0]?.url ?? '')).toBe(
      "ObjectID eq guid'6f9619ff-8b86-d011-b42d-00cf4fc964ff'",
    );
  });

  it('goes on where the answer says that it is one page of several', async () => {
    const api = await start(({ url }) => {
      const [first = ''] = /'(\w+)'/.exec(filterOf(url))?.slice(1) ?? [];
      return { body: { d: { results: [entity(first)], ...(first === 'A' && { __next: 'x' }) } } };
    });
    expect(await api.read(read('A', 'B'), NEVER)).toMatchObject({
      records: [{ found: true }, { found: true }],
    });
  });
});

describe('a write in protocol odata-v2', () => {
  it('goes to the service root, above the entity through which the path leads', async () => {
    const api = await start(() => multipart(DONE, DONE));
    const answer = await api.write([update('A'), update('A', { territoryId: "O'H/1" })], NEVER);
    expect(answer).toMatchObject({ records: [{ kind: 'done', etag: ETAG }, { kind: 'done' }] });
    const [asked] = under.server.asked;
    expect(asked).toMatchObject({ method: 'POST', url: '/sap/c4c/odata/v1/c4codataapi/$batch' });
    expect(asked?.headers).toMatchObject({ accept: 'multipart/mixed' });
    expect(asked?.body.match(/^MERGE .*$/gm)).toEqual([
      "MERGE SalesTerritoryCollection('EMEA')/SalesTerritoryTeam('A') HTTP/1.1",
      "MERGE SalesTerritoryCollection('O''H%2F1')/SalesTerritoryTeam('A') HTTP/1.1",
    ]);
  });

  it('fetches a CSRF token at the service root, once', async () => {
    const api = await start(({ method, headers }) => {
      if (method === 'GET') return { headers: { 'x-csrf-token': 'token-1' }, body: {} };
      return headers['x-csrf-token'] === 'token-1'
        ? multipart(DONE)
        : { status: 403, headers: { 'x-csrf-token': 'Required' }, body: 'CSRF' };
    });
    expect(await api.write([update('A')], NEVER)).toMatchObject({ records: [{ kind: 'done' }] });
    expect(await api.write([update('A')], NEVER)).toMatchObject({ records: [{ kind: 'done' }] });
    expect(under.server.asked.map(({ method, url }) => `${method} ${url.split('/').at(-1)}`)).toEqual([
      'POST $batch',
      'GET ',
      'POST $batch',
      'POST $batch',
    ]);
  });

  it('that is refused as a whole is so', async () => {
    const error = { error: { code: 'BAD', message: { lang: 'en', value: 'no such thing' } } };
    const api = await start(() => ({ status: 400, body: error }));
    expect(await api.write([create('A')], NEVER)).toMatchObject({
      kind: 'refused-whole',
      code: 'BAD',
      message: 'no such thing',
    });
  });
});
