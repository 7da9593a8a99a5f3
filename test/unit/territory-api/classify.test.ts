import { describe, expect, it } from 'vitest';
import { readApiError } from '../../../srv/territory-api/api-error.ts';
import { classifyRecord, judgeRequest, readEtag } from '../../../srv/territory-api/classify.ts';

const none = () => [];
const record = (status: unknown, error: unknown = {}, etag?: unknown) =>
  classifyRecord(status, readApiError(error), etag, none);

describe('the answer for a record', () => {
  it.each([
    [200, 'done'],
    [201, 'done'],
    [204, 'done'],
    [400, 'refused'],
    [403, 'refused'],
    [404, 'refused'],
    [405, 'refused'],
    [409, 'conflict'],
    [410, 'refused'],
    [412, 'conflict'],
    [422, 'refused'],
    [423, 'conflict'],
    [424, 'refused'],
    [428, 'defect'],
    [302, 'failed'],
    [500, 'failed'],
    [503, 'failed'],
    [401, 'running'],
    [429, 'running'],
    ['200', 'missing'],
    [undefined, 'missing'],
    [0, 'missing'],
    [1e9, 'missing'],
  ])('with status %j is %s', (status, kind) => expect(record(status).kind).toBe(kind));

  it.each([
    { code: 'IDEMPOTENCY_KEY_IN_USE' },
    { type: 'https://developer.example.com/idempotency', title: 'A request is outstanding' },
    { type: 'about:blank', title: 'A request is outstanding for this Idempotency-Key' },
  ])('409 of the idempotency draft is still running: %j', (error) => {
    expect(record(409, error)).toEqual({ kind: 'running', status: 409 });
  });

  it('422 of the idempotency draft is our own defect', () => {
    expect(record(422, { code: 'IDEMPOTENCY_KEY_REUSED', message: 'other payload' })).toEqual({
      kind: 'defect',
      status: 422,
      code: 'IDEMPOTENCY_KEY_REUSED',
      message: 'other payload',
    });
  });

  it.each([400, 403, 409, 423, 500])('says "locked by" with %i: a conflict', (status) => {
    expect(record(status, { message: 'Record is locked by user SMITH' }).kind).toBe('conflict');
  });

  it.each(["field 'locked' is set by administrators", 'blocked by policy'])(
    'that only sounds like a lock is none: %s',
    (message) => expect(record(400, { message }).kind).toBe('refused'),
  );

  it('is no lock because a value that was sent says "locked by"', () => {
    const answer = classifyRecord(400, { message: "note 'locked by Bob' is too long" }, undefined, () => [
      'locked by Bob',
    ]);
    expect(answer.kind).toBe('refused');
  });

  it('keeps the ETag verbatim, and none that would match anything', () => {
    expect(record(200, {}, 'W/"2"')).toEqual({ kind: 'done', status: 200, etag: 'W/"2"' });
    for (const etag of ['*', ' * ', '', 7, null, 'x'.repeat(2_000), '"1"\r\nx: y', '"1\0"'])
      expect(readEtag(etag)).toBeUndefined();
  });

  it('masks the values that were sent', () => {
    const answer = classifyRecord(400, { message: "E1008 isn't an owner" }, undefined, () => ['E1008']);
    expect(answer).toMatchObject({ message: "… isn't an owner" });
  });
});

describe('an error body', () => {
  it.each([
    ['OData V4', { error: { code: '412', message: 'm' } }, { code: '412', message: 'm' }],
    ['OData V2', { error: { code: 'X', message: { lang: 'en', value: 'm' } } }, { code: 'X', message: 'm' }],
    ['problem+json', { type: 't', title: 'u', detail: 'm' }, { message: 'm', problem: 't u' }],
    ['CouchDB', { error: 'conflict', reason: 'r' }, { message: 'conflict' }],
    ['a numeric code', { code: 7 }, { code: '7' }],
    ['nothing', null, {}],
    ['a list', [1], {}],
  ])('of %s is read', (_, body, error) => expect(readApiError(body)).toEqual(error));
});

describe('the answer to a request', () => {
  const NOW = 1_000_000;
  const judge = (status: number, body: unknown = {}, headers: Record<string, string> = {}) =>
    judgeRequest(
      {
        kind: 'answer',
        status,
        headers,
        text: typeof body === 'string' ? body : JSON.stringify(body),
        ms: 1,
      },
      NOW,
    );

  it.each([
    [401, 'unauthorized', false],
    [403, 'forbidden', false],
    [404, 'not-an-answer', false],
    [405, 'not-an-answer', false],
    [406, 'not-an-answer', true],
    [415, 'not-an-answer', false],
    [302, 'not-an-answer', true],
    [408, 'unavailable', true],
    [429, 'throttled', false],
    [500, 'unavailable', true],
    [503, 'unavailable', true],
    [418, 'not-an-answer', true],
  ])('%i is trouble: %s (sent: %s)', (status, reason, sent) => {
    expect(judge(status)).toMatchObject({ kind: 'trouble', trouble: { reason, status }, sent });
  });

  it.each([400, 409, 412, 413, 414, 422, 423, 428])('%i refuses the whole', (status) => {
    const verdict = judge(status, { error: { code: 'C', message: 'm' } });
    expect(verdict).toMatchObject({ kind: 'refused-whole', status, code: 'C', message: 'm' });
  });

  it('413 of a proxy, in HTML, refuses the whole too', () => {
    expect(judge(413, '<html>', { 'content-type': 'text/html' }).kind).toBe('refused-whole');
  });

  it.each([
    ['a login page', 200, '<!DOCTYPE html><html>', 'text/html; charset=utf-8'],
    ['a login page that calls itself JSON', 200, '<html>', 'application/json'],
    ['half of a JSON', 200, '{"value":[', 'application/json'],
    ['nothing', 200, '', 'application/json'],
    ['a 400 of a proxy', 400, '<html>', 'text/html'],
  ])('%s is not an answer', (_, status, body, type) => {
    expect(judge(status, body, { 'content-type': type })).toMatchObject({
      kind: 'trouble',
      trouble: { reason: 'not-an-answer' },
    });
  });

  it('tells how long to wait', () => {
    expect(judge(429, {}, { 'retry-after': '3600' })).toMatchObject({ trouble: { retryAfterMs: 3_600_000 } });
    expect(judge(429, {}, { 'retry-after': '1700000000' })).toMatchObject({
      trouble: { retryAfterMs: 24 * 3_600_000 },
    });
    expect(judge(503, {}, { 'retry-after': new Date(NOW + 5_000).toUTCString() })).toMatchObject({
      trouble: { retryAfterMs: 5_000 },
    });
  });
});
