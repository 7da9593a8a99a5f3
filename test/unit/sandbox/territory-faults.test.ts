import { describe, expect, it } from 'vitest';
import { Faults, effectOf } from '../../sandbox/territory-api/faults.ts';
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';

const newFaults = (seed = 1) => new Faults(new SeededRandom(seed, 'faults'));

describe('a fault on command', () => {
  it('strikes so many requests, then no more', () => {
    const faults = newFaults();
    const handle = faults.inject({ kind: 'status', status: 503, times: 2 });
    const struck = [1, 2, 3].map(() => faults.strike('write', ['T1']).whole?.kind);
    expect(struck).toEqual(['status', 'status', undefined]);
    expect(handle.hits).toBe(2);
  });

  it('strikes until it is removed, or all are cleared', () => {
    const faults = newFaults();
    const handle = faults.inject({ kind: 'html' });
    expect(faults.strike('read', []).whole).toBeDefined();
    handle.remove();
    expect(faults.strike('read', []).whole).toBeUndefined();
    faults.inject({ kind: 'html' });
    faults.clear();
    expect(faults.strike('read', []).whole).toBeUndefined();
  });

  it('strikes only the kind of request and the records it was made for', () => {
    const faults = newFaults();
    faults.inject({ kind: 'redirect', on: 'write', records: (id) => id === 'T2' });
    expect(faults.strike('read', ['T2']).whole).toBeUndefined();
    expect(faults.strike('write', ['T1']).whole).toBeUndefined();
    expect(faults.strike('write', ['T1', 'T2']).whole).toBeDefined();
  });

  it('for records strikes each that it names, and counts records', () => {
    const faults = newFaults();
    const handle = faults.inject({ kind: 'record-missing', records: (id) => id !== 'T1', times: 2 });
    expect([...faults.strike('write', ['T1', 'T2', 'T3', 'T4']).records.keys()]).toEqual(['T2', 'T3']);
    expect(handle.hits).toBe(2);
    expect(faults.strike('write', ['T4']).records.size).toBe(0);
  });

  it('with a status for a record has no place in a read', () => {
    const faults = newFaults();
    const handle = faults.inject({ kind: 'record-status', status: 403 });
    expect(faults.strike('read', ['T1']).records.size).toBe(0);
    expect(handle.hits).toBe(0);
  });

  it('slows down before the work or after it, and several add up', () => {
    const faults = newFaults();
    faults.inject({ kind: 'slow', delayMs: 10 });
    faults.inject({ kind: 'slow', delayMs: 5, where: 'after-work' });
    faults.inject({ kind: 'slow', delayMs: 1 });
    expect(faults.strike('read', [])).toMatchObject({ delayBeforeMs: 11, delayAfterMs: 5 });
  });

  it('that strikes by chance strikes the same ones again with the same seed', () => {
    const run = (seed: number) => {
      const faults = newFaults(seed);
      faults.inject({ kind: 'html', chance: 0.3 });
      return Array.from({ length: 200 }, () => faults.strike('read', []).whole !== undefined);
    };
    const struck = run(5);
    expect(run(5)).toEqual(struck);
    expect(run(6)).not.toEqual(struck);
    const share = struck.filter(Boolean).length / struck.length;
    expect(share).toBeGreaterThan(0.15);
    expect(share).toBeLessThan(0.45);
  });

  it('leaves a write undone where a real cause would, unless told otherwise', () => {
    expect(effectOf({ kind: 'status', status: 503 })).toBe('not-written');
    expect(effectOf({ kind: 'html' })).toBe('not-written');
    expect(effectOf({ kind: 'truncated' })).toBe('written');
    expect(effectOf({ kind: 'record-missing' })).toBe('written');
    expect(effectOf({ kind: 'status', status: 502, effect: 'written' })).toBe('written');
  });
});
