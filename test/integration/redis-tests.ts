/** Tests on Redis servers of their own. */
import { createRedisLocks, type RedisLocks, type RedisLocksOptions } from '../../srv/lock/redis/index.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { systemRandom } from '../../srv/platform/random.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { describeNeeding } from './needing.ts';
import { whyNoRedis } from './redis-server.ts';

const missing = whyNoRedis();

/** A `describe` that needs a redis-server to start. */
export function describeOnRedis(name: string, body: () => void): void {
  describeNeeding(missing, name, body);
}

/** Locks that are not started yet, with whatever the test does not care for. */
export function locksAt(credentials: object, more: Partial<RedisLocksOptions> = {}): RedisLocks {
  return createRedisLocks({
    binding: { name: 'locks', credentials: { ...credentials } },
    clock: systemClock,
    random: systemRandom,
    log: createRecordingLog(),
    instance: '0 abc',
    ...more,
  });
}
