/** How full flights are, and that no lane waits for a larger one: whole flights, four at a time with 50 records each, in simulated time. */
import { expect, test } from 'vitest';
import { flyArrivals, type Arrival } from '../../bench/flights/arrivals.ts';

/** Changes at even intervals, each in a territory of its own. */
function stream(changes: number, everyMs: number): Arrival[] {
  return Array.from({ length: changes }, (_, index) => ({
    afterMs: index * everyMs,
    territory: `TER-${index}`,
    record: 'A',
  }));
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN;
}

test('a steady stream shares flights, and no change waits longer than a tenth of a second for that', async () => {
  const steady = { seed: 1, arrivals: stream(500, 20), caches: 'late' } as const;
  const apart = await flyArrivals({ ...steady, fillMs: 0 });
  const shared = await flyArrivals(steady);
  expect(shared.applied).toBe(500);
  expect(shared.requests / 500).toBeLessThan(0.45);
  expect(shared.requests).toBeLessThan(apart.requests / 3);
  expect(quantile(shared.tookMs, 0.5) - quantile(apart.tookMs, 0.5)).toBeLessThan(100);
  expect(quantile(shared.tookMs, 0.95) - quantile(apart.tookMs, 0.95)).toBeLessThan(100);
  expect(Math.max(...shared.tookMs) - Math.max(...apart.tookMs)).toBeLessThanOrEqual(100);
});

test('a change waits a tenth of a second at most, however long the flights before it take', async () => {
  const { tookMs } = await flyArrivals({ seed: 1, arrivals: stream(4, 10), caches: 'late', requestMs: 1000 });
  expect(tookMs).toHaveLength(4);
  // A read and a write of three records, the wait, and what `wake` takes to gather.
  expect(Math.max(...tookMs)).toBeLessThanOrEqual(2 * (1000 + 3) + 100 + 5);
});

test('a change does not wait while nothing is in the air', async () => {
  const calm = { seed: 1, arrivals: stream(50, 50), caches: 'late', requestMs: 10 } as const;
  const { tookMs } = await flyArrivals(calm);
  expect(tookMs).toHaveLength(50);
  expect(tookMs).toEqual((await flyArrivals({ ...calm, fillMs: 0 })).tookMs);
});

test('no flight waits to be filled where each record takes a request of its own', async () => {
  const calm = { seed: 1, arrivals: stream(200, 50), caches: 'late', perRequest: 'one' } as const;
  const { applied, requests, tookMs } = await flyArrivals(calm);
  expect(applied).toBe(200);
  expect(requests).toBe(2 * 200);
  // A read and a write, and what `wake` takes to gather.
  expect(quantile(tookMs, 0.5)).toBeLessThanOrEqual(2 * (50 + 1) + 5);
});

test('flights that are full follow each other at once', async () => {
  const burst = { seed: 1, arrivals: stream(500, 0), caches: 'late' } as const;
  const { filled, elapsedMs } = await flyArrivals(burst);
  expect(filled).toEqual(Array(10).fill(50));
  expect(elapsedMs).toBe((await flyArrivals({ ...burst, fillMs: 0 })).elapsedMs);
});

test('small lanes fly after the lanes that were ready before them, while large ones are worked off', async () => {
  const large = Array.from({ length: 8 * 500 }, (_, index) => ({
    afterMs: 0,
    territory: `LARGE-${index % 8}`,
    record: String(index),
  }));
  const small = Array.from({ length: 50 }, (_, index) => ({
    afterMs: 100 + index * 40,
    territory: `SMALL-${index}`,
    record: 'A',
  }));
  const { applied, flightsBefore, elapsedMs } = await flyArrivals({
    seed: 1,
    arrivals: [...large, ...small],
    caches: 'none',
  });
  expect(applied).toBe(large.length + small.length);
  // A flight each of the large lanes that are ready; those in the air come back to the end of the line.
  expect(Math.max(...flightsBefore.slice(large.length))).toBeLessThanOrEqual(8);
  // The last small one came while the large ones were being worked off.
  expect(elapsedMs).toBeGreaterThan(small.at(-1)?.afterMs ?? NaN);
});
