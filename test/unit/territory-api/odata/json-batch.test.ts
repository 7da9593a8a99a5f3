import { describe, expect, it } from 'vitest';
import type { BatchItem } from '../../../../srv/territory-api/odata/version.ts';
import { buildBatch, readBatch } from '../../../../srv/territory-api/odata/json-batch.ts';
import type { WriteRequest } from '../../../../srv/territory-api/port.ts';

const item = (id: string, more: Partial<WriteRequest> = {}): BatchItem => ({
  request: {
    territoryId: 'EMEA',
    id,
    operation: 'update',
    ifMatch: 'W/"1"',
    fields: { owner: 'E1008' },
    idempotencyKey: 'k',
    ...more,
  },
  collection: 'assignments',
  ...(more.operation !== 'create' && { entity: `assignments('${id}')` }),
  body: { owner: 'E1008' },
  exactNumbers: false,
});
const kinds = (items: BatchItem[], responses: unknown[]) =>
  readBatch(items, { responses })?.records.map(({ kind }) => kind);

describe('a batch', () => {
  it('holds one request per record, each with its own condition and key', () => {
    const create: Partial<WriteRequest> = { operation: 'create' };
    const { ifMatch: _, ...unread } = item('B/2', create).request;
    const items = [
      item('A'),
      { ...item('B/2', create), request: unread, body: { owner: 'E1008', id: 'B/2' } },
      item('C', { operation: 'delete', fields: {}, transaction: 'change 1' }),
    ];
    const json = { 'content-type': 'application/json' };
    expect(JSON.parse(buildBatch(items))).toEqual({
      requests: [
        {
          id: '0',
          method: 'PATCH',
          url: "assignments('A')",
          headers: { 'if-match': 'W/"1"', 'idempotency-key': '"k"', ...json },
          body: { owner: 'E1008' },
        },
        {
          id: '1',
          method: 'POST',
          url: 'assignments',
          headers: { 'idempotency-key': '"k"', ...json },
          body: { owner: 'E1008', id: 'B/2' },
        },
        {
          id: '2',
          atomicityGroup: 'g2',
          method: 'DELETE',
          url: "assignments('C')",
          headers: { 'if-match': 'W/"1"', 'idempotency-key': '"k"' },
        },
      ],
    });
  });

  it('says so where numbers stand as strings in it', () => {
    const built = buildBatch([{ ...item('A'), exactNumbers: true }]);
    expect(JSON.parse(built)).toMatchObject({
      requests: [{ headers: { 'content-type': 'application/json;IEEE754Compatible=true' } }],
    });
  });
});

describe('the answer to a batch', () => {
  it('is read by id, in whatever order it comes', () => {
    const responses = [
      { id: '1', status: 412, body: { error: { code: '412', message: 'Precondition Failed' } } },
      { id: '0', status: 204, headers: { ETag: 'W/"2"' } },
    ];
    expect(readBatch([item('A'), item('B')], { responses })).toEqual({
      records: [
        { kind: 'done', status: 204, etag: 'W/"2"' },
        { kind: 'conflict', status: 412, code: '412', message: 'Precondition Failed' },
      ],
      ignored: 0,
    });
  });

  it('takes the ETag from the body where no header holds it', () => {
    const responses = [{ id: '0', status: 200, body: { '@odata.etag': 'W/"7"' } }];
    expect(readBatch([item('A')], { responses })?.records).toEqual([
      { kind: 'done', status: 200, etag: 'W/"7"' },
    ]);
  });

  it('leaves a record without a response missing', () => {
    expect(kinds([item('A'), item('B')], [{ id: '0', status: 200 }])).toEqual(['done', 'missing']);
  });

  it('does not take a structure for an id, however deep it is', () => {
    let id: unknown = '0';
    for (let depth = 0; depth < 20_000; depth += 1) id = [id];
    expect(kinds([item('A')], [{ id, status: 204 }])).toEqual(['missing']);
  });

  it('lets the first response for an id count, and ignores what belongs to nothing', () => {
    const responses = [
      { id: '0', status: 200 },
      { id: '0', status: 500 },
      { id: '5', status: 200 },
      'x',
      null,
    ];
    expect(readBatch([item('A')], { responses })).toEqual({
      records: [{ kind: 'done', status: 200 }],
      ignored: 4,
    });
  });

  it.each([null, [], {}, { responses: {} }])('that is %j is none', (body) => {
    expect(readBatch([item('A')], body)).toBeUndefined();
  });
});

describe('a transaction', () => {
  const group = [item('A', { transaction: 't' }), item('B', { transaction: 't' }), item('C')];
  const ok = (id: string) => ({ id, status: 200, headers: { etag: 'W/"2"' } });

  it('with a refused member did not happen, although the others say 200 with a new ETag', () => {
    expect(kinds(group, [ok('0'), { id: '1', status: 412 }, ok('2')])).toEqual([
      'rolled-back',
      'conflict',
      'done',
    ]);
  });

  it('with a refused member did not happen, although the answer leaves the others out', () => {
    expect(kinds(group, [{ id: '1', status: 412 }, ok('2')])).toEqual(['rolled-back', 'conflict', 'done']);
  });

  it.each([[{ id: '1', status: 500 }], []])(
    'with a member of unknown fate is of unknown fate',
    (...responses) => {
      expect(kinds(group, [ok('0'), ...responses, ok('2')])?.[0]).toBe('missing');
    },
  );

  it('of which all succeeded is done', () => {
    expect(kinds(group, [ok('0'), ok('1'), ok('2')])).toEqual(['done', 'done', 'done']);
  });
});
