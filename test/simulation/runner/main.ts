/**
 * Runs the simulation from the command line. Exit code 0: no guarantee was broken; 1: one was, and the shortest run that
 * shows it is printed; 2: wrong use.
 */
import { availableParallelism } from 'node:os';
import { SingleBar } from 'cli-progress';
import { readMutations, recordSeeds, type RecordedMutation } from '../mutations/list.ts';
import { argumentsOf, planOf, scenarioPlan, type RunPlan } from '../plan.ts';
import { simulate, type RunResult } from '../run.ts';
import { SCENARIOS } from '../scenarios/list.ts';
import { readArguments, WrongUse } from './arguments.ts';
import { runPlans } from './pool.ts';
import { shrink } from './shrink.ts';

/** Seeds that are tried to catch a mutation. */
const SEEDS_PER_MUTATION = 60;
const LAST_LINES = 60;

try {
  const order = readArguments(process.argv.slice(2));
  switch (order.kind) {
    case 'seeds':
      process.exitCode = await manySeeds(order.from, order.count);
      break;
    case 'one':
      process.exitCode = await onePlan(order.plan);
      break;
    case 'mutations':
      process.exitCode = await allMutations(order.search);
  }
} catch (error) {
  if (!(error instanceof WrongUse)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function manySeeds(from: number, count: number): Promise<number> {
  const bar = new SingleBar({
    format: '{bar} {value}/{total} seeds, {eta_formatted} left',
    stopOnComplete: true,
  });
  const startedAt = performance.now();
  const sums = { seeds: 0, steps: 0, changes: 0, simulatedMs: 0 };
  const faults: Record<string, number> = {};
  let broken: { readonly plan: RunPlan; readonly result: RunResult } | undefined;
  bar.start(count, 0);
  await runPlans(seedsFrom(from, count), (plan, result) => {
    sums.seeds += 1;
    sums.steps += result.steps;
    sums.changes += result.changes;
    sums.simulatedMs += result.lastedMs;
    for (const [kind, times] of Object.entries(result.faults)) faults[kind] = (faults[kind] ?? 0) + times;
    bar.update(sums.seeds);
    if (result.violation) broken ??= { plan, result };
    return result.violation ? 'stop' : 'go on';
  });
  bar.stop();
  const all = Object.values(faults).reduce((sum, times) => sum + times, 0);
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(
    `${sums.seeds} seeds, ${sums.changes} changes, ${all} faults, ${sums.steps} steps in ${seconds.toFixed(0)} s; ` +
      `${(sums.simulatedMs / 3_600_000).toFixed(0)} hours were simulated`,
  );
  for (const [kind, times] of Object.entries(faults).toSorted(([, a], [, b]) => b - a)) {
    console.log(`${String(times).padStart(10)}  ${kind}`);
  }
  if (!broken) return 0;
  await report(broken.plan, broken.result);
  return 1;
}

async function onePlan(plan: RunPlan): Promise<number> {
  const result = await simulate(plan, 'lines');
  console.log(result.trace.join('\n'));
  console.log(`${result.steps} steps, ${result.changes} changes, hash ${result.hash}`);
  if (!result.violation) return 0;
  console.log(`Broken: ${result.violation.rule}: ${result.violation.message}`);
  return 1;
}

/** @param search `new-seeds`: looks for a seed that catches those whose recorded one does not any more, and writes it down */
async function allMutations(search: 'recorded-seeds' | 'new-seeds'): Promise<number> {
  const all = [...readMutations()];
  const escaped: string[] = [];
  const waiting = all.keys();
  // One thread each: most are caught by the first seeds, and a thread takes a while to start.
  const work = async (): Promise<void> => {
    for (const index of waiting) {
      const recorded = all[index] as RecordedMutation;
      const { mutation } = recorded;
      const caught = await catchOne(mutation, plansFor(recorded, search));
      all[index] = { mutation, ...caught };
      if (search === 'new-seeds') recordSeeds(all);
      if (!caught) escaped.push(mutation.name);
      console.log(
        `${caught ? `caught by ${caught.scenario ?? `seed ${caught.seed}`} (${caught.rule})` : 'NOT CAUGHT'}: ${mutation.name}`,
      );
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  console.log(`${all.length - escaped.length} of ${all.length} mutations were caught`);
  return escaped.length > 0 ? 1 : 0;
}

/** The scenario that shows it comes first. */
function* plansFor(
  { mutation, seed }: RecordedMutation,
  search: 'recorded-seeds' | 'new-seeds',
): Generator<RunPlan, void> {
  for (const { name, fallsWith } of SCENARIOS) if (fallsWith === mutation.name) yield scenarioPlan(name);
  if (seed !== undefined) yield planOf(seed);
  if (search === 'new-seeds') yield* seedsFrom(1, SEEDS_PER_MUTATION);
}

/** The first of these plans that the mutation does not survive. */
async function catchOne(
  mutation: RecordedMutation['mutation'],
  plans: Iterator<RunPlan>,
): Promise<Omit<RecordedMutation, 'mutation'> | undefined> {
  let caught: Omit<RecordedMutation, 'mutation'> | undefined;
  await runPlans(
    plans,
    (plan, { violation }) => {
      const { scenario, seed } = plan;
      if (violation)
        caught ??= { ...(scenario === undefined ? { seed } : { scenario }), rule: violation.rule };
      return violation ? 'stop' : 'go on';
    },
    { mutation, threads: 1 },
  );
  return caught;
}

async function report(plan: RunPlan, result: RunResult): Promise<void> {
  console.log(
    `\nSeed ${plan.seed} broke a guarantee: ${result.violation?.rule}: ${result.violation?.message}`,
  );
  console.log('Looking for the shortest run that does so …');
  const smallest = await shrink(plan, result, (candidate) => simulate(candidate));
  const { trace, violation } = await simulate(smallest.plan, 'lines');
  console.log(trace.slice(-LAST_LINES).join('\n'));
  console.log(`Broken: ${violation?.rule}: ${violation?.message}`);
  console.log(`Again: npm run simulate -- ${argumentsOf(smallest.plan)}`);
}

function* seedsFrom(from: number, count: number): Generator<RunPlan, void> {
  for (let seed = from; seed < from + count; seed += 1) yield planOf(seed);
}
