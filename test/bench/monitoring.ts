/**
 * What metrics and logs cost: processor time of this process per change, with them (JSON lines at level info, all metrics, read over
 * HTTP after every turn) and without. Two whole services run here, one of each kind, over AMQP and HTTP, each against a mesh and a
 * territory API in a process of their own. They work in turns on the same changes, in pairs, so that both have the same machine, the
 * same compiled code and a heap that was just swept; one that has nothing to do costs next to nothing. SHORT=1: only to see that it runs.
 */
import { startContender, type Contender } from './monitoring/contender.ts';
import type { Monitoring } from './monitoring/service.ts';
import { row, type Result } from './runner/benchmark.ts';

const SHORT = process.env['SHORT'] === '1';
const PAIRS = SHORT ? 1 : 7;
const WARM_UPS = SHORT ? 0 : 1;
/** Of each turn. */
const CHANGES = SHORT ? 50 : 2000;
/** A pair is made of several turns of each kind, so that no one disturbance decides it. */
const TURNS = SHORT ? 1 : 8;
const LIMIT_PER_CENT = 5;

const KINDS: readonly Monitoring[] = ['with metrics and logs', 'without'];

export async function run(say: (line: string) => void): Promise<Result> {
  const contenders = {
    'with metrics and logs': await startContender('with metrics and logs', CHANGES),
    without: await startContender('without', CHANGES),
  };
  const costs: Record<Monitoring, number[]> = { 'with metrics and logs': [], without: [] };
  const more: number[] = [];
  for (let pair = -WARM_UPS; pair < PAIRS; pair += 1) {
    const cost = await costOfPair(contenders);
    const added = 100 * (cost['with metrics and logs'] / cost.without - 1);
    const name = pair < 0 ? 'warm-up' : `pair ${pair + 1}`;
    say(
      `  ${name}: ${cost['with metrics and logs'].toFixed(1)} µs a change with, ${cost.without.toFixed(1)} without: ${added.toFixed(1)} %`,
    );
    if (pair < 0) continue;
    for (const kind of KINDS) costs[kind].push(cost[kind]);
    more.push(added);
  }
  const lines = await contenders['with metrics and logs'].stop();
  await contenders.without.stop();
  const changes = (PAIRS + WARM_UPS) * TURNS * CHANGES;
  say(`  each kind: ${changes} changes; ${lines} lines were logged`);
  const added = row('added by metrics and logs', '%', more);
  return {
    rows: [...KINDS.map((kind) => row(`CPU per change, ${kind}`, 'µs', costs[kind])), added],
    claims: [
      {
        text: `metrics and logs cost less than ${LIMIT_PER_CENT} % more CPU per change (median of ${PAIRS} pairs)`,
        holds: added.median < LIMIT_PER_CENT,
      },
    ],
  };
}

/** Turn and turn about, ABBA, so that a machine that becomes slower or faster does so for both. */
async function costOfPair(
  contenders: Readonly<Record<Monitoring, Contender>>,
): Promise<Record<Monitoring, number>> {
  const sums: Record<Monitoring, number> = { 'with metrics and logs': 0, without: 0 };
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const kind of turn % 2 === 0 ? KINDS : KINDS.toReversed())
      sums[kind] += await contenders[kind].turn();
  }
  for (const kind of KINDS) sums[kind] /= TURNS;
  return sums;
}
