/** How long to wait before the next attempt: doubling up to a ceiling, with jitter so that instances do not come back in step. */

export interface BackoffLimits {
  /** Ceiling of the first wait, milliseconds. */
  readonly firstMs: number;
  /** Ceiling of every wait, milliseconds. */
  readonly maxMs: number;
}

/**
 * Milliseconds to wait after `failures` earlier attempts failed in a row (0: this is the first wait).
 * Half of the wait is fixed, the other half is chance: `fraction` in [0, 1). A peer that asks for patience sets `floorMs`;
 * what comes on top of it is spread as well. Never more than `maxMs`.
 */
export function backoffMs(failures: number, limits: BackoffLimits, fraction: number, floorMs = 0): number {
  const ceiling = Math.min(limits.maxMs, limits.firstMs * 2 ** Math.min(failures, 30));
  const usual = (ceiling / 2) * (1 + fraction);
  const patient = floorMs * (1 + fraction / 2);
  return Math.min(limits.maxMs, Math.max(usual, patient));
}
