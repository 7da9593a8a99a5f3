/** The command line of the runner. */
import { parseArgs } from 'node:util';
import { SCENARIOS } from '../scenarios/list.ts';
import { isFaultKind, planOf, scenarioPlan, type RunPlan } from '../plan.ts';

export type Order =
  /** Many seeds, from this one on. */
  | { readonly kind: 'seeds'; readonly from: number; readonly count: number }
  /** One plan, with its trace. */
  | { readonly kind: 'one'; readonly plan: RunPlan }
  /** Every mutation with its recorded seed. */
  | { readonly kind: 'mutations'; readonly search: 'recorded-seeds' | 'new-seeds' };

/** Wrong use: one line that says what is right. */
export class WrongUse extends Error {
  readonly code = 'WRONG_USE';
}

export const USAGE =
  'npm run simulate -- --seeds N [--from S] | --seed S [--changes N] [--territories N] [--without kind,…] [--faults FROM-TO] | --scenario NAME | --mutations [--find]';

/** @throws WrongUse */
export function readArguments(given: readonly string[]): Order {
  const values = parsed(given);
  const count = numberIn('seeds', values.seeds);
  const seed = numberIn('seed', values.seed);
  const { scenario } = values;
  const chosen = [count, seed, scenario, values.mutations].filter((value) => value !== undefined).length;
  if (chosen !== 1) throw new WrongUse(USAGE);
  if (count !== undefined) return { kind: 'seeds', from: numberIn('from', values.from) ?? 1, count };
  if (scenario !== undefined) {
    if (SCENARIOS.every(({ name }) => name !== scenario)) {
      throw new WrongUse(
        `--scenario ${scenario}: there is none; they are: ${SCENARIOS.map(({ name }) => name).join('; ')}`,
      );
    }
    return { kind: 'one', plan: scenarioPlan(scenario) };
  }
  if (seed === undefined) {
    return { kind: 'mutations', search: values.find === true ? 'new-seeds' : 'recorded-seeds' };
  }
  const whole = planOf(seed);
  const without = (values.without ?? '').split(',').filter((kind) => kind !== '');
  const unknown = without.find((kind) => !isFaultKind(kind));
  if (unknown !== undefined) throw new WrongUse(`--without ${unknown}: there is no such kind of fault`);
  const [from, to] = rangeIn(values.faults) ?? [whole.from, whole.to];
  return {
    kind: 'one',
    plan: {
      seed,
      changes: numberIn('changes', values.changes) ?? whole.changes,
      territories: numberIn('territories', values.territories) ?? whole.territories,
      without: without.filter(isFaultKind),
      from,
      to,
    },
  };
}

function parsed(given: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  try {
    return parseArgs({
      args: [...given],
      options: {
        seeds: text,
        from: text,
        seed: text,
        scenario: text,
        changes: text,
        territories: text,
        without: text,
        faults: text,
        mutations: flag,
        find: flag,
      },
    }).values;
  } catch (error) {
    throw new WrongUse(`${error instanceof Error ? error.message : String(error)}; ${USAGE}`, {
      cause: error,
    });
  }
}

function numberIn(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new WrongUse(`--${name} ${text}: give a whole number`);
}

function rangeIn(text: string | undefined): readonly [number, number] | undefined {
  if (text === undefined) return undefined;
  const [, from, to] = /^(\d{1,16})-(\d{1,16})$/.exec(text) ?? [];
  if (from === undefined || to === undefined) throw new WrongUse(`--faults ${text}: give FROM-TO`);
  return [Number(from), Number(to)];
}
