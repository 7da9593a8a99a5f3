import { describe, expect, it } from 'vitest';
import {
  assignmentsWithoutPerson,
  bytesWithoutPerson,
  ERASED,
  mentions,
  setsErased,
} from '../../../srv/events/erased.ts';
import { readContent } from '../../../srv/events/assignments.ts';

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

describe('Erasing a person', () => {
  it('takes values that equal the id, as text or number, however deep; no part of a longer one, and no name', () => {
    const value = { owner: 'E1', list: [{ deputy: 'E1' }], E1: 'E10', other: null };
    expect(JSON.parse(bytesWithoutPerson(json(value), 'E1')?.toString() ?? '')).toEqual({
      owner: ERASED,
      list: [{ deputy: ERASED }],
      E1: 'E10',
      other: null,
    });
    expect(bytesWithoutPerson(json({ owner: 1001 }), '1001')?.toString()).toBe(`{"owner":"${ERASED}"}`);
    expect(bytesWithoutPerson(json({ E1: 'E10' }), 'E1')).toBeUndefined();
  });

  it('finds an id that the bytes write with escapes', () => {
    expect(bytesWithoutPerson(Buffer.from(String.raw`{"owner":"\u0045\u0031"}`), 'E1')).toBeDefined();
  });

  it('takes bytes that are no JSON as a whole, where they hold the id', () => {
    expect(bytesWithoutPerson(Buffer.from('owner=E1;'), 'E1')?.toString()).toBe(ERASED);
    expect(bytesWithoutPerson(Buffer.from('owner=E2;'), 'E1')).toBeUndefined();
  });

  it('leaves a field in its place with the marker, and takes it out of what was before', () => {
    const [assignment] = assignmentsWithoutPerson(
      [{ id: 'T1', operation: 'update', fields: { owner: 'E1' }, before: { owner: 'E1', size: 3 } }],
      'E1',
    );
    expect(assignment).toEqual({
      id: 'T1',
      operation: 'update',
      fields: { owner: ERASED },
      before: { size: 3 },
    });
    expect(mentions(assignment, 'E1')).toBe(false);
    expect(setsErased([{ fields: { owner: ERASED } }])).toBe(true);
  });

  it('makes no event of it that would write the marker; a marker in `before` counts as not given', () => {
    const content = (fields: object, before: object) =>
      readContent({ territoryId: 'EMEA', assignments: [{ id: 'T1', fields, before }] }, undefined);
    expect(() => content({ owner: ERASED }, {})).toThrow(/fields holds a value that was erased/);
    expect(content({ owner: 'E2' }, { owner: ERASED, size: 3 }).assignments[0]?.before).toEqual({ size: 3 });
  });
});
