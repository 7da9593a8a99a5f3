import { expect, it } from 'vitest';
import { planOf, type RunPlan } from './plan.ts';
import type { RunResult } from './run.ts';
import { shrink } from './runner/shrink.ts';

/** A program that breaks as soon as it has three changes on two territories and meets its eighth fault, a crash. */
function run({ changes, territories, without, from, to }: RunPlan): RunResult {
  const crashes = !without.includes('crash') && from <= 7 && to > 7;
  const isBroken = changes >= 3 && territories >= 2 && crashes;
  return {
    violation: isBroken ? { rule: 'order', message: 'the wrong way round' } : undefined,
    hash: '',
    steps: 100,
    changes,
    lastedMs: 1000,
    faults: {
      ...(!without.includes('crash') && { crash: 9 }),
      ...(!without.includes('freeze') && { freeze: 2 }),
    },
    trace: [],
  };
}

it('takes away from a run whatever it breaks without', async () => {
  const plan = { ...planOf(7), territories: 5 };
  let runs = 0;
  const { plan: smallest, result } = await shrink(plan, run(plan), async (candidate) => {
    runs += 1;
    return run(candidate);
  });
  expect(smallest).toEqual({ ...plan, changes: 3, territories: 2, without: ['freeze'], from: 7, to: 8 });
  expect(result.violation?.rule).toBe('order');
  expect(runs).toBeLessThan(100);
});
