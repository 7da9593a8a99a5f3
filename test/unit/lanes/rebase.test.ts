import { describe, expect, test } from 'vitest';
import { NEW_RECORD, type RecordMemory } from '../../../srv/journal/port.ts';
import type { PlannedWrite } from '../../../srv/lanes/planned-write.ts';
import { rebase, type Decision, type OverlapPolicy } from '../../../srv/lanes/rebase.ts';
import type { RecordState } from '../../../srv/territory-api/port.ts';
import { intent, planned, request } from './samples.ts';

const MISSING: RecordState = { found: false };

function found(fields: Readonly<Record<string, unknown>>): RecordState {
  return { found: true, etag: 'W/"5"', fields };
}

interface Case {
  readonly write?: Partial<PlannedWrite>;
  readonly read: RecordState;
  readonly proof?: boolean;
  readonly memory?: Partial<RecordMemory>;
  readonly onOverlap?: OverlapPolicy;
}

function decide({ write, read, proof = false, memory, onOverlap = 'source-wins' }: Case): Decision {
  const known = memory && { ...NEW_RECORD, ...memory };
  return rebase(planned(write), read, proof, known, { onOverlap, retryLimit: 2 });
}

const WRITE: Decision = { kind: 'write', operation: 'update', ifMatch: 'W/"5"' };

describe('nothing is concluded from a read', () => {
  test('unless it is proof: a read as wanted is written all the same, with the ETag read', () => {
    expect(decide({ read: found({ owner: 'E2' }) })).toEqual(WRITE);
  });

  test('but from proof: the record is unchanged', () => {
    expect(decide({ read: found({ owner: 'E2' }), proof: true })).toEqual({
      kind: 'conclude',
      result: 'unchanged',
      etag: 'W/"5"',
    });
  });

  test('while a request of a dead letter may still land, not even from proof', () => {
    const memory = { doubt: 'sent' } as const;
    expect(decide({ read: found({ owner: 'E2' }), proof: true, memory })).toEqual(WRITE);
    const write = { operation: 'delete', fields: {} } as const;
    expect(decide({ write, read: MISSING, proof: true, memory })).toEqual({ kind: 'look-again' });
  });

  test('of a missing record: an update and a delete look again, until proof or all caches have had their time', () => {
    for (const operation of ['update', 'delete'] as const) {
      expect(decide({ write: { operation }, read: MISSING }).kind).toBe('look-again');
      const known = operation === 'update' ? 'not-found' : 'conclude';
      expect(decide({ write: { operation }, read: MISSING, proof: true }).kind).toBe(known);
      expect(decide({ write: { operation }, read: MISSING, memory: { conflicts: 3 } }).kind).toBe(
        'look-again',
      );
      expect(decide({ write: { operation }, read: MISSING, memory: { waitedOut: true } }).kind).toBe(known);
    }
  });
});

describe('what the source saw before', () => {
  const write = { fields: { owner: 'E3' }, before: { owner: 'E2' } };
  const left = new Map([['owner', ['E1', 'E2']]]);
  const review = (read: RecordState, unwritten?: typeof left) =>
    rebase(planned(write), read, true, undefined, { onOverlap: 'review', retryLimit: 2 }, unwritten).kind;

  test('and does not stand there because of our own dead letter is no overlap', () => {
    expect(review(found({ owner: 'E1' }))).toBe('fail');
    expect(review(found({ owner: 'E1' }), left)).toBe('write');
  });

  test('is still compared with what another writer has put there since', () => {
    expect(review(found({ owner: 'X9' }), left)).toBe('fail');
  });
});

describe('a refused repetition', () => {
  const memory = { doubt: 'refused', conflicts: 1 } as const;

  test('found as wanted counts as updated, a record found deleted as deleted', () => {
    expect(decide({ read: found({ owner: 'E2' }), proof: true, memory })).toMatchObject({
      result: 'updated',
    });
    const write = { operation: 'delete', fields: {} } as const;
    expect(decide({ write, read: MISSING, proof: true, memory })).toMatchObject({ result: 'deleted' });
  });

  test('not found as wanted is written again where the source wins, and an overlap where a person has to look', () => {
    expect(decide({ read: found({ owner: 'E1' }), proof: true, memory })).toEqual(WRITE);
    expect(decide({ read: found({ owner: 'E1' }), proof: true, memory, onOverlap: 'review' })).toEqual({
      kind: 'fail',
      code: 'OVERLAP',
    });
  });

  test('that still shows the refused ETag says nothing: the first send may land yet, so it is written once more', () => {
    const late = { ...memory, intent: intent({ request: request({ ifMatch: 'W/"5"' }) }) };
    for (const owner of ['E1', 'E2']) {
      expect(decide({ read: found({ owner }), proof: true, memory: late, onOverlap: 'review' })).toEqual(
        WRITE,
      );
    }
  });

  test('of a delete whose record is there again is an overlap too', () => {
    const write = { operation: 'delete', fields: {} } as const;
    expect(decide({ write, read: found({}), proof: true, memory, onOverlap: 'review' })).toMatchObject({
      code: 'OVERLAP',
    });
  });
});

describe('a create', () => {
  const write = { operation: 'create' } as const;

  test('of a missing record carries no ETag', () => {
    expect(decide({ write, read: MISSING })).toEqual({ kind: 'write', operation: 'create' });
  });

  test('of a record that exists becomes an update with its ETag', () => {
    expect(decide({ write, read: found({ owner: 'E1' }) })).toEqual(WRITE);
  });
});

test('a delete of an existing record carries its ETag, whatever its fields are', () => {
  expect(decide({ write: { operation: 'delete', fields: {} }, read: found({}), proof: true })).toEqual({
    kind: 'write',
    operation: 'delete',
    ifMatch: 'W/"5"',
  });
});

describe('under review', () => {
  const write = { before: { owner: 'E1' } };

  test('a field that is neither as the source saw it nor as it wants it is an overlap, once that is proven', () => {
    const read = found({ owner: 'E9' });
    expect(decide({ write, read, onOverlap: 'review' }).kind).toBe('look-again');
    expect(decide({ write, read, onOverlap: 'review', proof: true })).toEqual({
      kind: 'fail',
      code: 'OVERLAP',
    });
    expect(decide({ write, read, onOverlap: 'review', memory: { conflicts: 3 } })).toMatchObject({
      code: 'OVERLAP',
    });
  });

  test('a field as the source saw it, or as it wants it, or without an image, is written', () => {
    const rest = { onOverlap: 'review', proof: true } as const;
    expect(decide({ write, read: found({ owner: 'E1' }), ...rest })).toEqual(WRITE);
    const both = { fields: { owner: 'E2', quota: 5 }, before: { owner: 'E1' } };
    expect(decide({ write: both, read: found({ owner: 'E2', quota: 4 }), ...rest })).toEqual(WRITE);
    expect(decide({ write: { before: {} }, read: found({ owner: 'E9' }), ...rest })).toEqual(WRITE);
  });

  test('a write that was told apart after long failure is compared as any: what failed so often hardly ever landed', () => {
    const refused = { doubt: 'refused', intent: intent({ request: request({ ifMatch: 'W/"4"' }) }) } as const;
    const judged = (memory: Partial<RecordMemory>, owner: string) =>
      decide({ write, read: found({ owner }), proof: true, memory, onOverlap: 'review' });
    expect(judged({ ...refused, toldApart: 'once' }, 'E1')).toEqual(WRITE);
    expect(judged({ ...refused, toldApart: 'once' }, 'E9')).toMatchObject({ code: 'OVERLAP' });
    expect(judged(refused, 'E1')).toMatchObject({ code: 'OVERLAP' });
  });

  test('the other policy writes over it', () => {
    expect(decide({ write, read: found({ owner: 'E9' }), proof: true })).toEqual(WRITE);
  });
});

describe('the conflict limit', () => {
  test('allows a write after as many conflicts as there are retries, and none after one more', () => {
    expect(decide({ read: found({ owner: 'E1' }), memory: { conflicts: 2, refusals: 2 } })).toEqual(WRITE);
    const fail: Decision = { kind: 'fail', code: 'CONFLICT_LIMIT' };
    const memory = { conflicts: 3, refusals: 3 };
    expect(decide({ read: found({ owner: 'E1' }), memory })).toEqual(fail);
    expect(decide({ write: { operation: 'create' }, read: MISSING, memory })).toEqual(fail);
  });

  test('is not reached by looks that brought nothing: what was never refused is written', () => {
    expect(decide({ read: found({ owner: 'E1' }), memory: { conflicts: 4, refusals: 1 } })).toEqual(WRITE);
  });

  test('is not reached where the last look proves that all is as wanted', () => {
    expect(
      decide({ read: found({ owner: 'E2' }), proof: true, memory: { conflicts: 3, refusals: 3 } }).kind,
    ).toBe('conclude');
  });
});

describe('as wanted', () => {
  function isAsWanted(wanted: string | number | boolean | null, current: unknown): boolean {
    return (
      decide({ write: { fields: { f: wanted } }, read: found({ f: current }), proof: true }).kind ===
      'conclude'
    );
  }

  test('compares numbers by value, also where the API gives them as text', () => {
    expect(isAsWanted(12.5, '12.50')).toBe(true);
    expect(isAsWanted(12.5, 12.5)).toBe(true);
    expect(isAsWanted(12.5, '12.51')).toBe(false);
  });

  test('takes no blank text for zero, and no number for text', () => {
    expect(isAsWanted(0, '')).toBe(false);
    expect(isAsWanted(0, ' ')).toBe(false);
    expect(isAsWanted('5', 5)).toBe(false);
    expect(isAsWanted(false, 0)).toBe(false);
  });

  test('takes an absent field for null', () => {
    expect(isAsWanted(null, undefined)).toBe(true);
    expect(isAsWanted(null, '')).toBe(false);
  });

  test('needs every field', () => {
    const write = { fields: { a: 1, b: 2 } };
    expect(decide({ write, read: found({ a: 1, b: 1 }), proof: true }).kind).toBe('write');
  });
});
