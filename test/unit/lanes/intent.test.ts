import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NEW_RECORD, type RecordMemory } from '../../../srv/journal/port.ts';
import { makeIntent } from '../../../srv/lanes/intent.ts';
import type { PlannedWrite } from '../../../srv/lanes/planned-write.ts';
import { nameUuid } from '../../../srv/platform/ids.ts';
import { create, lane, pending, planned, remove, update } from './samples.ts';

const claimed = lane([
  pending(4, [update('T1', { owner: 'E2' })], { decision: 3 }),
  pending(6, [update('T1', { owner: 'E3' })]),
]);

interface Case {
  readonly write?: Partial<PlannedWrite>;
  readonly decided?: { readonly operation: 'update' | 'create' | 'delete'; readonly ifMatch?: string };
  readonly memory?: Partial<RecordMemory>;
}

function keyOf({ write, decided = { operation: 'update', ifMatch: 'W/"1"' }, memory }: Case): string {
  const covers = [{ position: 4, index: 0 }];
  return makeIntent(claimed, planned({ covers, ...write }), decided, memory && { ...NEW_RECORD, ...memory })
    .request.idempotencyKey;
}

test('the request is what was decided, with all that the write sets and covers', () => {
  const write = planned({ covers: [{ position: 4, index: 0 }], supersedes: [], operation: 'create' });
  expect(makeIntent(claimed, write, { operation: 'update', ifMatch: 'W/"5"' }, undefined)).toEqual({
    request: {
      territoryId: 'NORTH',
      id: 'T1',
      operation: 'update',
      ifMatch: 'W/"5"',
      fields: { owner: 'E2' },
      idempotencyKey: expect.any(String) as string,
    },
    covers: write.covers,
    supersedes: write.supersedes,
  });
});

describe('the idempotency key', () => {
  test('is made of the lane, the lowest position and its decision, the request, and the refusals so far', () => {
    expect(keyOf({ memory: { refusals: 2 } })).toBe(
      nameUuid(JSON.stringify(['NORTH', 4, 3, 'T1', 'PATCH', 'W/"1"', { owner: 'E2' }, 2])),
    );
    expect(keyOf({ decided: { operation: 'create' } })).toBe(
      nameUuid(JSON.stringify(['NORTH', 4, 3, 'T1', 'POST', null, { owner: 'E2' }, 0])),
    );
    expect(keyOf({ write: { fields: {} }, decided: { operation: 'delete', ifMatch: 'W/"1"' } })).toBe(
      nameUuid(JSON.stringify(['NORTH', 4, 3, 'T1', 'DELETE', 'W/"1"', {}, 0])),
    );
  });

  test('is the same for the same request', () => {
    expect(keyOf({})).toBe(keyOf({ memory: { conflicts: 3, failures: 1 } }));
  });

  test('is another as soon as anything of it differs', () => {
    const others = [
      keyOf({}),
      keyOf({ write: { covers: [{ position: 6, index: 0 }] } }),
      keyOf({ write: { id: 'T2' } }),
      keyOf({ write: { fields: { owner: 'E3' } } }),
      keyOf({ decided: { operation: 'update', ifMatch: 'W/"2"' } }),
      keyOf({ decided: { operation: 'delete', ifMatch: 'W/"1"' } }),
      keyOf({ memory: { refusals: 1 } }),
    ];
    expect(new Set(others).size).toBe(others.length);
  });

  test('is another for each create of one record in one change, equal to the letter as they may be', () => {
    const again = [create('T1', { owner: 'E2' }), remove('T1'), create('T1', { owner: 'E2' })];
    const keys = [0, 2].map((index) => {
      const write = planned({ operation: 'create', covers: [{ position: 4, index }] });
      const { request } = makeIntent(lane([pending(4, again)]), write, { operation: 'create' }, undefined);
      return request.idempotencyKey;
    });
    expect(new Set(keys).size).toBe(2);
  });

  test('never mixes up values that look alike', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        const [first, second] = [one, other].map((value) =>
          keyOf({ write: { fields: { f: value as string } } }),
        );
        expect(first === second).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });
});
