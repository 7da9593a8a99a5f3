/** What sets a run apart from the others, drawn by itself: so most runs are as they are, and a costly kind is rare. */
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';

/**
 * `burst`: more is published at once than one append takes, then nothing. `neighbour`: only other territories have trouble, and one
 * that has none is watched meanwhile. `hot`: the same where one territory has something to write all the time. `wide`: few changes
 * of hundreds of records.
 */
export type Shape = 'ordinary' | 'burst' | 'neighbour' | 'hot' | 'wide';

/** Of so many runs one has each shape that is not ordinary. */
const RUNS = 80;
const RARE: readonly Shape[] = ['burst', 'neighbour', 'hot', 'wide'];
/** More than a claim hands out of one lane. */
const FLOOD = { min: 1050, max: 1300 };
/** Each is of many records. */
const FEW = { min: 6, max: 14 };
const MANY = { min: 220, max: 500 };

export function shapeOf(seed: number): Shape {
  const lot = new SeededRandom(seed, 'shape').below(RUNS);
  return RARE[lot] ?? 'ordinary';
}

/** How many changes a run has, and in how many territories at most; undefined: as an ordinary one. */
export function sizeOf(seed: number): { readonly changes: number; readonly territories: number } | undefined {
  const random = new SeededRandom(seed, 'size');
  const within = ({ min, max }: typeof MANY): number => Math.floor(random.between(min, max));
  switch (shapeOf(seed)) {
    case 'ordinary':
      return undefined;
    case 'burst':
      return random.below(3) === 0
        ? { changes: within(FLOOD), territories: 1 }
        : { changes: within(MANY), territories: 2 };
    case 'neighbour':
      return { changes: within(MANY), territories: Infinity };
    case 'hot':
      return { changes: within(MANY), territories: 1 };
    case 'wide':
      return { changes: within(FEW), territories: 2 };
  }
}

/** Whether a territory without trouble is watched. */
export function hasNeighbour(shape: Shape): boolean {
  return shape === 'neighbour' || shape === 'hot';
}
