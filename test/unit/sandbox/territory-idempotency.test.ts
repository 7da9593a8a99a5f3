import { describe, expect, it } from 'vitest';
import { IdempotencyKeys } from '../../sandbox/territory-api/idempotency.ts';
import type { RecordWrite } from '../../sandbox/territory-api/record.ts';

const write: RecordWrite = {
  id: 'T001',
  operation: 'update',
  ifMatch: 'W/"1"',
  fields: { a: 1, b: 2 },
  idempotencyKey: 'k1',
};
const done = { status: 200, etag: 'W/"2"', fields: {} };

describe('an idempotency key', () => {
  it('gets a repeat the stored result, however its fields are ordered', () => {
    const keys = new IdempotencyKeys(10);
    keys.finish(keys.begin(write), done);
    expect(keys.begin({ ...write, fields: { b: 2, a: 1 } })).toEqual({
      kind: 'answered',
      by: 'replay',
      result: done,
    });
  });

  it('gets a repeat 409 with a problem type while the first is still running', () => {
    const keys = new IdempotencyKeys(10);
    keys.begin(write);
    expect(keys.begin(write)).toMatchObject({
      by: 'running',
      result: { status: 409, error: { type: expect.stringContaining('idempotency') } },
    });
  });

  it.each([
    ['fields', { fields: { a: 1 } }],
    ['If-Match', { ifMatch: 'W/"2"' }],
    ['record', { id: 'T002' }],
    ['operation', { operation: 'create' }],
  ] as const)('is refused with 422 for a request with another %s', (_what, other) => {
    const keys = new IdempotencyKeys(10);
    keys.finish(keys.begin(write), done);
    expect(keys.begin({ ...write, ...other })).toMatchObject({ by: 'reused', result: { status: 422 } });
  });

  it('starts anew after a request that was not carried out', () => {
    const keys = new IdempotencyKeys(10);
    keys.abandon(keys.begin(write));
    expect(keys.begin(write).kind).toBe('fresh');
  });

  it('is not forgotten by giving up what is finished', () => {
    const keys = new IdempotencyKeys(10);
    const ticket = keys.begin(write);
    keys.finish(ticket, done);
    keys.abandon(ticket);
    expect(keys.begin(write)).toMatchObject({ by: 'replay' });
  });

  it('is forgotten, oldest first, above the limit, but never while it runs', () => {
    const keys = new IdempotencyKeys(2);
    keys.begin({ ...write, idempotencyKey: 'running' });
    for (const idempotencyKey of ['a', 'b', 'c']) keys.finish(keys.begin({ ...write, idempotencyKey }), done);
    const kinds = ['running', 'c', 'a'].map((idempotencyKey) => {
      const ticket = keys.begin({ ...write, idempotencyKey });
      return ticket.kind === 'answered' ? ticket.by : ticket.kind;
    });
    expect(kinds).toEqual(['running', 'replay', 'fresh']);
  });

  it('means nothing where idempotency is off', () => {
    const keys = new IdempotencyKeys(0);
    keys.finish(keys.begin(write), done);
    expect(keys.begin(write)).toEqual({ kind: 'unkeyed' });
  });
});
