/** Asks every part for what alerts are judged by. What a part cannot tell now is not known; that it cannot is another alert's. */
import type { OperatedJournal } from '../journal/port.ts';
import type { ApiBudget } from '../lanes/api-budget.ts';
import type { Breaker } from '../lanes/breaker.ts';
import type { TerritoryLocks } from '../lock/port.ts';
import type { Mesh } from '../mesh/port.ts';
import type { ActivityRecord } from '../monitor/activity.ts';
import type { Observed } from '../monitor/alerts/observed.ts';
import type { BacklogSampler } from '../monitor/backlog-sampler.ts';
import type { DeadLetterDesk } from '../operations/port.ts';
import type { Clock } from '../platform/clock.ts';

export interface ObservedParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly operated: Pick<OperatedJournal, 'lanes'>;
  readonly activity: Pick<ActivityRecord, 'figures'>;
  readonly backlog: Pick<BacklogSampler, 'figures'>;
  readonly breaker: Pick<Breaker, 'state' | 'reason' | 'refusesWrites'>;
  readonly budget: Pick<ApiBudget, 'limit' | 'used'>;
  readonly mesh: Pick<Mesh, 'status'>;
  readonly locks: Pick<TerritoryLocks, 'check'>;
  readonly deadLetters: Pick<DeadLetterDesk, 'counts'>;
}

/** What an app knows of itself: all but the checks that are made around it. */
export type AppObservation = Omit<Observed, 'happened' | 'journal' | 'queue'>;

/** Held territories that alerts name. */
const NAMED_LANES = 100;

export function observation(parts: ObservedParts): () => Promise<AppObservation> {
  const { clock, operated, activity, backlog, breaker, budget, mesh, locks, deadLetters } = parts;
  return async () => {
    const { conflicts, perMinute } = activity.figures();
    const figures = backlog.figures;
    const [letters, held] = await Promise.allSettled([
      deadLetters.counts(),
      figures !== undefined && figures.lanes.held > 0
        ? operated.lanes({ state: 'held', limit: NAMED_LANES })
        : Promise.resolve([]),
    ]);
    return {
      conflicts,
      api: { state: breaker.state, trouble: breaker.reason, refusesWrites: breaker.refusesWrites },
      budget: { limit: budget.limit, used: budget.used },
      mesh: mesh.status(),
      lock: locks.check(),
      backlog: {
        minutes: perMinute,
        oldestAgeMs:
          figures?.oldestReceivedAt === undefined ? undefined : clock.now() - figures.oldestReceivedAt,
      },
      deadLetters: letters.status === 'fulfilled' ? letters.value.open : undefined,
      held:
        figures === undefined || held.status === 'rejected'
          ? undefined
          : { count: figures.lanes.held, territories: held.value.map(({ territoryId }) => territoryId) },
    };
  };
}
