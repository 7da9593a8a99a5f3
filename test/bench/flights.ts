/**
 * How full flights are, and what waiting for that costs: the real dispatcher, flights and journal in simulated time, so that no run
 * differs from another; each case without a wait, with half of it, and as it is. SHORT=1: only to see that it runs.
 */
import { flyArrivals, type Arrival, type Arrived, type Arrivals } from './flights/arrivals.ts';
import { row, type Claim, type Result, type Row } from './runner/benchmark.ts';

const SHORT = process.env['SHORT'] === '1';
const STREAM = SHORT ? 100 : 1500;
const BURST = SHORT ? 100 : 500;
const LARGE = SHORT ? 100 : 1000;
const SMALL = 50;

/** The last one is the dispatcher's own. */
const WAITS_MS = [0, 50, undefined] as const;
/** More than this it must not cost, from arrival to outcome. */
const COST_MS = 100;

interface Case {
  readonly name: string;
  readonly caches: Arrivals['caches'];
  readonly perRequest?: Arrivals['perRequest'];
  readonly arrivals: readonly Arrival[];
}

const CASES: readonly Case[] = [
  { name: '50/s, a territory each', caches: 'late', arrivals: every(20, STREAM, (index) => `TER-${index}`) },
  {
    name: '20/s, a territory each, a request each',
    caches: 'late',
    perRequest: 'one',
    arrivals: every(50, STREAM / 3, (index) => `TER-${index}`),
  },
  {
    name: '50/s, 200 territories',
    caches: 'none',
    arrivals: every(20, STREAM, (index) => `TER-${index % 200}`),
  },
  {
    name: '5/s, a territory each',
    caches: 'late',
    arrivals: every(200, STREAM / 5, (index) => `TER-${index}`),
  },
  { name: `${BURST} at once`, caches: 'late', arrivals: every(0, BURST, (index) => `TER-${index}`) },
  {
    name: `${BURST} in a second`,
    caches: 'late',
    arrivals: every(1000 / BURST, BURST, (index) => `TER-${index}`),
  },
  {
    name: `${LARGE} of a territory beside ${SMALL} small ones`,
    caches: 'none',
    arrivals: [...every(0, LARGE, () => 'LARGE'), ...every(0, SMALL, (index) => `TER-${index}`)],
  },
];

export async function run(say: (line: string) => void): Promise<Result> {
  const rows: Row[] = [];
  const claims: Claim[] = [];
  for (const { name, caches, perRequest, arrivals } of CASES) {
    const runs: Arrived[] = [];
    for (const fillMs of WAITS_MS) {
      const flown = await flyArrivals({
        seed: 1,
        arrivals,
        caches,
        ...(perRequest && { perRequest }),
        ...(fillMs !== undefined && { fillMs }),
      });
      runs.push(flown);
      const made = rowsOf(`${name}, ${fillMs === undefined ? 'as it is' : `wait ${fillMs} ms`}`, flown);
      rows.push(...made);
      say(made.map(({ name: what, median }) => `${what} ${median.toPrecision(4)}`).join('\n'));
    }
    const [without, , own] = runs;
    if (!without || !own) throw new Error('a run is missing');
    const cost = quantile(own.tookMs, 0.5) - quantile(without.tookMs, 0.5);
    claims.push({
      text: `${name}: no more requests than without a wait, for ${Math.round(cost)} ms of at most ${COST_MS} ms in the median`,
      holds: own.requests <= without.requests && cost <= COST_MS,
    });
  }
  return { rows, claims };
}

function rowsOf(name: string, { applied, requests, filled, tookMs, elapsedMs }: Arrived): readonly Row[] {
  return [
    row(`${name}: requests per applied change`, 'requests', [requests / applied]),
    row(`${name}: records of a flight`, 'records', filled),
    row(`${name}: from arrival to outcome p50`, 'ms', [quantile(tookMs, 0.5)]),
    row(`${name}: from arrival to outcome p95`, 'ms', [quantile(tookMs, 0.95)]),
    row(`${name}: time in all`, 'ms', [elapsedMs]),
  ];
}

/** Changes at even intervals, each of a record of its own. */
function every(ms: number, changes: number, territory: (index: number) => string): readonly Arrival[] {
  return Array.from({ length: changes }, (_, index) => ({
    afterMs: index * ms,
    territory: territory(index),
    record: String(index),
  }));
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}
