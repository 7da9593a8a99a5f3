/**
 * What bad records cost the others, in simulated time: whole flights, dispatcher and breaker included, four at a time with
 * 50 records each, on an API that takes 0.4 s for a request and 0.1 s for each record in it. The bad ones are in territories
 * of their own; each run with them is compared with the same run without.
 */
import { expect, test } from 'vitest';
import type { Badness } from './isolation/busy-api.ts';
import { flyTraffic, type Flown, type Traffic } from './isolation/run.ts';

const MOST_SLOWDOWN = 1.1;
const SEEDS = [1, 2, 3, 4, 5];
const BURST: Omit<Traffic, 'seed' | 'bad'> = {
  batchSize: 50,
  latency: { baseMs: 400, perRecordMs: 100 },
  overMs: 0,
};
/** Seconds on a machine with nothing else to do. */
const PATIENCE_MS = 120_000;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

test(
  'a thousand good changes are not slowed by more than 10 %, neither the last of them nor the slowest twentieth',
  async () => {
    const usual: Flown[] = [];
    for (const seed of SEEDS) usual.push(await flyTraffic({ ...BURST, seed, bad: [] }));
    const kinds: readonly (readonly Badness[])[] = [
      ['fails writes'],
      ['fails reads and writes'],
      ['fails', 'refused'],
      ['refuses writes'],
    ];
    for (const bad of kinds) {
      const last: number[] = [];
      const p95: number[] = [];
      for (const [index, seed] of SEEDS.entries()) {
        const flown = await flyTraffic({ ...BURST, seed, bad });
        expect(flown.applied).toBe(1000);
        last.push(flown.lastGoodMs / (usual[index]?.lastGoodMs ?? 0));
        p95.push(flown.p95Ms / (usual[index]?.p95Ms ?? 0));
      }
      const what = `${bad.join(' and ')}: last ${last.join(' ')}, 95 % ${p95.join(' ')}`;
      expect(median(last), what).toBeLessThanOrEqual(MOST_SLOWDOWN);
      expect(median(p95), what).toBeLessThanOrEqual(MOST_SLOWDOWN);
    }
  },
  PATIENCE_MS,
);

test(
  'each kind of bad record ends as a dead letter of its own while others are written, and every good change is applied',
  async () => {
    const bad: readonly Badness[] = [
      'fails writes',
      'fails reads and writes',
      'refuses writes',
      'fails',
      'refused',
      'missing',
    ];
    const { failed, applied } = await flyTraffic({ ...BURST, seed: 1, bad, overMs: 500_000 });
    const codes = Object.fromEntries([...failed].map(([id, { error }]) => [id, error?.code]));
    expect(codes).toEqual({
      'fails-writes': 'API_ERROR',
      'fails-all': 'API_ERROR',
      'refuses-writes': 'REJECTED_BY_API',
      'fails-alone': 'API_ERROR',
      'refused-alone': 'REJECTED_BY_API',
      'left-out': 'API_ERROR',
    });
    expect(applied).toBe(1000);
  },
  PATIENCE_MS,
);
