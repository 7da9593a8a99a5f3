/** Typed fields and look-up: what both versions of OData have in common above the wire. */
import { afterEach, describe, expect, it } from 'vitest';
import type { TerritoryApiSettings } from '../../../../srv/territory-api/index.ts';
import { create, NEVER, ref, startApiUnderTest, update } from '../api-under-test.ts';
import type { ApiUnderTest } from '../api-under-test.ts';
import type { Answering, Asked } from '../small-server.ts';

let under: ApiUnderTest;
const start = async (answer: Answering, settings: Partial<TerritoryApiSettings> = {}) => {
  under = await startApiUnderTest({ protocol: 'odata-v4', ...settings }, answer);
  return under.api;
};
afterEach(() => under.stop());

const METADATA = `<Schema Namespace="s"><EntityType Name="A"><Property Name="validFrom" Type="Edm.Date"/>
<Property Name="quota" Type="Edm.Decimal"/></EntityType><EntitySet Name="assignments" EntityType="s.A"/></Schema>`;
const entity = (more: object) => ({ '@odata.etag': 'W/"1"', ...more });
const requestsOf = ({ body }: Asked) =>
  (JSON.parse(body) as { requests: { id: string; url: string; body?: object }[] }).requests;
const statusFor = (asked: Asked, status: (url: string) => number) => ({
  body: { responses: requestsOf(asked).map(({ id, url }) => ({ id, status: status(url) })) },
});
const writes = () => under.server.asked.filter(({ method }) => method === 'POST');

describe('typed fields', () => {
  const request = { records: [ref('T1')], fields: ['quota', 'validFrom'], pastCache: false };

  it('come from $metadata, which is read once', async () => {
    const api = await start(
      (asked) => {
        if (asked.url.endsWith('/$metadata')) return { body: METADATA };
        if (asked.method === 'POST') return statusFor(asked, () => 204);
        return { body: { value: [entity({ id: 'T1', quota: '12.50', validFrom: '2026-12-01' })] } };
      },
      { fieldTypes: undefined },
    );
    expect(await Promise.all([api.read(request, NEVER), api.read(request, NEVER)])).toMatchObject(
      [0, 1].map(() => ({
        records: [
          {
            fields: { quota: '12.50' },
            comparedAs: new Map([
              ['quota', 'number'],
              ['validFrom', 'instant'],
            ]),
          },
        ],
      })),
    );
    await api.write([update('T1', { fields: { quota: '7.50', validFrom: '2026-12-01T00:00:00Z' } })], NEVER);
    expect(under.server.asked.filter(({ url }) => url.endsWith('/$metadata'))).toHaveLength(1);
    expect(requestsOf(writes()[0] as Asked)[0]?.body).toEqual({ quota: '7.50', validFrom: '2026-12-01' });
  });

  it('that the API does not tell are sent as they are', async () => {
    const api = await start(
      (asked) => (asked.method === 'POST' ? statusFor(asked, () => 204) : { status: 404, body: {} }),
      { fieldTypes: undefined },
    );
    const fields = { quota: '7.50', validFrom: '2026-12-01T00:00:00Z' };
    await api.write([update('T1', { fields })], NEVER);
    expect(requestsOf(writes()[0] as Asked)[0]?.body).toEqual(fields);
  });

  it('are waited for while the API is in trouble: nothing is sent in a wrong form', async () => {
    const api = await start(() => ({ status: 503, body: {} }), { fieldTypes: undefined });
    expect(await api.read(request, NEVER)).toMatchObject({ trouble: { reason: 'unavailable' } });
    expect(await api.write([update('T1')], NEVER)).toMatchObject({ kind: 'trouble', sent: false });
    expect(writes()).toEqual([]);
  });

  it('with a value of another type are refused by name, and the others are written', async () => {
    const api = await start((asked) => statusFor(asked, () => 204), { fieldTypes: { validFrom: 'date' } });
    const wrong = update('T1', { fields: { validFrom: 'tomorrow' } });
    expect(await api.write([wrong, update('T2')], NEVER)).toMatchObject({
      records: [
        { kind: 'refused', status: 400, message: expect.stringContaining('validFrom') as string },
        { kind: 'done' },
      ],
    });
    expect(requestsOf(writes()[0] as Asked)).toHaveLength(1);
  });
});

describe.each(['odata-v4', 'odata-v2'] as const)('a look-up in protocol %s', (protocol) => {
  const byEmployee = { protocol, path: '/svc/assignments', key: 'ObjectID', lookup: 'EmployeeID' } as const;
  /** `EmployeeID` → `ObjectID` of what the API has. */
  const serving =
    (records: Record<string, string>, status = 204): Answering =>
    (asked) => {
      if (asked.method === 'GET') {
        const filter = decodeURIComponent(asked.url);
        const found = Object.entries(records).filter(([employee]) => filter.includes(`'${employee}'`));
        const list = found.map(([EmployeeID, ObjectID]) => ({
          ...entity({ EmployeeID, ObjectID }),
          __metadata: { etag: 'W/"1"' },
        }));
        return { body: { value: list, d: { results: list } } };
      }
      if (protocol === 'odata-v4') return statusFor(asked, () => status);
      const ids = [...asked.body.matchAll(/^Content-ID: (\d)\r\nAccept/gm)].map(([, id]) => id);
      const parts = ids.map(
        (id) =>
          `--b\r\nContent-Type: application/http\r\nContent-ID: ${id}\r\n\r\nHTTP/1.1 ${status} X\r\n\r\n\r\n`,
      );
      const headers = { 'content-type': 'multipart/mixed; boundary=b' };
      return { status: 202, headers, body: `${parts.join('')}--b--` };
    };
  const reads = () => under.server.asked.filter(({ method }) => method === 'GET');
  const read = (...ids: string[]) => ({ records: ids.map((id) => ref(id)), fields: [], pastCache: false });

  it('is the read itself: the write that follows needs none of its own', async () => {
    const api = await start(serving({ E1: '00A', E2: '00B' }), byEmployee);
    expect(await api.read(read('E1', 'E2', 'E3'), NEVER)).toMatchObject({
      records: [{ found: true }, { found: true }, { found: false }],
    });
    expect(await api.write([update('E2'), update('E1')], NEVER)).toMatchObject({
      records: [{ kind: 'done' }, { kind: 'done' }],
    });
    expect(reads()).toHaveLength(1);
    expect([...(writes()[0]?.body.matchAll(/assignments\('(\w+)'\)/g) ?? [])].map(([, key]) => key)).toEqual([
      '00B',
      '00A',
    ]);
  });

  it('is made for a write whose record is not known; what is not found is unknown', async () => {
    const api = await start(serving({ E1: '00A' }), byEmployee);
    expect(await api.write([update('E1'), update('E9')], NEVER)).toMatchObject({
      records: [{ kind: 'done' }, { kind: 'refused', status: 404 }],
    });
    expect(reads()).toHaveLength(1);
  });

  it('is made again after a 404', async () => {
    const api = await start(serving({ E1: '00A' }, 404), byEmployee);
    await api.write([update('E1')], NEVER);
    expect(await api.write([update('E1')], NEVER)).toMatchObject({
      records: [{ kind: 'refused', status: 404 }],
    });
    expect(reads()).toHaveLength(2);
  });

  it('tells a repeated create that the record is there, for the API would make another one', async () => {
    const api = await start(serving({ E1: '00A' }), byEmployee);
    expect(await api.write([create('E1'), create('E2')], NEVER)).toMatchObject({
      records: [{ kind: 'conflict', status: 409 }, { kind: 'done' }],
    });
    expect(writes()[0]?.body).toContain('"EmployeeID');
    expect(writes()[0]?.body).not.toContain('"ObjectID');
  });

  it('in trouble sends nothing', async () => {
    const api = await start(() => ({ status: 503, body: {} }), byEmployee);
    expect(await api.write([update('E1')], NEVER)).toMatchObject({ kind: 'trouble', sent: false });
    expect(writes()).toEqual([]);
  });
});
