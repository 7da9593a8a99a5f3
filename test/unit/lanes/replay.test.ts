import { describe, expect, it } from 'vitest';
import type { LaterOnRecord, PendingChange } from '../../../srv/journal/port.ts';
import { dropLater, replayItems } from '../../../srv/lanes/replay.ts';
import { create, pending, remove, update } from './samples.ts';

const later = (fields: readonly string[], more: Partial<LaterOnRecord> = {}): LaterOnRecord => ({
  fields: new Set(fields),
  deleted: false,
  ...more,
});

describe('What later changes leave of an assignment', () => {
  it('is all of it where none of them touched its record', () => {
    const assignment = update('T1', { a: 1 }, { a: 0 });
    expect(dropLater(assignment, undefined)).toBe(assignment);
  });

  it('is the fields that they have not set', () => {
    expect(dropLater(update('T1', { a: 1, b: 2 }), later(['a', 'c']))).toEqual(update('T1', { b: 2 }));
  });

  it('is nothing where they set every field, or deleted the record', () => {
    expect(dropLater(update('T1', { a: 1 }), later(['a']))).toBeUndefined();
    expect(dropLater(update('T1', { a: 1 }), later([], { deleted: true }))).toBeUndefined();
    expect(dropLater(create('T1', { a: 1 }), later([], { deleted: true }))).toBeUndefined();
  });

  it('is nothing of a delete, which would take away what they wrote', () => {
    expect(dropLater(remove('T1'), later(['a']))).toBeUndefined();
  });

  it('of a create is an update: they have ended on the record, so it was there', () => {
    expect(dropLater(create('T1', { a: 1, b: 2 }), later(['a']))).toEqual(update('T1', { b: 2 }));
  });

  it('keeps a field named like a member that every object has', () => {
    const fields = JSON.parse('{"__proto__": 1, "a": 2}') as Record<string, number>;
    const left = dropLater(update('T1', fields), later(['a']));
    expect(Object.keys(left?.fields ?? {})).toEqual(['__proto__']);
  });
});

describe('What is left of a replay', () => {
  const replay = { deadLetterId: 'd', decision: 1, overwrite: false, history: [] };
  const items = (more: Partial<PendingChange>, ...assignments: Parameters<typeof pending>[1]) =>
    replayItems(pending(5, assignments, { decision: 1, replay, ...more }));
  const updated = { id: 'T1', result: 'updated' } as const;

  it('has only what had not succeeded, each in its place', () => {
    const left = items({ results: [updated, undefined] }, update('T1', { a: 1 }), update('T2', { a: 1 }));
    expect(left).toEqual([{ index: 1, assignment: update('T2', { a: 1 }) }]);
  });

  it('says what is superseded', () => {
    const left = items(
      { later: new Map([['T1', later(['a'])]]) },
      update('T1', { a: 1 }),
      update('T2', { a: 1 }),
    );
    expect(left).toEqual([
      { index: 0, assignment: undefined },
      { index: 1, assignment: update('T2', { a: 1 }) },
    ]);
  });

  it('yields to later assignments of the change itself that succeeded, also where it overwrites', () => {
    const twice = [update('T1', { a: 1, b: 1 }), update('T1', { a: 2 })];
    for (const overwrite of [false, true]) {
      const left = items({ results: [undefined, updated], replay: { ...replay, overwrite } }, ...twice);
      expect(left).toEqual([{ index: 0, assignment: update('T1', { b: 1 }) }]);
    }
    expect(items({ results: [undefined, undefined] }, ...twice).map(({ assignment }) => assignment)).toEqual(
      twice,
    );
  });

  it('does not yield to a delete of the change itself that was superseded: it was not carried out', () => {
    const results = [undefined, { id: 'T1', result: 'superseded' } as const];
    const left = items({ results }, update('T1', { a: 1 }), remove('T1'));
    expect(left).toEqual([{ index: 0, assignment: update('T1', { a: 1 }) }]);
  });

  it('is everything where it overwrites, and compares nothing with what the source saw', () => {
    const known = new Map([['T1', later(['a'], { deleted: true })]]);
    const overwriting = { replay: { ...replay, overwrite: true }, later: known };
    const left = items(overwriting, update('T1', { a: 1 }, { a: 0 }), remove('T2'));
    expect(left.map(({ assignment }) => assignment)).toEqual([update('T1', { a: 1 }), remove('T2')]);
    expect(left[0]?.assignment).not.toHaveProperty('before');
  });
});
