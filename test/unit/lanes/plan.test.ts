import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AssignmentChange, Fields } from '../../../srv/events/change.ts';
import { planLane } from '../../../srv/lanes/plan.ts';
import { create, intent, lane, pending, remembering, remove, request, update } from './samples.ts';

const RESULT = { id: 'T1', result: 'updated' } as const;

function covered(...pairs: readonly (readonly [position: number, index: number])[]) {
  return pairs.map(([position, index]) => ({ position, index }));
}

describe('a flight takes a contiguous prefix of its lane', () => {
  test('as many changes as it has room for records, and stops at the first that does not fit', () => {
    const claimed = lane([
      pending(3, [update('T1', { a: 1 })]),
      pending(5, [update('T2', { a: 1 }), update('T3', { a: 1 })]),
      pending(8, [update('T1', { a: 2 })]),
    ]);
    const plan = planLane(claimed, 2);
    expect(plan.prefixEnd).toBe(3);
    expect(plan.writes.map(({ id }) => id)).toEqual(['T1']);
  });

  test('at least one change, of which it writes as many records as it has room for', () => {
    const many = Array.from({ length: 5 }, (_, index) => update(`T${index}`, { a: 1 }));
    const plan = planLane(lane([pending(3, many), pending(4, [update('T0', { a: 2 })])]), 2);
    expect(plan.prefixEnd).toBe(3);
    expect(plan.writes.map(({ id }) => id)).toEqual(['T0', 'T1']);
  });

  test('and nothing later until every record of it has ended', () => {
    const claimed = lane(
      [
        pending(3, [update('T1', { a: 1 }), update('T2', { a: 1 })], { results: [RESULT, undefined] }),
        pending(4, [update('T3', { a: 1 })]),
      ],
      { prefixEnd: 3 },
    );
    const plan = planLane(claimed, 50);
    expect(plan.prefixEnd).toBe(3);
    expect(plan.writes.map(({ id }) => id)).toEqual(['T2']);
  });

  test('a change that came later does not join the prefix under way, even for the same record', () => {
    const claimed = lane([pending(3, [update('T1', { a: 1 })]), pending(4, [update('T1', { a: 2 })])], {
      prefixEnd: 3,
    });
    expect(planLane(claimed, 50).writes).toMatchObject([{ fields: { a: 1 }, covers: covered([3, 0]) }]);
  });

  test('also after a flight that died: what it may have sent is under way', () => {
    const claimed = lane([pending(3, [update('T1', { a: 1 })]), pending(4, [update('T1', { a: 2 })])], {
      records: remembering({ T1: { doubt: 'sent', intent: intent({ covers: covered([3, 0]) }) } }),
    });
    expect(planLane(claimed, 50).prefixEnd).toBe(3);
  });

  test('the next prefix begins where the former one ended', () => {
    const claimed = lane([pending(9, [update('T1', { a: 3 })])], { prefixEnd: 4 });
    expect(planLane(claimed, 50)).toMatchObject({ prefixEnd: 9, writes: [{ fields: { a: 3 } }] });
  });
});

describe('successive updates of a record become one write', () => {
  test('with the last value of each field, and the image before the first change of it', () => {
    const claimed = lane([
      pending(1, [update('T1', { a: 1, b: 1 }, { a: 0, b: 0 })]),
      pending(2, [update('T1', { a: 2, c: 2 }, { a: 1, c: null })]),
    ]);
    expect(planLane(claimed, 50).writes).toEqual([
      {
        id: 'T1',
        operation: 'update',
        fields: { a: 2, b: 1, c: 2 },
        before: { a: 0, b: 0, c: null },
        covers: covered([1, 0], [2, 0]),
        supersedes: [],
      },
    ]);
  });

  test('a later image is not taken for a field whose first change told none', () => {
    const claimed = lane([
      pending(1, [update('T1', { a: 1 })]),
      pending(2, [update('T1', { a: 2 }, { a: 1 })]),
    ]);
    expect(planLane(claimed, 50).writes[0]?.before).toEqual({});
  });

  test('a change of which every field is set again later is named as superseded, the last one never', () => {
    const claimed = lane([
      pending(1, [update('T1', { a: 1, b: 1 })]),
      pending(2, [update('T1', { a: 2 })]),
      pending(3, [update('T1', { b: 3 })]),
      pending(4, [update('T1', { b: 4, c: 4 })]),
    ]);
    expect(planLane(claimed, 50).writes[0]?.supersedes).toEqual(covered([1, 0], [3, 0]));
  });

  test('but not across a create or a delete: each of these flies alone, in its turn', () => {
    const changes = [
      pending(1, [update('T1', { a: 1 })]),
      pending(2, [remove('T1')]),
      pending(3, [create('T1', { a: 3 })]),
      pending(4, [update('T1', { a: 4 })]),
    ];
    const flown = changes.map((_, done) => planLane(lane(changes.slice(done)), 50).writes);
    expect(flown.map((writes) => writes.map(({ operation, covers }) => [operation, covers.length]))).toEqual([
      [['update', 1]],
      [['delete', 1]],
      [['create', 1]],
      [['update', 1]],
    ]);
  });

  test('a field named as a member of every object is only a field', () => {
    const fields = JSON.parse('{"constructor": 1, "__proto__": 2}') as Fields;
    const [write] = planLane(
      lane([
        pending(1, [update('T1', fields, Object.assign(Object.create(null) as Fields, { toString: 'x' }))]),
      ]),
      50,
    ).writes;
    expect(JSON.stringify(write?.fields)).toBe('{"constructor":1,"__proto__":2}');
    expect(write?.before).toEqual({});
  });

  test('for any updates, the write has the effect of applying them in order, and no record appears twice', () => {
    const fields = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.nat(3));
    const someUpdate = fc.record({ id: fc.constantFrom('T1', 'T2', 'T3'), fields });
    fc.assert(
      fc.property(
        fc.array(fc.array(someUpdate, { minLength: 1, maxLength: 4 }), { minLength: 1 }),
        (batches) => {
          const changes = batches.map((batch, index) =>
            pending(
              index + 1,
              batch.map(({ id, fields }): AssignmentChange => update(id, fields)),
            ),
          );
          const { writes } = planLane(lane(changes), 50);
          expect(new Set(writes.map(({ id }) => id)).size).toBe(writes.length);
          for (const { id, fields, covers, supersedes } of writes) {
            const inOrder = batches.flat().filter((item) => item.id === id);
            expect({ ...fields }).toEqual(Object.assign({}, ...inOrder.map((item) => item.fields)));
            expect(covers).toHaveLength(inOrder.length);
            const kept = covers.filter((cover) => !supersedes.includes(cover));
            const left = kept.map(({ position, index }) => batches[position - 1]?.[index]?.fields);
            expect(Object.assign({}, ...left)).toEqual({ ...fields });
          }
        },
      ),
    );
  });
});

describe('after a merged write was refused for its content', () => {
  const changes = [
    pending(1, [update('T1', { a: 1 }), update('T1', { a: 2 }), update('T2', { a: 1 })]),
    pending(2, [update('T1', { a: 3 }), update('T2', { a: 2 })]),
    pending(3, [update('T1', { a: 4 })]),
    pending(4, [update('T1', { a: 5 })]),
  ];

  test('every assignment up to the stored position flies by itself, in order, within the same prefix', () => {
    const plan = planLane(lane(changes, { prefixEnd: 2, unmergedUpTo: 2 }), 50);
    expect(plan.prefixEnd).toBe(2);
    expect(plan.writes.map(({ id, fields }) => [id, { ...fields }])).toEqual([
      ['T1', { a: 1 }],
      ['T2', { a: 1 }],
    ]);
  });

  test('beyond it updates are merged again', () => {
    const plan = planLane(lane(changes.slice(2), { prefixEnd: 2, unmergedUpTo: 2 }), 50);
    expect(plan.writes).toMatchObject([{ fields: { a: 5 }, covers: covered([3, 0], [4, 0]) }]);
  });
});

describe('a record in doubt', () => {
  const changes = [
    pending(1, [update('T1', { a: 1 }), update('T2', { a: 1 })]),
    pending(2, [update('T1', { a: 2 })]),
  ];
  const sent = intent({ covers: covered([1, 0]) });

  test('is repeated exactly, and nothing else of its lane is planned', () => {
    const records = remembering({ T1: { doubt: 'sent', intent: sent }, T2: { conflicts: 1 } });
    const plan = planLane(lane(changes, { prefixEnd: 2, records }), 50);
    expect(plan.repeats).toEqual([sent]);
    expect(plan.repeats[0]).toBe(sent);
    expect(plan.writes).toEqual([]);
    expect(plan.prefixEnd).toBe(2);
  });

  test('waits for the next flight where there are more of them than room', () => {
    const other = intent({ request: request({ id: 'T2' }) });
    const records = remembering({
      T1: { doubt: 'sent', intent: sent },
      T2: { doubt: 'sent', intent: other },
    });
    expect(planLane(lane(changes, { prefixEnd: 2, records }), 1).repeats).toEqual([sent]);
  });

  test('whose repetition was refused is planned with exactly what the first send covered', () => {
    const records = remembering({ T1: { doubt: 'refused', intent: sent } });
    expect(planLane(lane(changes, { prefixEnd: 2, records }), 50).writes[0]?.covers).toEqual(covered([1, 0]));
  });

  test('keeps what it covered together though the rest of the prefix is unmerged', () => {
    const merged = intent({ covers: covered([1, 0], [2, 0]) });
    const records = remembering({ T1: { doubt: 'refused', intent: merged } });
    const plan = planLane(lane(changes, { prefixEnd: 2, unmergedUpTo: 2, records }), 50);
    expect(plan.writes[0]).toMatchObject({ fields: { a: 2 }, covers: merged.covers });
  });

  test('of a dead letter is written as any other: there is no request left to repeat', () => {
    const records = remembering({ T1: { doubt: 'sent' } });
    expect(planLane(lane(changes, { records }), 50)).toMatchObject({
      repeats: [],
      writes: [{ id: 'T1' }, { id: 'T2' }],
    });
  });
});
