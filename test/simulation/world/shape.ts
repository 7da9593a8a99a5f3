/** What sets a run apart from the others, drawn by itself: so most runs are as they are, and a costly kind is rare. */
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';

/**
 * `burst`: more is published at once than one append takes, then nothing. `neighbour`: only other territories have trouble, and one
 * that has none is watched meanwhile.
 */
export type Shape = 'ordinary' | 'burst' | 'neighbour';

/** Of so many runs one is a burst, and two have a neighbour. */
const RUNS = 50;
const BURST = { min: 220, max: 500 };

export function shapeOf(seed: number): Shape {
  const lot = new SeededRandom(seed, 'shape').below(RUNS);
  if (lot === 0) return 'burst';
  return lot <= 2 ? 'neighbour' : 'ordinary';
}

/** How many changes a burst has. */
export function burstSize(seed: number): number {
  return Math.floor(new SeededRandom(seed, 'burst').between(BURST.min, BURST.max));
}
