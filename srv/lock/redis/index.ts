/** The Redis locks from outside: everything else in this folder is its own affair. */
export { RedisLocks, type RedisLocksOptions } from './locks.ts';
export { examineRedis, type RedisFinding } from './examine.ts';
export { RedisSettingsError } from './settings.ts';
import { RedisLocks, type RedisLocksOptions } from './locks.ts';

/**
 * Makes the locks; `start` connects them.
 * @throws RedisSettingsError if the binding cannot be used as it is
 */
export function createRedisLocks(options: RedisLocksOptions): RedisLocks {
  return new RedisLocks(options);
}
