import { afterEach, describe, expect, it } from 'vitest';
import type { WriteRequest } from '../../../srv/territory-api/port.ts';
import { create, NEVER, ref, startApiUnderTest, update } from './api-under-test.ts';
import type { ApiUnderTest } from './api-under-test.ts';
import type { Answering, Asked, Told } from './small-server.ts';

const COLLECTION = '/sap/c4c/api/v1/sales-territory-service/salesTerritories';

let under: ApiUnderTest | undefined;
afterEach(async () => {
  await under?.stop();
  under = undefined;
});

async function start(answer: Answering, path?: string): Promise<ApiUnderTest> {
  under = await startApiUnderTest(
    { protocol: 'sales-cloud', timeoutMs: 2_000, ...(path !== undefined && { path }) },
    answer,
  );
  return under;
}

const asRead = (asked: Asked): boolean => asked.method === 'GET';
const idOf = ({ url }: Asked): string => decodeURIComponent(url.slice(url.lastIndexOf('/') + 1));
const record = (body: object, etag = '"2026-01-13T14:04:22.200Z"'): Told => ({ headers: { etag }, body });
const strong = (id: string, more: Partial<WriteRequest> = {}) => update(id, { ifMatch: '"1"', ...more });
const many = (count: number) => Array.from({ length: count }, (_, index) => `T${index}`);

describe('a read over sales-cloud', () => {
  const ask = (ids: readonly string[], fields: readonly string[] = ['owner'], pastCache = false) =>
    (under as ApiUnderTest).api.read({ records: ids.map((id) => ref(id)), fields, pastCache }, NEVER);

  it('takes the ETag from the header, strong as it stands, and the fields from the value', async () => {
    const { server } = await start(() =>
      record({ value: { id: 'T1', owner: 'E1', extensions: { region: 'N' } }, info: {} }),
    );
    expect(await ask(['T1'], ['owner', 'extensions.region', 'unknown', 'owner.name'], true)).toMatchObject({
      kind: 'read',
      records: [
        {
          found: true,
          etag: '"2026-01-13T14:04:22.200Z"',
          fields: { owner: 'E1', 'extensions.region': 'N' },
        },
      ],
    });
    expect(server.asked).toMatchObject([
      {
        method: 'GET',
        url: `${COLLECTION}/T1`,
        // A compressed answer comes with another ETag: nginx weakens it, Apache adds to it.
        headers: { 'accept-encoding': 'identity', 'cache-control': 'no-cache', accept: 'application/json' },
      },
    ]);
  });

  it('keeps an id one segment of the path, whatever it holds', async () => {
    const { server } = await start(() => record({ id: 'any' }));
    const ids = ['a/b', 'a%2Fb', 'ä?x#y', "o'h", '../..', 'a+b c'];
    await ask(ids);
    expect(server.asked.map(idOf).toSorted()).toEqual(ids.toSorted());
    expect(new Set(server.asked.map(({ url }) => url.split('/').length)).size).toBe(1);
  });

  it('has at most two requests under way: it needs two connections, whatever it reads', async () => {
    const { server } = await start((asked) => record({ id: idOf(asked) }));
    await ask(many(20));
    expect(server.asked).toHaveLength(20);
    expect(server.connections()).toBe(2);
  });

  it('asks the collection once where nothing was ever found: a wrong path is trouble, not so many missing records', async () => {
    const { server } = await start((asked) => ({
      status: 404,
      body: asked.url.includes('$top') ? 'no route' : {},
    }));
    expect(await ask(['T1', 'T2'])).toMatchObject({ kind: 'trouble', trouble: { reason: 'not-an-answer' } });
    expect(server.asked.map(({ url }) => url)).toContain(`${COLLECTION}?$top=1`);
  });

  it('believes that records are missing once the collection has answered, without asking again', async () => {
    const { server } = await start((asked) =>
      asked.url.includes('$top') ? { body: { value: [] } } : { status: 404, body: {} },
    );
    for (const id of ['T1', 'T2', 'T3'])
      expect(await ask([id])).toMatchObject({ records: [{ found: false }] });
    expect(server.asked).toHaveLength(4);
  });

  it('sends no more once one request has met trouble', async () => {
    const { server } = await start(() => ({ status: 429, headers: { 'retry-after': '36000' } }));
    expect(await ask(many(30))).toMatchObject({
      trouble: { reason: 'throttled', retryAfterMs: 36_000_000 },
    });
    expect(server.asked.length).toBeLessThanOrEqual(2);
  });

  it('without an ETag in the header is no answer', async () => {
    await start(() => ({ body: { value: { id: 'T1', owner: 'E1' } } }));
    expect(await ask(['T1'])).toMatchObject({ trouble: { reason: 'not-an-answer' } });
  });

  it("takes a gateway's 404 for trouble", async () => {
    await start(() => ({ status: 404, body: '404 Not Found: Requested route does not exist.' }));
    expect(await ask(['T1'])).toMatchObject({ trouble: { reason: 'not-an-answer', status: 404 } });
  });
});

describe('a write over sales-cloud', () => {
  const write = (...requests: WriteRequest[]) => (under as ApiUnderTest).api.write(requests, NEVER);
  const done: Told = { headers: { etag: '"2"' }, body: { value: {} } };

  it('is a merge patch on the version that was read, with a key of its own', async () => {
    const { server } = await start(() => done);
    const fields = { owner: 'E2', 'extensions.region': 'S', 'extensions.zone': null };
    expect(await write(strong('T1', { fields, idempotencyKey: 'k-1' }))).toMatchObject({
      records: [{ kind: 'done', etag: '"2"' }],
    });
    expect(server.asked).toMatchObject([
      {
        method: 'PATCH',
        url: `${COLLECTION}/T1`,
        headers: {
          'if-match': '"1"',
          'idempotency-key': '"k-1"',
          'content-type': 'application/merge-patch+json',
          'accept-encoding': 'identity',
        },
      },
    ]);
    expect(JSON.parse(server.asked[0]?.body ?? '')).toEqual({
      owner: 'E2',
      extensions: { region: 'S', zone: null },
    });
  });

  it('creates in the collection with the key in the body, deletes with the ETag and without a body', async () => {
    const { server } = await start(({ method }) =>
      method === 'POST' ? { ...done, status: 201 } : { status: 204 },
    );
    await write(create('T1'));
    await write(strong('T2', { operation: 'delete', fields: {} }));
    const [post, remove] = server.asked;
    expect(post).toMatchObject({ method: 'POST', url: COLLECTION });
    expect(post?.headers).not.toHaveProperty('if-match');
    expect(JSON.parse(post?.body ?? '')).toEqual({ id: 'T1', owner: 'E1008' });
    expect(remove).toMatchObject({
      method: 'DELETE',
      url: `${COLLECTION}/T2`,
      headers: { 'if-match': '"1"' },
    });
    expect(remove?.body).toBe('');
  });

  it('of names that contradict each other is refused and not sent', async () => {
    const { server } = await start(() => done);
    expect(await write(strong('T1', { fields: { 'a.b': 1, a: 2 } }))).toMatchObject({
      records: [{ kind: 'refused', code: 'UNADDRESSABLE' }],
    });
    expect(server.asked).toHaveLength(0);
  });

  it.each([
    [409, { error: { code: 'C', message: 'changed' } }, 'conflict'],
    [409, { type: 'https://x/idempotency', title: 'A request is outstanding' }, 'running'],
    [412, '', 'conflict'],
    [412, 'Data has been changed in a parallel session. Please refresh and try again.', 'conflict'],
    [428, '', 'defect'],
    [404, '', 'refused'],
    [422, { type: 'https://x/idempotency' }, 'defect'],
    [500, { error: { message: 'record locked by user SMITH' } }, 'conflict'],
  ] as const)('takes %i %j for %s', async (status, body, kind) => {
    await start(() => ({ status, body }));
    expect(await write(strong('T1'))).toMatchObject({ kind: 'answered', records: [{ kind, status }] });
  });

  it.each([
    [404, 'no healthy upstream', 'not-an-answer'],
    [403, '<html>Forbidden</html>', 'forbidden'],
    [412, '<!doctype html><html></html>', 'not-an-answer'],
  ])("takes %i with a gateway's page %j for trouble", async (status, body, reason) => {
    await start(() => ({ status, body }));
    expect(await write(strong('T1'))).toMatchObject({ kind: 'trouble', sent: false, trouble: { reason } });
  });

  it('too large for the API is refused as a whole, for the lanes to judge', async () => {
    await start(() => ({ status: 413 }));
    expect(await write(strong('T1'))).toMatchObject({ kind: 'refused-whole', status: 413 });
  });

  it('ends at an exhausted quota: what was not sent is known not to be', async () => {
    const { server } = await start((_, count) =>
      count <= 3 ? done : { status: 429, headers: { 'retry-after': '36000' } },
    );
    const answer = await write(...many(30).map((id) => strong(id)));
    if (answer.kind !== 'answered') throw new Error(answer.kind);
    expect(answer.records.filter(({ kind }) => kind === 'done')).toHaveLength(3);
    const others = answer.records.filter(({ kind }) => kind !== 'done');
    expect(others).toHaveLength(27);
    for (const other of others)
      expect(other).toMatchObject({
        kind: 'missing',
        request: { sent: false, trouble: { reason: 'throttled', retryAfterMs: 36_000_000 } },
      });
    expect(server.asked.length).toBeLessThanOrEqual(5);
  });

  it('goes on after one failure, and ends after two in a row', async () => {
    const { server } = await start((asked) =>
      idOf(asked) === 'T3' ? { status: 503 } : idOf(asked) >= 'T6' ? { cut: 'before' } : done,
    );
    const answer = await write(...many(9).map((id) => strong(id)));
    if (answer.kind !== 'answered') throw new Error(answer.kind);
    const short = answer.records.map((one) =>
      one.kind === 'missing' && one.request?.kind === 'trouble' ? `sent: ${one.request.sent}` : one.kind,
    );
    expect(short.slice(0, 6)).toEqual(['done', 'done', 'done', 'sent: true', 'done', 'done']);
    expect(short.slice(6, 8)).toEqual(['sent: true', 'sent: true']);
    expect(server.asked.map(idOf)).toContain('T5');
  });

  it('failed with 500 among others that are done is its own failure; with nothing done it is trouble', async () => {
    await start((asked) => (idOf(asked) === 'T1' ? { status: 500 } : done));
    expect(await write(strong('T1'), strong('T2'))).toMatchObject({
      records: [{ kind: 'failed', status: 500 }, { kind: 'done' }],
    });
    expect(await write(strong('T1'))).toMatchObject({ kind: 'trouble', sent: true });
  });

  it('answered with another key than the one sent is a defect, so that no further record is made', async () => {
    await start(() => ({ status: 201, headers: { etag: '"1"' }, body: { value: { id: 'uuid-1' } } }));
    expect(await write(create('T1'))).toMatchObject({ records: [{ kind: 'defect', code: 'OTHER_KEY' }] });
  });

  it('answered with the same GUID in another spelling is done', async () => {
    const id = 'ABCDEF00-0000-4000-8000-000000000001';
    const answer: Answering = () => ({ status: 201, body: { value: { id: id.toLowerCase() } } });
    under = await startApiUnderTest({ protocol: 'sales-cloud', keyType: 'guid' }, answer);
    expect(await write(create(id))).toMatchObject({ records: [{ kind: 'done' }] });
  });
});

describe('a probe over sales-cloud', () => {
  it('asks for one record of the collection', async () => {
    const { api, server } = await start(() => ({ body: { value: [] } }));
    expect(await api.probe(NEVER)).toBeUndefined();
    expect(server.asked).toMatchObject([{ method: 'GET', url: `${COLLECTION}?$top=1` }]);
    expect(server.asked.every(asRead)).toBe(true);
  });

  it('takes an unknown territory for an answer, a missing route not', async () => {
    const path = '/territories/{territoryId}/members';
    let body: object | string = {};
    const { api } = await start(() => ({ status: 404, body }), path);
    expect(await api.probe(NEVER)).toBeUndefined();
    body = 'no route';
    expect(await api.probe(NEVER)).toMatchObject({ reason: 'not-an-answer' });
  });
});
