import { expect, test } from 'vitest';
import { ApiBudget } from '../../../srv/lanes/api-budget.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';

const HOUR_MS = 3_600_000;

function budgetOf(limit: number | undefined) {
  const clock = new ManualClock();
  const log = createRecordingLog();
  const budget = new ApiBudget({ limit, clock, log });
  const spend = (requests: number) => Array.from({ length: requests }).forEach(() => budget.spend());
  return { clock, log, budget, spend };
}

test('a budget is exhausted by as many requests as it allows, and says at nine tenths that it will be', () => {
  const { budget, spend, log } = budgetOf(100);
  spend(89);
  expect(log.lines).toEqual([]);
  spend(10);
  expect(log.lines).toMatchObject([{ level: 'warn', fields: { used: 90, limit: 100 } }]);
  expect(budget.exhausted).toBe(false);
  spend(1);
  expect(budget).toMatchObject({ exhausted: true, used: 100 });
});

test('an exhausted budget frees when the requests are a day old, at the time it has named', () => {
  const { clock, budget, spend } = budgetOf(10);
  spend(4);
  clock.advance(HOUR_MS);
  spend(6);
  const freesAt = budget.freesAt ?? 0;
  clock.advance(freesAt - clock.now() - 1);
  expect(budget.exhausted).toBe(true);
  clock.advance(1);
  expect(budget).toMatchObject({ exhausted: false, used: 6, freesAt: undefined });
});

test('without a limit requests are counted and never run out', () => {
  const { budget, spend, clock } = budgetOf(undefined);
  spend(1000);
  expect(budget).toMatchObject({ exhausted: false, used: 1000, freesAt: undefined });
  clock.advance(25 * HOUR_MS);
  expect(budget.used).toBe(0);
});

test('what all instances have sent takes the place of what one knows, but for what it has not reported', () => {
  const { clock, budget, spend } = budgetOf(100);
  spend(20);
  const reported = budget.unreported;
  spend(3);
  const spent = [
    { requests: 40, freesInMs: HOUR_MS },
    { requests: 50, freesInMs: 2 * HOUR_MS },
  ];
  budget.learn(spent, reported);
  expect(budget).toMatchObject({ used: 93, unreported: 3, isLow: true, exhausted: false });
  spend(7);
  expect(budget).toMatchObject({ exhausted: true, freesAt: clock.now() + HOUR_MS });
  clock.advance(HOUR_MS);
  expect(budget).toMatchObject({ used: 60, exhausted: false, isLow: false });
});
