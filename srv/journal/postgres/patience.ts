/**
 * Calls that are worth repeating through a short outage: a restart or a failover takes seconds, while a flight whose work is
 * not recorded leaves its lanes to the end of their leases. Only for what may be done twice.
 */
import { sleep, type Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import { JournalUnavailable } from '../port.ts';

const FIRST_DELAY_MS = 50;
const LONGEST_DELAY_MS = 1000;

export interface PatienceOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Aborted when the journal closes: nobody waits any more then. */
  readonly signal: AbortSignal;
}

/** Runs a call so often as it is worth. */
export type Patiently = <Result>(action: () => Promise<Result>) => Promise<Result>;

/**
 * Runs `action` until it succeeds, fails for another reason than `JournalUnavailable`, or `patienceMs` have passed since its
 * first failure.
 * @throws what `action` threw last
 */
export async function patiently<Result>(
  options: PatienceOptions,
  patienceMs: number,
  action: () => Promise<Result>,
): Promise<Result> {
  const { clock, random, signal } = options;
  let givesUpAtMs: number | undefined;
  for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(2 * delayMs, LONGEST_DELAY_MS)) {
    try {
      return await action();
    } catch (error) {
      givesUpAtMs ??= clock.monotonicMs() + patienceMs;
      const waitMs = delayMs * (1 + random.fraction() / 2);
      const isOver = signal.aborted || clock.monotonicMs() + waitMs > givesUpAtMs;
      if (!(error instanceof JournalUnavailable) || isOver) throw error;
      await sleep(clock, waitMs, signal);
    }
  }
}
