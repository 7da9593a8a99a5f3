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

/**
 * An id that nobody means, whose key lies where the key of this territory does: a cluster places a key by what is in its first braces, else by
 * the whole of it. (An id with a closing brace alone may lead elsewhere.) https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 */
export function besideTerritory(territoryId: string): string {
  const key = lockKey(territoryId);
  return `{${/^[^{]*\{([^}]+)\}/u.exec(key)?.[1] ?? key}}`;
}

/** In the order of the keys' bytes, which every program can keep to, whatever its language. */
export function inKeyOrder(claims: readonly LaneClaim[]): readonly LaneClaim[] {
  return claims.toSorted((a, b) => Buffer.compare(Buffer.from(a.territoryId), Buffer.from(b.territoryId)));
}
