/**
 * Finds a smaller run that breaks the same guarantee: fewer kinds of faults, fewer faults, fewer changes, fewer territories.
 * Greedy: it keeps whatever still fails, until nothing more can be taken away.
 */
import type { RunPlan } from '../plan.ts';
import type { RunResult } from '../run.ts';
import { FAULT_KINDS } from '../world/faults.ts';

/** @param run called at most some 200 times */
export async function shrink(
  plan: RunPlan,
  first: RunResult,
  run: (plan: RunPlan) => Promise<RunResult>,
): Promise<{ readonly plan: RunPlan; readonly result: RunResult }> {
  let smallest = { plan, result: first };
  const attempt = async (candidate: RunPlan): Promise<boolean> => {
    const result = await run(candidate);
    const isSame = result.violation?.rule === first.violation?.rule;
    if (isSame) smallest = { plan: candidate, result };
    return isSame;
  };
  for (const kind of FAULT_KINDS) {
    if (smallest.result.faults[kind] === undefined) continue;
    await attempt({ ...smallest.plan, without: [...smallest.plan.without, kind] });
  }
  await lowest(smallest.plan.changes, (changes) => attempt({ ...smallest.plan, changes }));
  await lowest(smallest.plan.territories, (territories) => attempt({ ...smallest.plan, territories }));
  const faults = Object.values(smallest.result.faults).reduce((sum, count) => sum + count, 0);
  await lowest(smallest.plan.from + 4 * faults, (to) => attempt({ ...smallest.plan, to }));
  const { from, to } = smallest.plan;
  await lowest(Math.min(to, 4 * faults) - from, (left) => attempt({ ...smallest.plan, from: to - left }));
  return smallest;
}

/** Halves the distance to the least number from 1 that still fails; as if failing were monotone. */
async function lowest(most: number, fails: (number: number) => Promise<boolean>): Promise<void> {
  let low = 0;
  let high = most;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await fails(middle)) high = middle;
    else low = middle;
  }
}
