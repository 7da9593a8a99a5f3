/** How long lanes rest beside how late the API's caches truly are: whole flights on the simulator's caches, in simulated time. */
import { expect, test } from 'vitest';
import { flyTraffic, type Flown, type Traffic } from '../../bench/flights/traffic.ts';

/** Rests end on ticks of the range's twelfth part, and become shorter by one at a time. */
const TICK_MS = 250;
/** A read and a write, of 40 records each, and the wait for others to share the flight. */
const FLIGHT_MS = 2 * (50 + 40) + 100;
const PROPAGATION = { minMs: 2000, maxMs: 5000 };

/** Territories whose next change comes as soon as the one before has ended: each is written again as soon as it may be. */
function flyOn(lagMs: Traffic['lagMs'], changesPerTerritory: number): Promise<Flown> {
  return flyTraffic({
    seed: 1,
    territories: 40,
    recordsPerTerritory: 1,
    changesPerTerritory,
    lagMs,
    propagation: PROPAGATION,
    ownEtags: 'trusted',
    foreignEvery: 0,
  });
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN;
}

test('where caches may need the longest time, a lane rests for that, a tick and its flight, and no write in a hundred is refused', async () => {
  const { restsMs, lagsMs, conflicts, writes } = await flyOn({ min: 2000, max: 5000 }, 60);
  expect(restsMs).toHaveLength(40 * 59);
  expect(quantile(lagsMs, 0.95)).toBeGreaterThan(4500);
  expect(conflicts / writes).toBeLessThan(0.01);
  // Beside the few that were refused, and then wait by the rule for conflicts.
  expect(quantile(restsMs, 0.99)).toBeLessThanOrEqual(PROPAGATION.maxMs + TICK_MS + FLIGHT_MS);
});

test('where caches need less, lanes learn it: in the end none rests longer than the latest cache, two ticks and its flight', async () => {
  const worstMs = 2200;
  const { restsMs, conflicts, writes } = await flyOn({ min: 2000, max: worstMs }, 250);
  const learned = restsMs.slice(-restsMs.length / 10);
  expect(learned).toHaveLength(996);
  expect(Math.max(...learned)).toBeLessThanOrEqual(worstMs + 2 * TICK_MS + FLIGHT_MS);
  // At first nothing was known.
  expect(quantile(restsMs.slice(0, 400), 0.5)).toBeGreaterThanOrEqual(PROPAGATION.maxMs);
  expect(conflicts / writes).toBeLessThan(0.01);
});
