import { describe, expect, it } from 'vitest';
import type { BatchItem } from '../../../srv/territory-api/odata-batch.ts';
import { buildBatch, readBatch } from '../../../srv/territory-api/odata-batch.ts';
import type { WriteRequest } from '../../../srv/territory-api/port.ts';

const item = (id: string, more: Partial<WriteRequest> = {}, atomicityGroup?: string): BatchItem => ({
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
  literal: `'${id}'`,
  key: { name: 'id', value: id },
  ...(atomicityGroup !== undefined && { atomicityGroup }),
});
const kinds = (items: BatchItem[], responses: unknown[]) =>
  readBatch(items, { responses })?.records.map(({ kind }) => kind);

describe('a batch', () => {
  it('holds one request per record, each with its own condition and key', () => {
    const create: Partial<WriteRequest> = { operation: 'create' };
    const { ifMatch: _, ...unread } = item('B/2', create).request;
    const items = [
      item('A'),
      { ...item('B/2', create), request: unread },
      item('C', { operation: 'delete', fields: {} }, 'g1'),
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
          atomicityGroup: 'g1',
          method: 'DELETE',
          url: "assignments('C')",
          headers: { 'if-match': 'W/"1"', 'idempotency-key': '"k"' },
        },
      ],
    });
  });

  it('keeps the key of a create, whatever field of that name the event sets', () => {
    const built = buildBatch([item('A', { operation: 'create', fields: { id: 'OTHER' } })]);
    expect(JSON.parse(built)).toMatchObject({ requests: [{ body: { id: 'A' } }] });
  });

  it('encodes a literal as part of one URL segment', () => {
    const built = buildBatch([{ ...item('x'), literal: "'O''H/a?#%'" }]);
    expect(JSON.parse(built)).toMatchObject({ requests: [{ url: "assignments('O''H%2Fa%3F%23%25')" }] });
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

describe('an atomicity group', () => {
  const group = [item('A', {}, 'g'), item('B', {}, 'g'), item('C')];
  const ok = (id: string) => ({ id, status: 200, headers: { etag: 'W/"2"' } });

  it('with a failed member did not happen, although the others say 200 with a new ETag', () => {
    const records = readBatch(group, { responses: [ok('0'), { id: '1', status: 412 }, ok('2')] })?.records;
    expect(records?.map(({ kind }) => kind)).toEqual(['refused', 'conflict', 'done']);
    expect(records?.[0]).toMatchObject({ status: 424, code: 'ATOMICITY_GROUP_FAILED' });
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
