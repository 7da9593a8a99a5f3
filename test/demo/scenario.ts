/**
 * The case that every client of the demo is put through: the records there are, the changes published on them, and the
 * rules by which the simulated API makes it hard. All of it follows from the seed.
 */
import { SeededRandom } from '../sandbox/territory-api/seeded-random.ts';
import type {
  ForeignWriterOptions,
  SeedRecord,
  TerritoryApiOptions,
} from '../sandbox/territory-api/index.ts';
import type { PublishedChange } from '../system/published-change.ts';

const TERRITORIES = 40;
const ASSIGNMENTS = 240;
const CHANGES = 500;
const CHANGES_PER_BURST = 25;
const BURST_EVERY_MS = 400;
/** One change in so many sets a second field. */
const QUOTA_EVERY = 4;

const NODES = 3;
const LAG_MS = { min: 2000, max: 5000 } as const;
const LATENCY = { baseMs: 40, jitterMs: 20, perRecordMs: 1 } as const;
const FOREIGN_WRITE_EVERY_MS = 1000;

/** Changes that an upstream system publishes at once. */
export interface Burst {
  /** Since the first one. */
  readonly atMs: number;
  readonly changes: readonly PublishedChange[];
}

export interface Scenario {
  readonly seed: number;
  readonly records: readonly SeedRecord[];
  readonly bursts: readonly Burst[];
  /** Of all bursts, in the order of publishing. */
  readonly changes: readonly PublishedChange[];
  readonly api: TerritoryApiOptions;
  readonly foreignWriters: ForeignWriterOptions;
  /** The nth change after the case, from 1, for who wants to see one more. */
  oneMore(n: number): PublishedChange;
  /** In one sentence each, what is published and what the simulator does. */
  readonly rules: readonly string[];
}

export function createScenario(seed: number): Scenario {
  const records = createRecords();
  const random = new SeededRandom(seed, 'demo changes');
  const draw = (index: number): PublishedChange => changeOf(index, records[random.below(records.length)]);
  const changes = Array.from({ length: CHANGES }, (_, index) => draw(index));
  return {
    seed,
    records,
    changes,
    bursts: inBursts(changes),
    api: {
      seed,
      caches: { nodes: NODES, minLagMs: LAG_MS.min, maxLagMs: LAG_MS.max },
      latency: LATENCY,
    },
    // Fields of their own: what others write is to survive, and costs nothing but a conflict.
    foreignWriters: { seed, everyMs: FOREIGN_WRITE_EVERY_MS, fields: ['note', 'rating'] },
    oneMore: (n) => draw(CHANGES + n - 1),
    rules: [
      `The case: ${CHANGES} changes of ${new Set(changes.map(assignmentOf)).size} assignments in ${TERRITORIES} ` +
        `territories, ${CHANGES_PER_BURST} published at once every ${BURST_EVERY_MS} ms.`,
      `Simulated API: ${NODES} nodes, each of which learns of a write ${LAG_MS.min / 1000}–${LAG_MS.max / 1000} s late, ` +
        'answers with the old ETag until then and refuses to write;',
      `  ${LATENCY.baseMs}–${LATENCY.baseMs + LATENCY.jitterMs} ms a request and ${LATENCY.perRecordMs} ms a record; ` +
        `other writers change one record every ${FOREIGN_WRITE_EVERY_MS / 1000} s, in fields of their own.`,
    ],
  };
}

function createRecords(): readonly SeedRecord[] {
  return Array.from({ length: ASSIGNMENTS }, (_, index) => ({
    territoryId: `TERRITORY-${String((index % TERRITORIES) + 1).padStart(2, '0')}`,
    id: `A${String(index + 1).padStart(4, '0')}`,
    fields: { owner: 'E0000', quota: 0, note: 'as found', rating: 'as found' },
  }));
}

/** Every value is used once, so that the API's history tells which change a write came from. */
function changeOf(index: number, record: SeedRecord | undefined): PublishedChange {
  if (record === undefined) throw new Error('a scenario has records');
  const number = index + 1;
  return {
    id: `change-${String(number).padStart(4, '0')}`,
    source: '/default/crm/prod',
    territoryId: record.territoryId,
    assignments: [
      {
        id: record.id,
        fields: {
          owner: `E${String(number).padStart(4, '0')}`,
          ...(index % QUOTA_EVERY === 0 && { quota: number * 1000 }),
        },
      },
    ],
  };
}

function inBursts(changes: readonly PublishedChange[]): readonly Burst[] {
  return Array.from({ length: Math.ceil(changes.length / CHANGES_PER_BURST) }, (_, index) => ({
    atMs: index * BURST_EVERY_MS,
    changes: changes.slice(index * CHANGES_PER_BURST, (index + 1) * CHANGES_PER_BURST),
  }));
}

function assignmentOf({ assignments }: PublishedChange): string | undefined {
  return assignments[0]?.id;
}
