/**
 * The changes of a run: each sets one or two fields to values that no other change sets, half of them in a few territories, so that
 * lanes are long there.
 */
import { SeededRandom } from '../sandbox/territory-api/seeded-random.ts';
import type { SeedRecord } from '../sandbox/territory-api/index.ts';
import type { PublishedChange } from '../system/published-change.ts';

const RECORDS_PER_TERRITORY = 3;
/** One territory in so many is hot. */
const HOT_EVERY = 25;
/** One change in so many sets records of two assignments. */
const TWO_RECORDS_EVERY = 4;

export interface Load {
  readonly records: readonly SeedRecord[];
  /** The nth change, from 0. In order: each is drawn when it is asked for. */
  next(): PublishedChange;
}

export function createLoad(territories: number, seed: number): Load {
  const random = new SeededRandom(seed, 'changes');
  const records = Array.from({ length: territories * RECORDS_PER_TERRITORY }, (_, index) => ({
    territoryId: territory(index % territories),
    id: assignment(index % territories, Math.floor(index / territories)),
    fields: { owner: 'nobody', quota: 0, note: 'from the start' },
  }));
  let count = 0;
  return {
    records,
    next() {
      const number = count++;
      const isHot = random.below(2) === 0;
      const place = isHot
        ? HOT_EVERY * random.below(Math.ceil(territories / HOT_EVERY))
        : random.below(territories);
      const first = random.below(RECORDS_PER_TERRITORY);
      const set = [first, ...(number % TWO_RECORDS_EVERY === 0 ? [(first + 1) % RECORDS_PER_TERRITORY] : [])];
      return {
        id: `change-${number}`,
        source: '/default/crm/prod',
        territoryId: territory(place),
        assignments: set.map((record) => ({
          id: assignment(place, record),
          fields: {
            owner: `E${number}/${record}`,
            ...(random.below(3) === 0 && { quota: number * 10 + record }),
          },
        })),
      };
    },
  };
}

function territory(place: number): string {
  return `TERRITORY-${place}`;
}

function assignment(place: number, record: number): string {
  return `A-${place}-${record}`;
}
