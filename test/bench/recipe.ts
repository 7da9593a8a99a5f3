/**
 * The case that the published recipe was made for: 500 assignments, caches that lag 2–5 s, other programs that write 1 % of them.
 * The service, the naive client and the recipe go through it, each on an API of its own, in real time; every tenth assignment is
 * changed twice. Beside the service's time stands what the API's rules allow: each write of a record has to be known everywhere,
 * which takes up to 5 s, before the next one is taken, what is refused waits 2 s and then 4 s, and 500 records take so many full
 * requests, four at a time. SHORT=1: only to
 * see that it runs.
 */
import type { CommittedWrite } from '../sandbox/territory-api/index.ts';
import { SeededRandom } from '../sandbox/territory-api/seeded-random.ts';
import { runNaive, runSerial, runService, type Ran, type RecipeCase } from './recipe/clients.ts';
import { row, type Result, type Row } from './runner/benchmark.ts';
import { chart } from './runner/chart.ts';

const SHORT = process.env['SHORT'] === '1';
const ASSIGNMENTS = SHORT ? 20 : 500;
const TWICE_EVERY = 10;
const FOREIGN_SHARE = 0.01;
/** While the changes are being applied. */
const FOREIGN_WITHIN_MS = 2000;
/** After one refusal, and after two. */
const REFUSED_MS = [2000, 2000 + 4000] as const;
const LAG_MS = { min: 2000, max: 5000 };
const LATENCY = { baseMs: 40, jitterMs: 20, perRecordMs: 1 };
/** The service's own settings, by default. */
const BATCH = 50;
const FLIGHTS = 4;
const CHART = { columns: 64, lines: 8 };

export async function run(say: (line: string) => void): Promise<Result> {
  const given = makeCase();
  const service = await runService(given);
  for (const line of chart('recipe: records that a flight may take', service.batchSizes, CHART)) say(line);
  const naive = await runNaive(given);
  const serial = await runSerial(given);
  const boundMs = bound(service);
  const ratio = service.elapsedMs / boundMs;
  say(
    `recipe: the API's rules allow ${Math.round(boundMs)} ms; the service took ${Math.round(service.elapsedMs)} ms`,
  );
  const rows: Row[] = [
    ...rowsOf('service', service),
    ...rowsOf('naive client', naive),
    ...rowsOf('serial recipe', serial),
    row('service: what the rules of the API allow', 'ms', [boundMs]),
    row('service: time ÷ what the rules allow', '', [ratio]),
  ];
  const perChange = service.requests / (service.changes - service.failed);
  const wasted = service.conflicts / service.writes;
  return {
    rows,
    claims: [
      { text: `no change fails: ${service.failed} of ${service.changes}`, holds: service.failed === 0 },
      {
        text: `less than 1 % of the writes are wasted: ${(100 * wasted).toFixed(2)} %`,
        holds: wasted < 0.01,
      },
      { text: `at most 0.1 requests per applied change: ${perChange.toFixed(3)}`, holds: perChange <= 0.1 },
      { text: `within 1.2 × of what the API's rules allow: ${ratio.toFixed(2)} ×`, holds: ratio <= 1.2 },
    ],
  };
}

/** Each assignment in a territory of its own: nothing can be merged, and nothing waits for another record. */
function makeCase(): RecipeCase {
  const random = new SeededRandom(1, 'recipe');
  const records = Array.from({ length: ASSIGNMENTS }, (_, index) => ({
    territoryId: `TER-${index}`,
    id: `A-${index}`,
    fields: { owner: 'nobody', note: 'as found' },
  }));
  const change = ({ territoryId, id }: (typeof records)[number], name: string) => ({
    id: `${id} ${name}`,
    source: '/default/crm/prod',
    territoryId,
    assignments: [{ id, fields: { owner: `${id} ${name}` } }],
  });
  const again = records.filter((_, index) => index % TWICE_EVERY === 0);
  return {
    records,
    changes: [
      ...records.map((record) => change(record, 'first')),
      ...again.map((record) => change(record, 'second')),
    ],
    foreign: Array.from({ length: Math.ceil(ASSIGNMENTS * FOREIGN_SHARE) }, () => ({
      record: records[random.below(records.length)] ?? { territoryId: '', id: '', fields: {} },
      afterMs: random.fraction() * FOREIGN_WITHIN_MS,
    })),
    api: {
      seed: 1,
      caches: { nodes: 3, minLagMs: LAG_MS.min, maxLagMs: LAG_MS.max },
      latency: LATENCY,
    },
  };
}

/** Of the record that had to wait longest; and as many full requests, a read and a write each, as the records fill. */
function bound({ history }: Ran): number {
  const byRecord = Map.groupBy(history, ({ recordId }) => recordId);
  const waitsMs = [...byRecord.values()].map((writes) =>
    writes.map(waitBefore).reduce((sum, ms) => sum + ms, 0),
  );
  const requestMs = LATENCY.baseMs + LATENCY.jitterMs / 2 + BATCH * LATENCY.perRecordMs;
  const rounds = Math.ceil(ASSIGNMENTS / (BATCH * FLIGHTS));
  return Math.max(...waitsMs) + rounds * 2 * requestMs;
}

/**
 * After a write of our own, until every node knows it. After a foreign one only where it was refused for that, which shows in the time
 * between: as long as the published waits of 2 and 4 s take, after which every node knows.
 */
function waitBefore({ by, at }: CommittedWrite, index: number, writes: readonly CommittedWrite[]): number {
  const before = writes[index - 1];
  if (by === 'foreign' || before === undefined) return 0;
  if (writes.slice(0, index).some((earlier) => earlier.by === 'client')) return LAG_MS.max;
  return REFUSED_MS.findLast((ms) => at - before.at >= ms) ?? 0;
}

function rowsOf(
  name: string,
  { changes, failed, requests, writes, conflicts, elapsedMs }: Ran,
): readonly Row[] {
  return [
    row(`${name}: changes failed`, '%', [(100 * failed) / changes]),
    row(`${name}: requests per applied change`, 'requests', [requests / (changes - failed)]),
    row(`${name}: writes refused as conflict`, '%', [(100 * conflicts) / writes]),
    row(`${name}: time`, 'ms', [elapsedMs]),
  ];
}
