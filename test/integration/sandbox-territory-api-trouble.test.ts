/** Late caches, repeats and faults of the territory API simulator, through its socket. */
import { describe, expect, it } from 'vitest';
import { manualClock } from '../sandbox/territory-api/manual-clock.ts';
import {
  COLLECTION,
  batch,
  json,
  patch,
  read,
  start,
  statuses,
  until,
  update,
  write,
} from './sandbox-territory-client.ts';
import type { HeaderTexts } from './sandbox-territory-client.ts';

describe('late caches', () => {
  it('answer with the old version as HIT, past them with the new one as BYPASS, and after the longest lag as MISS', async () => {
    const clock = manualClock();
    const api = await start({ caches: {}, clock });
    const ask = async (node: number, headers: HeaderTexts = {}) => {
      api.routeTo(node);
      const reply = await read(api, 'T001', headers);
      const [record] = reply.body['value'] as { etag: string }[];
      return [reply.headers.get('x-cache-status'), record?.etag];
    };
    expect(await ask(0)).toEqual(['MISS', 'W/"1"']);
    api.routeTo(0);
    await write(api, [update('T001', 1)]);
    expect(await ask(0)).toEqual(['HIT', 'W/"2"']);
    expect(await ask(1)).toEqual(['HIT', 'W/"1"']);
    expect(await ask(1, { 'cache-control': 'no-cache' })).toEqual(['BYPASS', 'W/"2"']);
    clock.advance(1999);
    expect(await ask(2)).toEqual(['HIT', 'W/"1"']);
    clock.advance(3001);
    expect(await ask(2)).toEqual(['HIT', 'W/"2"']);
    clock.advance(1);
    expect(await ask(1)).toEqual(['MISS', 'W/"2"']);
    expect(api.stats().staleReads).toBe(2);
  });

  it('make a stale node refuse the right ETag with 409, an up-to-date one the old ETag with 412', async () => {
    const clock = manualClock();
    const api = await start({ caches: {}, clock });
    api.routeTo(0);
    await write(api, [update('T001', 1)]);
    expect(statuses(await write(api, [update('T001', 1)]), 'results')).toEqual([412]);
    api.routeTo(1);
    const refused = await write(api, [update('T001', 2)]);
    expect(refused.body['results']).toEqual([
      { id: 'T001', status: 409, error: { code: 'STALE_NODE', message: expect.any(String) } },
    ]);
    clock.advance(5000);
    expect(statuses(await write(api, [update('T001', 2)]), 'results')).toEqual([200]);
    expect(api.stats()).toMatchObject({ conflicts409: 1, conflicts412: 1, committed: 2 });
  });

  it('answer a bulk read as HIT if any of its records came from the cache', async () => {
    const api = await start({ caches: {}, clock: manualClock() });
    api.routeTo(0);
    await write(api, [update('T001', 1)]);
    expect((await read(api, 'T002,T003')).headers.get('x-cache-status')).toBe('MISS');
    api.routeTo(1);
    expect((await read(api, 'T003,T001,T002')).headers.get('x-cache-status')).toBe('HIT');
  });

  it('spread requests over all nodes, the same way again with the same seed', async () => {
    const nodesOf = async (seed: number) => {
      const api = await start({ caches: {}, seed });
      for (let n = 0; n < 30; n += 1) await read(api, 'T001');
      return api.requests().map(({ node }) => node);
    };
    const nodes = await nodesOf(5);
    expect(new Set(nodes)).toEqual(new Set([0, 1, 2]));
    expect(await nodesOf(5)).toEqual(nodes);
    expect(await nodesOf(6)).not.toEqual(nodes);
  });
});

describe('idempotency keys', () => {
  const keyed = { ...update('T001', 1), idempotencyKey: 'k1' };

  it('replay success and refusal, whatever else travels along', async () => {
    const api = await start();
    const stale = { ...update('T002', 9), idempotencyKey: 'k2' };
    const first = await write(api, [keyed, stale], { 'idempotency-key': '"bulk-1"' });
    const again = await write(api, [stale, update('T003', 1), keyed], { 'idempotency-key': '"bulk-2"' });
    const [one, two] = first.body['results'] as object[];
    const results = again.body['results'] as object[];
    expect([results[2], results[0]]).toEqual([one, two]);
    expect(api.history()).toHaveLength(2);
    expect(api.stats().replays).toBe(2);
  });

  it('are refused with 422 for another payload', async () => {
    const api = await start();
    await write(api, [keyed]);
    const { body } = await write(api, [{ ...keyed, fields: { owner: 'C' } }]);
    expect(body['results']).toEqual([
      {
        id: 'T001',
        status: 422,
        error: {
          code: 'IDEMPOTENCY_KEY_REUSED',
          message: expect.any(String),
          type: expect.stringContaining('idempotency'),
        },
      },
    ]);
  });

  it('are answered with 409 while the first request is still running', async () => {
    const clock = manualClock();
    const api = await start({ clock });
    api.faults.inject({ kind: 'slow', delayMs: 1000, times: 1 });
    const slow = write(api, [keyed]);
    await until(() => clock.pending === 1);
    const meanwhile = await write(api, [keyed]);
    expect(meanwhile.body['results']).toMatchObject([
      { status: 409, error: { code: 'IDEMPOTENCY_REQUEST_RUNNING' } },
    ]);
    clock.advance(1000);
    expect(statuses(await slow, 'results')).toEqual([200]);
    expect(statuses(await write(api, [keyed]), 'results')).toEqual([200]);
    expect(api.history()).toHaveLength(1);
  });

  it('work per request of a batch, quoted or bare', async () => {
    const api = await start();
    const headers = (key: string) => ({ headers: { 'if-match': 'W/"1"', 'idempotency-key': key } });
    const first = await batch(api, [patch('T001', 1, headers('"k9"'))]);
    const again = await batch(api, [patch('T001', 1, headers('k9'))]);
    expect(again.body).toEqual(first.body);
    expect(api.history()).toHaveLength(1);
  });

  it('of a transaction that failed may be used again for it', async () => {
    const api = await start();
    const member = (id: string, version: number) =>
      patch(id, version, {
        atomicityGroup: 'g',
        headers: { 'if-match': `W/"${version}"`, 'idempotency-key': `key-${id}-${version}` },
      });
    await batch(api, [member('T001', 1), member('T002', 9)]);
    const again = await batch(api, [member('T001', 1), member('T002', 1)]);
    expect(statuses(again, 'responses')).toEqual([200, 200]);
    expect(api.history()).toHaveLength(2);
  });

  it('mean nothing where they are switched off, and a bulk key without quotes is refused', async () => {
    const api = await start({ idempotency: 'off' });
    await write(api, [keyed]);
    expect(statuses(await write(api, [keyed]), 'results')).toEqual([412]);
    expect((await write(api, [keyed], { 'idempotency-key': 'bare' })).status).toBe(400);
  });
});

describe('faults on command', () => {
  it('throttle with Retry-After, fail and forbid as a whole, and write nothing', async () => {
    const api = await start();
    for (const status of [401, 403, 404, 429, 500, 503]) {
      api.faults.inject({ kind: 'status', status, retryAfter: 7, times: 1 });
      const reply = await write(api, [update('T001', 1)]);
      expect([reply.status, reply.headers.get('retry-after')]).toEqual([status, '7']);
    }
    expect(api.history()).toEqual([]);
    expect((await write(api, [update('T001', 1)])).status).toBe(200);
  });

  it('fail single records of a bulk, written or not, and leave records out of the answer', async () => {
    const api = await start();
    const one = (id: string) => (other: string) => other === id;
    api.faults.inject({ kind: 'record-status', status: 403, records: one('T001') });
    api.faults.inject({ kind: 'record-status', status: 500, effect: 'written', records: one('T002') });
    api.faults.inject({ kind: 'record-missing', on: 'write', records: one('T003') });
    const reply = await write(api, [update('T001', 1), update('T002', 1), update('T003', 1)]);
    expect(statuses(reply, 'results')).toEqual([403, 500]);
    expect(api.records().map(({ version }) => version)).toEqual([1, 2, 2]);
  });

  it('of one member keep a whole transaction from being committed', async () => {
    const api = await start();
    api.faults.inject({ kind: 'record-status', status: 403, records: (id) => id === 'T002' });
    const group = { atomicityGroup: 'g1' };
    const reply = await batch(api, [patch('T001', 1, group), patch('T002', 1, group)]);
    expect(statuses(reply, 'responses')).toEqual([200, 403]);
    expect(api.history()).toEqual([]);
  });

  it.each([
    ['destroy', 'written', 2],
    ['destroy', 'not-written', 1],
    ['silence', 'written', 2],
    ['silence', 'not-written', 1],
  ] as const)('withhold the answer (%s) of a write that is %s', async (how, effect, version) => {
    const api = await start();
    api.faults.inject({ kind: 'no-answer', how, effect, on: 'write', times: 1 });
    const keyed = { ...update('T001', 1), idempotencyKey: 'k1' };
    const aborted = new AbortController();
    const unanswered = fetch(api.url + COLLECTION, {
      ...json('PATCH', { assignments: [keyed] }),
      signal: aborted.signal,
    });
    const rejected = expect(unanswered).rejects.toThrow();
    await until(() => api.requests().at(-1)?.status === 'none');
    aborted.abort();
    await rejected;
    expect(api.record('EMEA', 'T001')?.version).toBe(version);
    expect(statuses(await write(api, [keyed]), 'results')).toEqual([200]);
    expect(api.history()).toHaveLength(1);
  });

  it('answer with a login page, a redirect, or half of the JSON', async () => {
    const api = await start();
    api.faults.inject({ kind: 'html', times: 1 });
    const page = await fetch(api.url + COLLECTION);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(await page.text()).toContain('<!doctype html>');
    api.faults.inject({ kind: 'redirect', times: 1 });
    const moved = await fetch(api.url + COLLECTION, { redirect: 'manual' });
    expect([moved.status, moved.headers.get('location')]).toEqual([302, '/login']);
    api.faults.inject({ kind: 'truncated', times: 1 });
    const cut = await fetch(api.url + COLLECTION, json('PATCH', { assignments: [update('T001', 1)] }));
    const text = await cut.text();
    expect(text).toMatch(/^\{"results":/);
    expect(() => JSON.parse(text)).toThrow();
    expect(api.record('EMEA', 'T001')?.version).toBe(2);
  });

  it('do not strike reads when made for writes, and end when cleared', async () => {
    const api = await start();
    const handle = api.faults.inject({ kind: 'status', status: 503, on: 'write' });
    expect((await read(api, 'T001')).status).toBe(200);
    expect((await write(api, [update('T001', 1)])).status).toBe(503);
    api.faults.clear();
    expect((await write(api, [update('T001', 1)])).status).toBe(200);
    expect(handle.hits).toBe(1);
  });
});
