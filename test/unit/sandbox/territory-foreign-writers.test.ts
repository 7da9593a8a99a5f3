import { describe, expect, it } from 'vitest';
import { startForeignWriters } from '../../sandbox/territory-api/foreign-writers.ts';
import { manualClock } from '../../sandbox/territory-api/manual-clock.ts';
import type { Fields, SandboxRecord } from '../../sandbox/territory-api/record.ts';

const records: readonly SandboxRecord[] = Array.from({ length: 40 }, (_, index) => ({
  territoryId: 'E',
  id: `T${index}`,
  version: 1,
  etag: 'W/"1"',
  fields: {},
}));

function run(options: { share?: number; seed?: number; times?: number }) {
  const clock = manualClock();
  const written: { id: string; fields: Fields }[] = [];
  const writers = startForeignWriters(
    { everyMs: 100, fields: ['note', 'phone'], ...options },
    records,
    { clock, timeScale: 1 },
    ({ id }, fields) => written.push({ id, fields }) > 0,
  );
  return { clock, written, writers };
}

describe('foreign writers', () => {
  it('write at their rate until stopped, each time another value', () => {
    const { clock, written, writers } = run({});
    clock.advance(1000);
    expect(writers.writes).toBe(10);
    expect(new Set(written.map(({ fields }) => Object.values(fields)[0])).size).toBe(10);
    writers.stop();
    clock.advance(1000);
    expect(writers.writes).toBe(10);
    expect(clock.pending).toBe(0);
  });

  it('keep to their share of the records and to their fields', () => {
    const { clock, written } = run({ share: 0.25 });
    clock.advance(100_000);
    const ids = new Set(written.map(({ id }) => id));
    expect(ids.size).toBeGreaterThan(2);
    expect(ids.size).toBeLessThan(20);
    expect(new Set(written.flatMap(({ fields }) => Object.keys(fields)))).toEqual(new Set(['note', 'phone']));
  });

  it('do the same again with the same seed', () => {
    const writtenWith = (seed: number) => {
      const { clock, written } = run({ seed });
      clock.advance(2000);
      return written;
    };
    expect(writtenWith(3)).toEqual(writtenWith(3));
    expect(writtenWith(3)).not.toEqual(writtenWith(4));
  });

  it('may be given a rate instead of an interval, follow the time scale, and refuse what is no pace', () => {
    const clock = manualClock();
    const start = (rate: number) =>
      startForeignWriters({ rate, fields: ['note'] }, records, { clock, timeScale: 0.5 }, () => true);
    const writers = start(5);
    clock.advance(1000);
    expect(writers.writes).toBe(10);
    expect(() => start(0)).toThrow('rate');
    expect(() => start(-1)).toThrow('rate');
  });

  it('end by themselves after so many writes, and write nothing where their share is empty', () => {
    const few = run({ times: 3 });
    few.clock.advance(10_000);
    expect(few.writers.writes).toBe(3);
    expect(few.clock.pending).toBe(0);
    const none = run({ share: 0 });
    none.clock.advance(10_000);
    expect(none.writers.writes).toBe(0);
  });
});
