import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { importsOf, filesBelow } from '../unit/structure/sources.ts';
import { mutated } from './mutations/install.ts';
import { readMutations } from './mutations/list.ts';
import { argumentsOf, planOf, scenarioPlan, type RunPlan } from './plan.ts';
import type { RunResult } from './run.ts';
import { readArguments } from './runner/arguments.ts';
import { runPlans } from './runner/pool.ts';
import { SCENARIOS } from './scenarios/list.ts';
import { circumstancesOf } from './world/circumstances.ts';
import { shapeOf } from './world/shape.ts';

const SEEDS = 12;
const KEPT = JSON.parse(readFileSync(new URL('kept-seeds.json', import.meta.url), 'utf8')) as readonly {
  readonly arguments: string;
  readonly found: string;
}[];

describe('the simulation', () => {
  it(`breaks no guarantee under the first ${SEEDS} seeds`, { timeout: 60_000 }, async () => {
    const results = await resultsOf(Array.from({ length: SEEDS }, (_, index) => planOf(index + 1)));
    expect(brokenIn(results)).toEqual([]);
    const sum = (of: (result: RunResult) => number) =>
      results.reduce((all, [, result]) => all + of(result), 0);
    expect(sum(({ changes }) => changes)).toBeGreaterThan(SEEDS * 50);
    expect(sum(({ faults }) => Object.keys(faults).length)).toBeGreaterThan(SEEDS * 5);
  });

  it('breaks no guarantee in bursts, beside a neighbour, beside a hot territory, of wide changes, and in transactions', async () => {
    const shapes = ['burst', 'neighbour', 'hot', 'wide'] as const;
    const plans = shapes.map((shape) => planOf(firstSeed((seed) => shapeOf(seed) === shape)));
    plans.push(planOf(firstSeed((seed) => circumstancesOf(seed, 1).transactions === 'per-change')));
    expect(brokenIn(await resultsOf(plans))).toEqual([]);
  });

  it('breaks no guarantee any more under the seeds that once did', { timeout: 60_000 }, async () => {
    const plans = KEPT.map((kept) => {
      const order = readArguments(kept.arguments.split(' '));
      if (order.kind !== 'one') throw new Error(`${kept.arguments} is not one run`);
      return order.plan;
    });
    expect(brokenIn(await resultsOf(plans))).toEqual([]);
  });

  it('is the same run for the same seed, to the byte', { timeout: 60_000 }, async () => {
    // The numbers differ, so that a thread has another past when it runs a plan for the second time.
    const plans = [planOf(3), planOf(4), planOf(4), planOf(3)];
    const hashes = new Map<number, Set<string>>();
    for (const [{ seed }, { hash }] of await resultsOf(plans)) {
      hashes.set(seed, (hashes.get(seed) ?? new Set()).add(hash));
    }
    expect([...hashes.values()].map(({ size }) => size)).toEqual([1, 1]);
    expect(new Set([...hashes.values()].flatMap((all) => [...all])).size).toBe(2);
  });

  it('runs the composition of the program itself and knows none of the adapters that it replaces', () => {
    const targets = filesBelow('test/simulation', /\.ts$/).flatMap((file) =>
      importsOf(file).map(({ target }) => target),
    );
    expect(targets).toContain('srv/app.ts');
    const replaced = /^srv\/(?:mesh|territory-api|journal\/postgres|lock)\/(?!port\.ts)/;
    const inside = /^srv\/lanes\/(?!api-budget\.ts)/;
    expect(targets.filter((target) => replaced.test(target) || inside.test(target))).toEqual([]);
  });
});

describe('the scenarios', () => {
  it('break no guarantee', { timeout: 60_000 }, async () => {
    const results = await resultsOf(SCENARIOS.map(({ name }) => scenarioPlan(name)));
    expect(brokenIn(results)).toEqual([]);
    expect(results).toHaveLength(SCENARIOS.length);
    // Each fault of the script has struck.
    expect(results.filter(([, { faults }]) => Object.keys(faults).length === 0)).toEqual([]);
  });

  it('name each a mutation that takes its protection away', () => {
    const mutations = readMutations().filter(({ scenario }) => scenario !== undefined);
    expect(new Map(mutations.map(({ mutation, scenario }) => [scenario, mutation.name]))).toEqual(
      new Map(SCENARIOS.map(({ name, fallsWith }) => [name, fallsWith])),
    );
  });
});

describe('a plan', () => {
  it('is the same after it was written as arguments and read again', () => {
    const plans: RunPlan[] = [
      planOf(7),
      ...SCENARIOS.slice(0, 1).map(({ name }) => scenarioPlan(name)),
      { ...planOf(7), changes: 3, territories: 1, without: ['crash', 'freeze'], from: 2, to: 9 },
    ];
    for (const plan of plans) {
      const written = argumentsOf(plan).match(/'[^']*'|\S+/g) ?? [];
      expect(readArguments(written.map((part) => part.replaceAll("'", '')))).toEqual({ kind: 'one', plan });
    }
  });

  it.each([
    [],
    ['--seeds', '1', '--seed', '2'],
    ['--seeds', 'many'],
    ['--seed', '1', '--without', 'rain'],
    ['--what'],
  ])('is refused as wrong use: %s %s', (...given) => {
    expect(() => readArguments(given)).toThrow(expect.objectContaining({ code: 'WRONG_USE' }));
  });
});

describe('the mutations', () => {
  const recorded = readMutations();

  it('have each a name of its own', () => {
    expect(new Set(recorded.map(({ mutation }) => mutation.name)).size).toBe(recorded.length);
  });

  it('all apply to the program as it is, and each is caught by a scenario or a recorded seed', () => {
    for (const { mutation, scenario, seed } of recorded) {
      expect(() => mutated(readFileSync(mutation.file, 'utf8'), mutation)).not.toThrow();
      expect(scenario ?? seed, mutation.name).toBeDefined();
    }
  });

  it('are caught: writing without looking at the version', { timeout: 60_000 }, async () => {
    const [first] = recorded.filter(({ mutation }) => mutation.name.includes('If-Match'));
    if (!first) throw new Error('there is no mutation of If-Match');
    const broken: string[] = [];
    await runPlans(
      [planOf(first.seed ?? 1)].values(),
      (_, { violation }) => {
        if (violation) broken.push(violation.rule);
        return 'go on';
      },
      { threads: 1, mutation: first.mutation },
    );
    expect(broken).toEqual(['if-match']);
  });
});

function firstSeed(fits: (seed: number) => boolean): number {
  let seed = 1;
  while (!fits(seed)) seed += 1;
  return seed;
}

async function resultsOf(plans: readonly RunPlan[]): Promise<readonly (readonly [RunPlan, RunResult])[]> {
  const results: (readonly [RunPlan, RunResult])[] = [];
  await runPlans(
    plans.values(),
    (plan, result) => {
      results.push([plan, result]);
      return 'go on';
    },
    { threads: 2 },
  );
  return results;
}

function brokenIn(results: readonly (readonly [RunPlan, RunResult])[]): readonly string[] {
  return results.flatMap(([plan, { violation }]) =>
    violation ? [`${argumentsOf(plan)}: ${violation.rule}: ${violation.message}`] : [],
  );
}
