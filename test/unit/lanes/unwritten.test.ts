import { describe, expect, test } from 'vitest';
import { Unwritten } from '../../../srv/lanes/unwritten.ts';
import { remove, update } from './samples.ts';

const DAY_MS = 24 * 3_600_000;

function owner(memory: Unwritten): unknown {
  return memory.of('T1').get('owner');
}

/** What a lane remembers after change 1 (E1 → E2) and change 2 (E2 → E3) have become dead letters. */
function afterTwo(): Unwritten {
  const memory = new Unwritten([], 0);
  memory.leftBy(1, update('T1', { owner: 'E2' }, { owner: 'E1' }));
  memory.leftBy(2, update('T1', { owner: 'E3' }, { owner: 'E2' }));
  return memory;
}

describe('a field that dead letters left unwritten', () => {
  test('may show what it showed before the first of them, and what each would have set', () => {
    expect(owner(afterTwo())).toEqual(['E1', 'E2', 'E3']);
  });

  test('is known by the read where the change brought no image of it', () => {
    const memory = new Unwritten([], 0);
    memory.leftBy(1, update('T1', { owner: 'E2' }), { owner: 'E1' });
    expect(owner(memory)).toEqual(['E1', 'E2']);
  });

  test('is not remembered where nothing is known of what it showed: a person looks at it then', () => {
    const memory = new Unwritten([], 0);
    memory.leftBy(1, update('T1', { owner: 'E2' }));
    memory.leftBy(1, update('T1', { region: 'x' }), { region: { not: 'scalar' } });
    expect(memory.all).toEqual([]);
  });

  test('is empty where the record, or the field of it, was not there', () => {
    const memory = new Unwritten([], 0);
    memory.leftBy(1, update('T1', { owner: 'E2' }), {});
    expect(owner(memory)).toEqual([null, 'E2']);
  });

  test('that was empty is remembered as empty', () => {
    const memory = new Unwritten([], 0);
    memory.leftBy(1, update('T1', { owner: 'E2' }, { owner: null }), { owner: 'E1' });
    expect(owner(memory)).toEqual([null, 'E2']);
  });

  test('is forgotten as soon as a later change has set it', () => {
    const memory = afterTwo();
    memory.writtenBy(3, update('T1', { owner: 'E4' }));
    expect(owner(memory)).toBeUndefined();
  });

  test('is forgotten when the latest of them was replayed', () => {
    const memory = afterTwo();
    memory.writtenBy(2, update('T1', { owner: 'E3' }));
    expect(owner(memory)).toBeUndefined();
  });

  test('shows what the earlier one set, once that alone was replayed', () => {
    const memory = afterTwo();
    memory.writtenBy(1, update('T1', { owner: 'E2' }));
    expect(owner(memory)).toEqual(['E2', 'E2', 'E3']);
  });

  test('is forgotten with its record', () => {
    const memory = afterTwo();
    memory.leftBy(2, update('T2', { owner: 'E3' }, { owner: 'E2' }));
    memory.writtenBy(3, remove('T1'));
    expect(memory.all.map(({ id }) => id)).toEqual(['T2']);
  });

  test('is remembered for as long as a dead letter is kept', () => {
    const { all } = afterTwo();
    expect(new Unwritten(all, 89 * DAY_MS).all).toEqual(all);
    expect(new Unwritten(all, 90 * DAY_MS).all).toEqual([]);
  });
});

describe('the memory is bounded', () => {
  test('in fields: the oldest is forgotten', () => {
    const memory = new Unwritten([], 0);
    for (let index = 0; index <= 500; index += 1) {
      memory.leftBy(index, update('T1', { [`f${index}`]: 1 }, { [`f${index}`]: 0 }));
    }
    expect(memory.all).toHaveLength(500);
    expect([memory.of('T1').has('f0'), memory.of('T1').has('f500')]).toEqual([false, true]);
  });

  test('in values: the first and the latest are kept', () => {
    const memory = new Unwritten([], 0);
    for (let index = 1; index <= 20; index += 1) {
      memory.leftBy(index, update('T1', { owner: `E${index}` }, { owner: `E${index - 1}` }));
    }
    expect(owner(memory)).toEqual(['E0', 'E16', 'E17', 'E18', 'E19', 'E20']);
  });

  test('in length: what is long, or no store can keep, is not remembered', () => {
    const memory = new Unwritten([], 0);
    memory.leftBy(1, update('T1', { a: 1, b: 1 }), { a: 'x'.repeat(257), b: 'nul \0' });
    expect(memory.all).toEqual([]);
  });
});
