/**
 * The lock of a territory keeps *other* programs off it for as long as a flight works there. Order and safety do not hang on it:
 * those come from the fence in the journal and from the ETag at the API. What it saves is conflicts.
 *
 * A lock belongs to a journal, and within it to one fence. So a dead owner is no obstacle: whoever claims his lane has a higher
 * fence of the same journal and takes the lock over at once. Whatever else stands there is another's, and is left alone.
 */

import type { LaneClaim } from '../journal/port.ts';
import type { AvailabilityCheck } from '../platform/availability.ts';

/** Every call asks for all of its locks in one round trip, in key order, and waits for none of them. */
export interface TerritoryLocks {
  /**
   * Takes each lock that is free, or held by a lower fence of the same journal; it ends after `ttlMs` unless renewed. Answers
   * the territories that are ours now; asking again for what is ours already renews it. The others are held by another
   * program, or by a higher fence.
   * @throws LockStoreUnavailable where the store does not answer: any of the locks may be ours then
   */
  take(claims: readonly LaneClaim[], ttlMs: number): Promise<ReadonlySet<string>>;

  /**
   * Puts the end off to `ttlMs` from now, for what is still ours; answers which these are. A lock that has ended is lost,
   * even if nobody has taken it: somebody may have had it meanwhile.
   * @throws LockStoreUnavailable where the store does not answer
   */
  renew(claims: readonly LaneClaim[], ttlMs: number): Promise<ReadonlySet<string>>;

  /**
   * Gives back what is still ours, and touches nothing else.
   * @throws LockStoreUnavailable where the store does not answer: what was not given back ends by itself
   */
  release(claims: readonly LaneClaim[]): Promise<void>;

  /** As the last call or probe found it; undefined where no store is bound. */
  check(): AvailabilityCheck | undefined;

  /** Calls back when the store answers again. The listener must not throw. Returns the way to stop. */
  onAvailable(listener: () => void): () => void;
}

/** The locks cannot be asked for now: flights wait, and all goes on when the store is back. */
export class LockStoreUnavailable extends Error {
  override readonly name = 'LockStoreUnavailable';
  readonly code = 'LOCK_STORE_UNAVAILABLE';
}
