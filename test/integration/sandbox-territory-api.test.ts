/** The protocols of the territory API simulator through its socket, spoken to with plain fetch. */
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { fieldTypes } from '../sandbox/territory-api/index.ts';
import { manualClock } from '../sandbox/territory-api/manual-clock.ts';
import {
  COLLECTION,
  batch,
  call,
  json,
  patch,
  read,
  start,
  statuses,
  until,
  update,
  write,
} from './sandbox-territory-client.ts';

describe('protocol rest', () => {
  it('reads many records by id with the wanted fields; unknown ids are absent', async () => {
    const api = await start();
    const { status, headers, body } = await read(api, 'T002,nobody,T001');
    expect(status).toBe(200);
    expect(headers.has('x-cache-status')).toBe(false);
    expect(body).toEqual({
      value: [
        { id: 'T002', etag: 'W/"1"', owner: 'A' },
        { id: 'T001', etag: 'W/"1"', owner: 'A' },
      ],
    });
  });

  it('finds ids with any characters, an encoded comma being part of an id', async () => {
    const api = await start();
    const ids = ['a,b', "O'Hara & sons", 'ü/%?#', '+'];
    api.seedRecords(ids.map((id) => ({ territoryId: 'EMEA', id, fields: {} })));
    const { body } = await read(api, ids.map(encodeURIComponent).join(','));
    expect((body['value'] as { id: string }[]).map(({ id }) => id)).toEqual(ids);
  });

  it('writes many records, each judged alone: 207 with a result per record', async () => {
    const api = await start();
    const reply = await write(api, [
      update('T001', 1),
      update('T002', 7),
      { id: 'T003', fields: { owner: 'B' } },
      update('T404', 1),
      { id: 'T005', operation: 'create', fields: { owner: 'C' } },
      { id: 'T003', operation: 'create', fields: {} },
      { id: 'T003', operation: 'delete', ifMatch: 'W/"1"', fields: {} },
    ]);
    expect(reply.status).toBe(207);
    expect(statuses(reply, 'results')).toEqual([200, 412, 428, 404, 201, 409, 204]);
    expect(reply.body['results']).toContainEqual({ id: 'T001', status: 200, etag: 'W/"2"' });
    expect(reply.body['results']).toContainEqual({
      id: 'T002',
      status: 412,
      error: { code: 'PRECONDITION_FAILED', message: expect.any(String) },
    });
    expect(api.records().map(({ id, etag }) => [id, etag])).toEqual([
      ['T001', 'W/"2"'],
      ['T002', 'W/"1"'],
      ['T005', 'W/"1"'],
    ]);
    expect((await write(api, [update('T001', 2)])).status).toBe(200);
  });

  it('takes a single record’s ETag from the header, and refuses one that differs from the body', async () => {
    const api = await start();
    const { ifMatch, ...bare } = update('T001', 1);
    expect(statuses(await write(api, [bare], { 'if-match': ifMatch }), 'results')).toEqual([200]);
    expect((await write(api, [update('T001', 2)], { 'if-match': 'W/"1"' })).status).toBe(400);
    const two = [update('T001', 2), update('T002', 1)];
    expect((await write(api, two, { 'if-match': 'W/"2"' })).status).toBe(400);
    expect(api.record('EMEA', 'T001')?.version).toBe(2);
  });

  it('reads one record with its ETag in the header', async () => {
    const api = await start();
    const { headers, body } = await call(api, `${COLLECTION}/T001`);
    expect(headers.get('etag')).toBe('W/"1"');
    expect(body).toEqual({ id: 'T001', etag: 'W/"1"', owner: 'A', quota: 1 });
    expect((await call(api, `${COLLECTION}/nobody`)).status).toBe(404);
  });

  it('keeps the territories apart where the path names them', async () => {
    const api = await start({ path: '/v1/territories/{territoryId}/assignments' });
    api.seedRecords([{ territoryId: 'A/B', id: 'T001', fields: { owner: 'Z' } }]);
    const { body } = await call(api, '/v1/territories/A%2FB/assignments?ids=T001');
    expect(body).toEqual({ value: [{ id: 'T001', etag: 'W/"1"', owner: 'Z' }] });
    const request = json('PATCH', { assignments: [update('T001', 1)] });
    expect((await call(api, '/v1/territories/A%2FB/assignments', request)).status).toBe(200);
    expect(api.record('A/B', 'T001')?.version).toBe(2);
    expect(api.record('EMEA', 'T001')?.version).toBe(1);
  });

  it('refuses fields that its validator does not know, record by record', async () => {
    const api = await start({ validateFields: fieldTypes({ owner: 'string' }) });
    const reply = await write(api, [update('T001', 1, { ownr: 'B' }), update('T002', 1)]);
    expect(statuses(reply, 'results')).toEqual([400, 200]);
  });

  it.each([
    ['no JSON', '{', 'application/json', 400],
    ['no list', '{}', 'application/json', 400],
    ['an empty list', '{"assignments":[]}', 'application/json', 400],
    ['a member without id', '{"assignments":[{"fields":{}}]}', 'application/json', 400],
    ['an unknown operation', '{"assignments":[{"id":"T","operation":"upsert"}]}', 'application/json', 400],
    ['another media type', '{"assignments":[]}', 'text/plain', 415],
  ])('refuses %s as a whole', async (_what, body, type, status) => {
    const api = await start();
    const reply = await call(api, COLLECTION, { method: 'PATCH', headers: { 'content-type': type }, body });
    expect(reply.status).toBe(status);
    expect(reply.body).toHaveProperty('error.code');
  });
});

describe('protocol odata-v4', () => {
  it('reads many records by $filter, with an ETag each', async () => {
    const api = await start();
    const filter = encodeURIComponent("id in ('T001','T404','T003')");
    const { status, body } = await call(api, `${COLLECTION}?$filter=${filter}&$select=id,owner,unset`);
    expect(status).toBe(200);
    expect(body['value']).toEqual([
      { '@odata.etag': 'W/"1"', id: 'T001', owner: 'A', unset: null },
      { '@odata.etag': 'W/"1"', id: 'T003', owner: 'A', unset: null },
    ]);
  });

  it('takes no plus sign for a blank', async () => {
    const api = await start();
    expect((await call(api, `${COLLECTION}?$filter=id+in+('T001')`)).status).toBe(400);
  });

  it('answers each independent request of a batch with its own status', async () => {
    const api = await start();
    const reply = await batch(api, [
      patch('T001', 1),
      patch('T002', 9),
      patch('T003', undefined),
      patch('T404', 1),
      { id: 'c', method: 'POST', url: 'assignments', body: { id: 'T005', owner: 'C' } },
      { id: 'd', method: 'DELETE', url: "assignments('T005')", headers: { 'if-match': 'W/"1"' } },
      { id: 'g', method: 'GET', url: "assignments('T001')?$select=id,owner" },
      { id: 'x', method: 'GET', url: 'nothing' },
    ]);
    expect(reply.status).toBe(200);
    expect(statuses(reply, 'responses')).toEqual([200, 412, 428, 404, 201, 204, 200, 404]);
    expect(reply.body['responses']).toContainEqual(
      expect.objectContaining({
        id: 'r-T001',
        headers: expect.objectContaining({ etag: 'W/"2"' }),
        body: { '@odata.etag': 'W/"2"', id: 'T001', owner: 'B', quota: 1 },
      }),
    );
    expect(reply.body['responses']).toContainEqual(
      expect.objectContaining({ id: 'g', body: { '@odata.etag': 'W/"2"', id: 'T001', owner: 'B' } }),
    );
  });

  it('commits nothing of a failed atomicity group, although members report 200 with a new ETag', async () => {
    const api = await start();
    const group = { atomicityGroup: 'g1' };
    const members = [patch('T001', 1, group), patch('T002', 9, group), patch('T003', 1, group)];
    const reply = await batch(api, [...members, patch('T003', 1, { id: 'alone' })]);
    expect(statuses(reply, 'responses')).toEqual([200, 412, 200, 200]);
    expect((reply.body['responses'] as { headers: object }[])[0]?.headers).toHaveProperty('etag', 'W/"2"');
    expect(api.history().map(({ recordId }) => recordId)).toEqual(['T003']);
    await batch(api, [patch('T001', 1, group), patch('T002', 1, group)]);
    expect(api.history().map(({ recordId }) => recordId)).toEqual(['T003', 'T001', 'T002']);
  });

  it('commits nothing of a group of which a member cannot be understood', async () => {
    const api = await start();
    const group = { atomicityGroup: 'g1' };
    const wrong = patch('T002', 1, { ...group, url: 'assignments(T002)' });
    const reply = await batch(api, [patch('T001', 1, group), wrong]);
    expect(statuses(reply, 'responses')).toEqual([200, 400]);
    expect(api.history()).toEqual([]);
  });

  it('stops at the first failure where the client wants it so', async () => {
    const api = await start();
    const requests = [patch('T001', 1), patch('T002', 9), patch('T003', 1)];
    const reply = await batch(api, requests, { prefer: 'odata.continue-on-error=false' });
    expect(statuses(reply, 'responses')).toEqual([200, 412]);
    expect(api.record('EMEA', 'T003')?.version).toBe(1);
  });

  it('takes each request alone as well', async () => {
    const api = await start();
    const one = `${COLLECTION}('T001')`;
    const got = await call(api, one);
    expect([got.status, got.headers.get('etag'), got.body['@odata.etag']]).toEqual([200, 'W/"1"', 'W/"1"']);
    expect((await call(api, one, json('PATCH', { owner: 'B' }))).status).toBe(428);
    const minimal = { 'if-match': 'W/"1"', prefer: 'return=minimal' };
    const patched = await call(api, one, json('PATCH', { owner: 'B' }, minimal));
    expect([patched.status, patched.headers.get('etag')]).toEqual([204, 'W/"2"']);
    const removed = await call(api, one, { method: 'DELETE', headers: { 'if-match': 'W/"2"' } });
    expect(removed.status).toBe(204);
    expect((await call(api, one)).status).toBe(404);
    expect((await call(api, COLLECTION, json('POST', { id: 'T001', owner: 'C' }))).status).toBe(201);
    expect(api.record('EMEA', 'T001')?.etag).toBe('W/"4"');
  });

  it('knows keys that are numbers', async () => {
    const api = await start({ key: { name: 'no', type: 'int' } });
    api.seedRecords([{ territoryId: 'EMEA', id: '17', fields: {} }]);
    const { body } = await call(api, `${COLLECTION}?$filter=${encodeURIComponent('no in (17,18)')}`);
    expect(body['value']).toEqual([{ '@odata.etag': 'W/"1"', no: 17 }]);
  });
});

describe('the simulator', () => {
  it('takes its time for a request: a part, and more for each record', async () => {
    const clock = manualClock();
    const api = await start({ clock, timeScale: 0.1, latency: { baseMs: 100, perRecordMs: 10 } });
    const reading = read(api, 'T001,T002');
    for (let half = 0; half < 2; half += 1) {
      await until(() => clock.pending === 1);
      clock.advance(6);
    }
    await reading;
    expect(api.requests().at(-1)?.ms).toBe(12);
  });

  it('finishes a write whose client has gone', async () => {
    const clock = manualClock();
    const api = await start({ clock, latency: { baseMs: 1000 } });
    const aborted = new AbortController();
    const init = { ...json('PATCH', { assignments: [update('T001', 1)] }), signal: aborted.signal };
    const given = fetch(api.url + COLLECTION, init).catch(() => 'gone');
    await until(() => clock.pending === 1);
    aborted.abort();
    expect(await given).toBe('gone');
    clock.advance(500);
    await until(() => api.record('EMEA', 'T001')?.version === 2);
  });

  it('takes at most 200 records, 1 MB and 8 kB of URL in a request', async () => {
    const api = await start();
    const many = Array.from({ length: 201 }, (_, index) => update(`T${index}`, 1));
    expect((await write(api, many)).status).toBe(413);
    const requests = many.map((_, index) => patch(`T${index}`, 1));
    expect((await batch(api, requests)).status).toBe(413);
    const big = await write(api, [update('T001', 1, { note: 'x'.repeat(1024 * 1024) })]);
    expect([big.status, big.body]).toMatchObject([413, { error: { code: 'BODY_TOO_LARGE' } }]);
    expect((await read(api, 'x'.repeat(9000))).status).toBe(414);
    expect(api.history()).toEqual([]);
  });

  it('lets in only who knows the password, where there is one, and hands out a destination that does', async () => {
    const api = await start({ basicAuth: { username: 'u', password: 'p' } });
    expect((await read(api, 'T001')).status).toBe(401);
    const { name, url, username, password } = api.destination('TERRITORY_API');
    expect([name, url]).toEqual(['TERRITORY_API', api.url]);
    const authorization = `Basic ${btoa(`${username}:${password}`)}`;
    expect((await read(api, 'T001', { authorization })).status).toBe(200);
    expect(JSON.stringify(api.requests())).not.toContain(authorization);
  });

  it('logs its last requests, and links each commit to one', async () => {
    const api = await start({ requestLogLimit: 8 });
    for (let n = 0; n < 7; n += 1) await read(api, 'T001');
    await read(api, 'T001,T002', { 'cache-control': 'no-cache' });
    const { headers } = await write(api, [update('T001', 1)], { 'idempotency-key': '"b"' });
    expect(api.requests()).toHaveLength(8);
    expect(api.requests().slice(-2)).toMatchObject([
      { method: 'GET', status: 200, records: 2, headers: { 'cache-control': 'no-cache' } },
      {
        method: 'PATCH',
        url: COLLECTION,
        status: 200,
        recordIds: ['T001'],
        headers: { 'idempotency-key': '"b"' },
      },
    ]);
    expect(api.history()[0]?.requestId).toBe(headers.get('x-request-id'));
  });

  it('has foreign writers that make clients’ ETags stale, and shows them in the history', async () => {
    const clock = manualClock();
    const api = await start({ clock, timeScale: 0.5 });
    expect(api.foreignWrite('EMEA', 'T001', { phone: '1' }).etag).toBe('W/"2"');
    expect(() => api.foreignWrite('EMEA', 'T404', {})).toThrow('T404');
    expect(statuses(await write(api, [update('T001', 1)]), 'results')).toEqual([412]);
    const writers = api.startForeignWriters({ everyMs: 200, fields: ['phone'] });
    clock.advance(1000);
    expect(writers.writes).toBe(10);
    expect(api.history().filter(({ by }) => by === 'foreign')).toHaveLength(11);
    await api.stop();
    clock.advance(1000);
    expect(writers.writes).toBe(10);
    expect(clock.pending).toBe(0);
  });

  it('says 404 for other paths and 405 for other methods', async () => {
    const api = await start();
    expect((await call(api, '/')).status).toBe(404);
    const put = await call(api, COLLECTION, { method: 'PUT' });
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD, PATCH, POST']);
  });

  it('stops although requests wait and connections are open, leaving no timer', async () => {
    const clock = manualClock();
    const api = await start({ clock, latency: { baseMs: 1000 } });
    const waiting = expect(read(api, 'T001')).rejects.toThrow();
    await until(() => clock.pending === 1);
    await api.stop();
    await waiting;
    expect(clock.pending).toBe(0);
    await expect(read(api, 'T001')).rejects.toThrow();
  });

  it('survives a client that goes away in the middle of its request', async () => {
    const api = await start();
    const socket = connect(Number(new URL(api.url).port), '127.0.0.1').on('error', () => undefined);
    const head = `PATCH ${COLLECTION} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{`;
    await new Promise<void>((resolve) => void socket.write(head, () => resolve()));
    socket.destroy();
    expect((await read(api, 'T001')).status).toBe(200);
  });
});
