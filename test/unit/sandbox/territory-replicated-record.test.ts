import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplicatedRecord, learningTimes } from '../../sandbox/territory-api/replicated-record.ts';
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';

const model = { nodes: 3, minLagMs: 2000, maxLagMs: 5000 };
const name = { territoryId: 'EMEA', id: 'T001' };
const seeded = () =>
  new ReplicatedRecord(
    name,
    { number: 1, fields: { owner: 'A' }, committedAt: -Infinity },
    model,
    'everywhere',
  );

describe('a record in late caches', () => {
  it('is known at once to the node that wrote it, and to the others from the shortest to the longest lag later', () => {
    const random = new SeededRandom(7);
    for (let round = 0; round < 200; round += 1) {
      const [writer, ...others] = learningTimes(model, 0, 1000, () => random.fraction());
      expect(writer).toBe(1000);
      for (const time of others) expect(time - 1000).toBeGreaterThanOrEqual(2000);
      for (const time of others) expect(time - 1000).toBeLessThanOrEqual(5000);
    }
  });

  it('is answered with its old version, as a HIT, by a node that has not learned of the write', () => {
    const record = seeded();
    record.commit({ owner: 'B' }, 0, [0, 3000, 4000]);
    expect(record.read(1, 2999)).toMatchObject({
      cache: 'HIT',
      version: { number: 1, fields: { owner: 'A' } },
    });
    expect(record.isKnownTo(1, 2999)).toBe(false);
    expect(record.read(1, 3000)).toMatchObject({
      cache: 'HIT',
      version: { number: 2, fields: { owner: 'B' } },
    });
    expect(record.isKnownTo(1, 3000)).toBe(true);
    expect(record.read(2, 3000).version.number).toBe(1);
    expect(record.read(0, 0)).toMatchObject({ cache: 'HIT', version: { number: 2 } });
  });

  it('is fetched from the source, as a MISS, when the longest lag has passed since anybody touched it', () => {
    const record = seeded();
    record.commit({ owner: 'B' }, 0, [0, 3000, 4000]);
    expect(record.read(2, 5000).cache).toBe('HIT');
    expect(record.read(2, 5001).cache).toBe('MISS');
    expect(record.read(2, 5002).cache).toBe('HIT');
    expect(record.read(1, 5002).cache).toBe('MISS');
  });

  it('is a MISS at a node that never heard of it, which then knows it', () => {
    const record = new ReplicatedRecord(
      name,
      { number: 1, fields: {}, committedAt: 0 },
      model,
      [0, 3000, 4000],
    );
    expect(record.isKnownTo(1, 10)).toBe(false);
    expect(record.read(1, 10)).toMatchObject({ cache: 'MISS', version: { number: 1 } });
    expect(record.isKnownTo(1, 10)).toBe(true);
    expect(record.read(1, 11).cache).toBe('HIT');
  });

  it('never runs backwards at a node that learns of two writes in the wrong order', () => {
    const record = seeded();
    record.commit({ owner: 'B' }, 0, [0, 4900, 4900]);
    record.commit({ owner: 'C' }, 10, [10, 2010, 2010]);
    expect(record.read(1, 2000).version.number).toBe(1);
    expect(record.read(1, 2010).version.number).toBe(3);
    expect(record.read(1, 4900).version.number).toBe(3);
  });

  it('keeps of its past only what a node may still answer with', () => {
    const record = seeded();
    for (let at = 0; at < 1_000_000; at += 1000)
      record.commit({ owner: `${at}` }, at, [at, at + 3000, at + 5000]);
    expect(record.kept).toBeLessThan(10);
  });

  it('is never proven old: a MISS is the newest version, a HIT lags by the longest lag at most, versions only grow', () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: 4000 }),
      node: fc.integer({ min: 0, max: 2 }),
      kind: fc.constantFrom('read', 'write', 'delete'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.integer(), (steps, seed) => {
        const random = new SeededRandom(seed);
        const record = seeded();
        const commits: { number: number; at: number }[] = [{ number: 1, at: -Infinity }];
        const seen = [0, 0, 0];
        let at = 0;
        for (const { afterMs, node, kind } of steps) {
          at += afterMs;
          if (kind === 'read') {
            const { version, cache } = record.read(node, at);
            const due = commits.findLast((commit) => commit.at + model.maxLagMs <= at)?.number ?? 1;
            expect(version.number).toBeGreaterThanOrEqual(Math.max(due, seen[node] ?? 0));
            if (cache === 'MISS') expect(version.number).toBe(record.newest.number);
            seen[node] = version.number;
          } else {
            const knownAt = learningTimes(model, node, at, () => random.fraction());
            const { number } = record.commit(kind === 'delete' ? undefined : { at }, at, knownAt);
            expect(number).toBe((commits.at(-1)?.number ?? 0) + 1);
            commits.push({ number, at });
            seen[node] = number;
          }
        }
      }),
    );
  });
});
