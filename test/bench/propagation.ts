/**
 * How long lanes rest beside how late the caches truly are, and what own ETags save: the real dispatcher, flights and journal on the
 * simulator's caches, in simulated time, so that no run differs from another. 40 territories, each with its next change as soon as
 * the one before has ended. SHORT=1: only to see that it runs.
 */
import { flyTraffic, type Flown, type Traffic } from './flights/traffic.ts';
import type { Claim, Result, Row } from './runner/benchmark.ts';
import { row } from './runner/benchmark.ts';

const SHORT = process.env['SHORT'] === '1';
const SEEDS = SHORT ? [1] : [1, 2, 3];
const CHANGES_PER_TERRITORY = SHORT ? 5 : 250;

const LATE = { minMs: 2000, maxMs: 5000 };
const CASES = [
  { name: 'lag 2–5 s', lagMs: { min: 2000, max: 5000 }, propagation: LATE },
  { name: 'lag 2–2.2 s', lagMs: { min: 2000, max: 2200 }, propagation: LATE },
  { name: 'no lag, 0/0', lagMs: { min: 0, max: 0 }, propagation: { minMs: 0, maxMs: 0 } },
] as const;

const RULES = [
  { name: 'every record read', ownEtags: 'ignored' },
  { name: 'own ETags', ownEtags: 'trusted' },
] as const;

export async function run(say: (line: string) => void): Promise<Result> {
  const rows: Row[] = [];
  const claims: Claim[] = [];
  for (const { name, lagMs, propagation } of CASES) {
    const perChange: number[] = [];
    for (const { name: rule, ownEtags } of RULES) {
      const runs: Flown[] = [];
      for (const seed of SEEDS) {
        const traffic: Traffic = {
          seed,
          territories: 40,
          recordsPerTerritory: 1,
          changesPerTerritory: CHANGES_PER_TERRITORY,
          lagMs,
          propagation,
          ownEtags,
          foreignEvery: 0,
        };
        runs.push(await flyTraffic(traffic));
      }
      const made = rowsOf(`${name}, ${rule}`, runs);
      rows.push(...made);
      perChange.push(made[0]?.median ?? Number.NaN);
      say(made.map(({ name: what, median }) => `${what} ${median.toPrecision(4)}`).join('\n'));
      const wasted = Math.max(...runs.map(({ conflicts, writes }) => conflicts / writes));
      claims.push({
        text: `${name}, ${rule}: every change applied, less than 1 % of the writes refused: ${(100 * wasted).toFixed(2)} %`,
        holds: wasted < 0.01 && runs.every(({ applied }) => applied === 40 * CHANGES_PER_TERRITORY),
      });
    }
    const [read = Number.NaN, own = Number.NaN] = perChange;
    claims.push({
      text: `${name}: own ETags need at most 0.7 × the requests: ${own.toFixed(3)} instead of ${read.toFixed(3)} per change`,
      holds: own <= 0.7 * read,
    });
  }
  return { rows, claims };
}

function rowsOf(name: string, runs: readonly Flown[]): readonly Row[] {
  const of = (what: string, unit: string, value: (flown: Flown) => number) =>
    row(`${name}: ${what}`, unit, runs.map(value));
  return [
    of('requests per applied change', 'requests', ({ requests, applied }) => requests / applied),
    of('writes refused', '%', ({ conflicts, writes }) => (100 * conflicts) / writes),
    of('true lag p50', 'ms', ({ lagsMs }) => quantile(lagsMs, 0.5)),
    of('true lag p95', 'ms', ({ lagsMs }) => quantile(lagsMs, 0.95)),
    of('from write to next write p50', 'ms', ({ restsMs }) => quantile(restsMs, 0.5)),
    of('from write to next write p95', 'ms', ({ restsMs }) => quantile(restsMs, 0.95)),
    of('the same, last tenth, p50', 'ms', ({ restsMs }) =>
      quantile(restsMs.slice(-restsMs.length / 10), 0.5),
    ),
    of('time in all', 'ms', ({ elapsedMs }) => elapsedMs),
  ];
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}
