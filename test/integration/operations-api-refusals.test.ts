import { describe, expect, it } from 'vitest';

import { deadLetter } from './operations-api-doubles.ts';
import { call, expectProblem, get, post, setUpStage, stage } from './operations-api-stage.ts';

setUpStage();

describe('a request that is wrong', () => {
  it.each([
    ['territories?limit=0', 'limit must be a whole number from 1 to 200.'],
    ['territories?limit=201', 'limit must be a whole number from 1 to 200.'],
    ['territories?limit=5&limit=6', 'limit must be a whole number from 1 to 200.'],
    [
      'territories?state=idle',
      'state must be one of ready, in-flight, retrying, resting, locked, held, paused.',
    ],
    ['territories?stat=ready', 'stat is not a member of the query.'],
    ['territories/a?x=1', 'x is not a member of the query.'],
    ['dead-letters?reason=', /^reason must be one of INVALID_EVENT, /],
    [`dead-letters?territory=${'x'.repeat(101)}`, 'territory must have at most 100 characters.'],
    [`changes/1?source=${'x'.repeat(513)}`, 'source must have at most 512 characters.'],
    ['summary?cursor=1', 'cursor is not a member of the query.'],
  ])('is told so: GET %s', async (path, detail) => {
    expectProblem(await get(path), { status: 400, detail: expect.stringMatching(detail) });
  });

  it.each(['territories', 'dead-letters'])('is told so where its cursor is unknown: %s', async (list) => {
    expectProblem(await get(`${list}?cursor=nonsense`), { status: 400, code: 'UNKNOWN_CURSOR' });
  });

  it.each([
    ['processing/pause', {}, 'what must be one of intake, flights, all.'],
    ['processing/pause', { what: 'everything' }, 'what must be one of intake, flights, all.'],
    ['processing/pause', [], 'The body must be an object.'],
    ['processing/pause', null, 'The body must be an object.'],
    ['territories/a/pause', { why: 1 }, 'why is not a member of the body.'],
    ['dead-letters/1/discard', {}, 'note must be a string of 1 to 1000 characters.'],
    ['dead-letters/1/discard', { note: '' }, 'note must not be empty.'],
    ['dead-letters/1/discard', { note: 'x'.repeat(1001) }, 'note must have at most 1000 characters.'],
    ['dead-letters/1/discard', { note: '\0' }, 'note must not hold a NUL character or a lone surrogate.'],
    ['dead-letters/1/replay', { overwrite: 'yes' }, 'overwrite must be true or false.'],
    ['dead-letters/1/replay', { overwrit: true }, 'overwrit is not a member of the body.'],
    ['dead-letters/1/replay', { assignments: [] }, 'assignments must hold at least one assignment.'],
    ['dead-letters/1/replay', { assignments: null }, /^assignments must be an array/],
    [
      'dead-letters/1/replay',
      { assignments: [{ id: 'T', fields: { a: [] } }] },
      /^assignments\[0\]\.fields\.a must be/,
    ],
    ['dead-letters/replay', { note: 'n' }, 'filter must be an object.'],
    ['dead-letters/replay', { filter: { reason: 'BORED' } }, /^filter\.reason must be one of /],
    [
      'dead-letters/replay',
      { filter: { failedBefore: 'noon' } },
      /^filter\.failedBefore must be a time such as/,
    ],
    ['dead-letters/replay', { filter: { color: 1 } }, 'filter.color is not a member of the body.'],
  ])('is told which member is wrong: POST %s %j', async (path, body, detail) => {
    stage.deadLetters.letters = [deadLetter('1')];
    expectProblem(await post(path, body), {
      status: 400,
      code: 'BAD_REQUEST',
      detail: expect.stringMatching(detail),
    });
    expect(stage.deadLetters.orders).toEqual([]);
    expect(stage.processing.paused()).toEqual({ intake: false, flights: false });
  });

  it.each([
    ['not JSON', Buffer.from('{note')],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['nested without end', Buffer.from('['.repeat(50_000))],
    ['a member named __proto__', Buffer.from('{"note":"n","__proto__":{"note":"x"}}')],
  ])('is refused where its body is %s', async (_what, body) => {
    stage.deadLetters.letters = [deadLetter('1')];
    const headers = { 'content-type': 'application/json' };
    expectProblem(await call('POST', 'dead-letters/1/discard', { body, headers }), { status: 400 });
    expect(stage.deadLetters.orders).toEqual([]);
  });

  it('is refused where its body is over 1 MB', async () => {
    expectProblem(await post('dead-letters/1/discard', { note: 'x'.repeat(1_048_577) }), { status: 413 });
  });
});

describe('a web page in a browser on this machine', () => {
  it.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'what=all'],
    ['a text form', { 'content-type': 'text/plain' }, '{"what":"all"}'],
    ['a type that only looks right', { 'content-type': 'application/jsonp' }, '{"what":"all"}'],
    ['a request without a type', {}, undefined],
  ])('changes nothing by %s', async (_what, headers: Record<string, string>, body) => {
    for (const path of ['processing/pause', 'territories/a/pause']) {
      expectProblem(await call('POST', path, { headers, ...(body !== undefined && { body }) }), {
        status: 415,
        code: 'NOT_JSON',
      });
    }
    expect(stage.processing.paused()).toEqual({ intake: false, flights: false });
    expect(stage.lanes.paused.size).toBe(0);
  });

  it('gets no leave to send JSON from elsewhere', async () => {
    const answer = await call('OPTIONS', 'processing/pause', {
      headers: { origin: 'http://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(answer.status).toBe(404);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it.each([
    'evil.example',
    'evil.example:4004',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    '[::2]',
    ':4004',
  ])('reads nothing under the name %s, whatever that resolves to', async (host) => {
    for (const answer of [
      await call('GET', 'summary', { headers: { host } }),
      await call('POST', 'processing/pause', {
        headers: { host, 'content-type': 'application/json' },
        body: '{"what":"all"}',
      }),
    ]) {
      expectProblem(answer, { status: 403, code: 'FOREIGN_HOST' });
    }
    expect(stage.processing.paused()).toEqual({ intake: false, flights: false });
  });

  it.each(['localhost', 'LOCALHOST:4004', '127.0.0.1:1', '127.1.2.3', '[::1]:4004', '[::1]'])(
    'is told from a caller that names this machine as %s',
    async (host) => {
      expect(await call('GET', 'summary', { headers: { host } })).toMatchObject({ status: 200 });
    },
  );
});
