/** Asks every part for its share of the summary. */
import type { Journal } from '../../journal/port.ts';
import type { ApiBudget } from '../../lanes/api-budget.ts';
import type { Breaker } from '../../lanes/breaker.ts';
import type { Mesh } from '../../mesh/port.ts';
import type { ActivityRecord } from '../../monitor/activity.ts';
import type { DeadLetterDesk, ProcessingSwitch } from '../../operations/port.ts';
import type { Clock } from '../../platform/clock.ts';
import type { ReadinessSource } from '../health.ts';
import type { SummarySource } from './summary.ts';

export interface SummaryParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly readiness: ReadinessSource;
  readonly journal: Pick<Journal, 'figures'>;
  readonly deadLetters: Pick<DeadLetterDesk, 'counts'>;
  readonly processing: Pick<ProcessingSwitch, 'paused'>;
  readonly activity: ActivityRecord;
  readonly breaker: Pick<Breaker, 'state' | 'since' | 'nextProbeAt' | 'reason'>;
  readonly mesh: Pick<Mesh, 'status'>;
  /** Records per flight now. */
  readonly batchSize: () => number;
  readonly budget: Pick<ApiBudget, 'limit' | 'used' | 'freesAt'>;
}

/** Instances that share an embedded journal: it is this process's memory. */
const EMBEDDED_INSTANCES = 1;

export function summarySource(parts: SummaryParts): SummarySource {
  const { clock, activity, breaker, budget } = parts;
  return async () => {
    const journal = await parts.journal.figures();
    const { open } = await parts.deadLetters.counts();
    const { mode, receiver } = parts.readiness();
    // Known just now: the present minute need not wait for the next look at the backlog.
    activity.backlog(journal.pendingChanges);
    return {
      at: clock.now(),
      mode,
      receiver,
      instances: journal.instances ?? EMBEDDED_INSTANCES,
      journal,
      deadLetters: open,
      activity: activity.figures(),
      batchSize: parts.batchSize(),
      breaker: {
        state: breaker.state,
        since: breaker.since,
        nextProbeAt: breaker.nextProbeAt,
        reason: breaker.reason?.message,
      },
      quota: { limit: budget.limit, used: budget.used, freesAt: budget.freesAt },
      mesh: parts.mesh.status(),
      paused: parts.processing.paused(),
    };
  };
}
