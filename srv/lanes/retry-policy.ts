/** How long a lane waits after a conflict. Pure: chance comes in as a number. */

export interface RetryPolicy {
  /** Retries after the first refused write. */
  readonly limit: number;
  readonly firstDelayMs: number;
  readonly maxDelayMs: number;
}

/** Beyond any greatest delay that can be set, and far from the end of the number range. */
const MOST_DOUBLINGS = 40;

/**
 * Share of the delay that chance may add: enough to part programs that were refused together. A retry is what a burst waits for last,
 * so chance is not given more (with a quarter of 2 + 4 s up to 1.5 s of a burst that takes 7 s).
 */
const JITTER = 0.1;

/** The longest wait that the policy itself asks for; milliseconds. */
export function longestRetryMs({ firstDelayMs, maxDelayMs }: RetryPolicy): number {
  return Math.max(firstDelayMs, maxDelayMs) * (1 + JITTER);
}

/**
 * Milliseconds to wait before retry number `retry` (from 1): doubling from the first delay up to the greatest.
 * Both that and what the API asked for (`Retry-After`) are floors. Chance only ever extends the wait: the floor is the
 * time that the API's cache needs, and a shorter wait would meet the same stale node again.
 * @param fraction in [0, 1)
 */
export function retryDelayMs(policy: RetryPolicy, retry: number, fraction: number, retryAfterMs = 0): number {
  const doubled = policy.firstDelayMs * 2 ** Math.min(retry - 1, MOST_DOUBLINGS);
  const floor = Math.max(retryAfterMs, Math.min(doubled, policy.maxDelayMs));
  return Math.ceil(floor * (1 + JITTER * fraction));
}
