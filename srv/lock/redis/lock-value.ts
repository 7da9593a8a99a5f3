/**
 * What stands in Redis, for our scripts and for whoever looks: other programs take the same keys.
 *
 * Key: `territory:lock:` and the territory's id as it is. Value: JSON with `journal` (whose lock it is), `instance` (which process,
 * for people) and `fence` (a whole number). A value is compared to the byte, so the members stand in this order.
 */
import type { LaneClaim } from '../../journal/port.ts';

const PREFIX = 'territory:lock:';

/** Who takes the locks. */
export interface LockOwner {
  /** Id of the journal; the same for all instances that share it, and after a restart. */
  readonly journal: string;
  readonly instance: string;
}

export function lockKey(territoryId: string): string {
  return PREFIX + territoryId;
}

export function lockValue({ journal, instance }: LockOwner, fence: number): string {
  return JSON.stringify({ journal, instance, fence });
}

/** In the order of the keys' bytes, which every program can keep to, whatever its language. */
export function inKeyOrder(claims: readonly LaneClaim[]): readonly LaneClaim[] {
  return claims.toSorted((a, b) => Buffer.compare(Buffer.from(a.territoryId), Buffer.from(b.territoryId)));
}
