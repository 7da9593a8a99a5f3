/** The set-up at the service's start: an API that is down delays it, a refusal for good ends it. */
import { sleep, type Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import { backoffMs, type BackoffLimits } from '../backoff.ts';
import type { QueueAdministration } from './administration.ts';
import type { QueuePlan } from './plan.ts';
import { ManagementError } from './problem.ts';
import { reportLines, type ReportLine } from './report.ts';
import { setupQueues } from './setup.ts';

export interface SetupAtStartParts {
  readonly administration: QueueAdministration;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** The service is told to stop: the set-up is given up. */
  readonly signal: AbortSignal;
  /** Between attempts. */
  readonly backoff?: BackoffLimits;
}

const BACKOFF: BackoffLimits = { firstMs: 2_000, maxMs: 60_000 };
/** An API that asks for a longer wait is asked again after this one. */
const PATIENCE_MS = 900_000;

/**
 * Sets the queues up, however long the API takes to come back. Nothing is pruned.
 * @returns `stopped` where the signal came first
 * @throws {ManagementError} for what time does not heal
 */
export async function setupAtStart(plan: QueuePlan, parts: SetupAtStartParts): Promise<'done' | 'stopped'> {
  const { administration, clock, random, log, signal, backoff = BACKOFF } = parts;
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      const report = await setupQueues(plan, { administration, obsolete: 'keep' });
      for (const line of reportLines(report)) logLine(log, line);
      return 'done';
    } catch (error) {
      if (!(error instanceof ManagementError) || !error.passing) throw error;
      if (signal.aborted) break;
      const askedMs = Math.min(error.retryAfterMs ?? 0, PATIENCE_MS);
      const limits = { ...backoff, maxMs: Math.max(backoff.maxMs, askedMs) };
      const afterMs = Math.round(backoffMs(failures, limits, random.fraction(), askedMs));
      log.warn(`The queues are not set up yet: ${error.message}`, { code: error.code, retryInMs: afterMs });
      await sleep(clock, afterMs, signal);
    }
  }
  return 'stopped';
}

function logLine(log: Log, { kind, text }: ReportLine): void {
  switch (kind) {
    case 'done':
    case 'unchanged':
      return log.info(text);
    case 'notice':
      return log.warn(text);
    case 'problem':
      return log.error(text);
  }
}
