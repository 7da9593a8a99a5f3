/**
 * How many requests each protocol takes for a change that is applied, by kind, at the sandbox's API and at the destination service. Two
 * cases: every change in a territory of its own (nothing to merge, nothing to wait for), and many changes of few territories. SHORT=1:
 * only to see that it runs.
 */
import type { Claim, Result, Row } from './runner/benchmark.ts';
import { row } from './runner/benchmark.ts';
import { runCase } from './protocols/run-case.ts';
import type { Case, Counts } from './protocols/run-case.ts';
import { REQUEST_KINDS } from './protocols/request-kinds.ts';

const SHORT = process.env['SHORT'] === '1';
const RUNS = SHORT ? 1 : 3;

/** Most requests for a change in a territory of its own: one read and one write, shared by a flight where the protocol has bulks. */
const PROTOCOLS = [
  { name: 'rest', requestsMax: 0.1 },
  { name: 'odata-v4', requestsMax: 0.1 },
  { name: 'odata-v2', requestsMax: 0.1 },
  { name: 'sales-cloud', requestsMax: 2.1 },
] as const;

const ALONE: Case = {
  name: 'a territory each',
  changes: SHORT ? 50 : 500,
  territories: SHORT ? 50 : 500,
  recordsPerTerritory: 1,
};
const SHARED: Case = {
  name: '40 territories of 6',
  changes: SHORT ? 60 : 500,
  territories: 40,
  recordsPerTerritory: 6,
};

const COLUMNS = [...REQUEST_KINDS, 'lookup', 'token'] as const;

export async function run(say: (line: string) => void): Promise<Result> {
  const rows: Row[] = [];
  const claims: Claim[] = [];
  say(
    `protocols: requests of each kind (median of ${RUNS} runs), then requests to the API per applied change`,
  );
  for (const one of [ALONE, SHARED]) {
    const head = ['changes', ...COLUMNS, 'per change'].map((text) => text.padStart(11)).join('');
    say(`${one.name.padEnd(22)}${head}`);
    for (const protocol of PROTOCOLS) {
      const runs: Counts[] = [];
      for (let count = 0; count < RUNS; count += 1) runs.push(await runCase(protocol.name, one));
      const each = COLUMNS.map((kind) =>
        row(
          `${protocol.name}, ${one.name}: ${kind}`,
          'requests',
          runs.map((counts) => counts[kind]),
        ),
      );
      const perChange = row(
        `${protocol.name}, ${one.name}: per change`,
        'requests',
        runs.map(requestsPerChange),
      );
      rows.push(...each, perChange);
      const figures = [one.changes, ...each.map(({ median }) => median)].map((value) =>
        String(value).padStart(11),
      );
      say(`${protocol.name.padEnd(22)}${figures.join('')}${perChange.median.toFixed(3).padStart(11)}`);
      claims.push(...claimsOf(protocol, one, runs, perChange));
    }
  }
  return { rows, claims };
}

function requestsPerChange(counts: Counts): number {
  return REQUEST_KINDS.reduce((sum, kind) => sum + counts[kind], 0) / counts.applied;
}

function claimsOf(
  { name, requestsMax }: (typeof PROTOCOLS)[number],
  one: Case,
  runs: readonly Counts[],
  perChange: Row,
): readonly Claim[] {
  const claims: Claim[] = [
    {
      text: `${name}, ${one.name}: every change is applied, no request for CSRF, one look-up and one token`,
      holds: runs.every(
        ({ applied, csrf, lookup, token }) =>
          applied === one.changes && csrf === 0 && lookup === 1 && token === 1,
      ),
    },
  ];
  if (one === ALONE) {
    claims.push({
      text: `${name}, ${one.name}: at most ${requestsMax} requests per applied change: ${perChange.max.toFixed(3)}`,
      holds: perChange.max <= requestsMax,
    });
  }
  return claims;
}
