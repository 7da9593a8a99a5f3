/**
 * How often and how long the management API is tried: every call is idempotent, so what failed for the moment is repeated a few
 * times, never sooner than `Retry-After` asks.
 */
import { sleep, type Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import { backoffMs, type BackoffLimits } from '../backoff.ts';
import { ManagementError } from './problem.ts';

export interface ManagementLimits {
  /** One request, its answer included. */
  readonly timeoutMs: number;
  /** Of one call, the first included. */
  readonly attempts: number;
  /** Between them. An API that asks for a longer wait than `maxMs` is given up. */
  readonly backoff: BackoffLimits;
  /** For the API to become ready. */
  readonly readyWithinMs: number;
}

export const managementDefaults: ManagementLimits = {
  timeoutMs: 15_000,
  attempts: 4,
  backoff: { firstMs: 1_000, maxMs: 30_000 },
  readyWithinMs: 30_000,
};

/** What every adapter needs from outside. */
export interface ManagementParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: ManagementLimits;
  /** Aborting it ends requests and waits. */
  readonly signal?: AbortSignal;
}

/** @throws {ManagementError} the last one, or the first that is not passing */
export async function repeatedly<T>(attempt: () => Promise<T>, parts: ManagementParts): Promise<T> {
  const { limits } = parts;
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      const last = failures + 1 >= limits.attempts;
      if (last || !isPassing(error) || (error.retryAfterMs ?? 0) > limits.backoff.maxMs) throw error;
      await pause(failures, error, parts);
    }
  }
}

/** As `repeatedly`, as often as it takes within `readyWithinMs`; a wait that would end later is not begun. */
export async function untilReady(attempt: () => Promise<void>, parts: ManagementParts): Promise<void> {
  const { clock, limits } = parts;
  const untilMs = clock.monotonicMs() + limits.readyWithinMs;
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error) || clock.monotonicMs() + (error.retryAfterMs ?? 0) >= untilMs) throw error;
      await pause(failures, error, parts);
    }
  }
}

function isPassing(error: unknown): error is ManagementError {
  return error instanceof ManagementError && error.passing;
}

async function pause(failures: number, error: ManagementError, parts: ManagementParts): Promise<void> {
  const { clock, random, limits, signal } = parts;
  const askedMs = error.retryAfterMs ?? 0;
  const backoff = { ...limits.backoff, maxMs: Math.max(limits.backoff.maxMs, askedMs) };
  await sleep(clock, backoffMs(failures, backoff, random.fraction(), askedMs), signal);
  if (signal?.aborted) throw error;
}
