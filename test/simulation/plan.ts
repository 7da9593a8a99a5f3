/** What one simulated run is made of. All of it follows from the seed; a shrinker takes parts away. */
import { SeededRandom } from '../sandbox/territory-api/seeded-random.ts';
import { FAULT_KINDS, type FaultKind } from './world/faults.ts';
import { sizeOf } from './world/shape.ts';

export interface RunPlan {
  readonly seed: number;
  /** At most so many changes are published. */
  readonly changes: number;
  readonly territories: number;
  /** Kinds of faults that never strike. */
  readonly without: readonly FaultKind[];
  /** Only the faults with these numbers strike. */
  readonly from: number;
  readonly to: number;
  /** Name of a script that is followed instead. */
  readonly scenario?: string;
}

const MOST_CHANGES = 140;
const MOST_TERRITORIES = 6;

export function planOf(seed: number): RunPlan {
  const random = new SeededRandom(seed, 'plan');
  const changes = 60 + random.below(MOST_CHANGES - 60);
  const territories = 1 + random.below(MOST_TERRITORIES);
  const size = sizeOf(seed);
  return {
    seed,
    changes: size?.changes ?? changes,
    territories: Math.min(size?.territories ?? territories, territories),
    without: [],
    from: 0,
    to: Number.MAX_SAFE_INTEGER,
  };
}

/** The run of a script; the seed still decides how long each step takes. */
export function scenarioPlan(scenario: string): RunPlan {
  return { ...planOf(1), scenario };
}

/** The plan as the command line takes it. */
export function argumentsOf(plan: RunPlan): string {
  if (plan.scenario !== undefined) return `--scenario '${plan.scenario}'`;
  const whole = planOf(plan.seed);
  const parts = [`--seed ${plan.seed}`];
  if (plan.changes !== whole.changes) parts.push(`--changes ${plan.changes}`);
  if (plan.territories !== whole.territories) parts.push(`--territories ${plan.territories}`);
  if (plan.without.length > 0) parts.push(`--without ${plan.without.join(',')}`);
  if (plan.from !== whole.from || plan.to !== whole.to) parts.push(`--faults ${plan.from}-${plan.to}`);
  return parts.join(' ');
}

export function isFaultKind(text: string): text is FaultKind {
  return FAULT_KINDS.some((kind) => kind === text);
}
