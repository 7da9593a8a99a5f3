/**
 * What the locks add to a flight: taking 50 of them and giving them back, beside a plain PING of the same server in the same run. On a
 * redis-server of its own, alone and as a cluster of three. SHORT=1: only to see that it runs.
 */
import { createRedisLocks } from '../../srv/lock/redis/index.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { systemRandom } from '../../srv/platform/random.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { startRedis, startRedisCluster, type OwnRedis } from '../integration/redis-server.ts';
import { row, type Result, type Row } from './runner/benchmark.ts';

const SHORT = process.env['SHORT'] === '1';
const RUNS = SHORT ? 10 : 2000;
const WARM_UP = SHORT ? 0 : 200;
const LOCKS = 50;
const TTL_MS = 300_000;

export async function run(): Promise<Result> {
  const single = await startRedis();
  const cluster = await startRedisCluster();
  try {
    const rows = [
      ...(await measure('one server', single.credentials, single)),
      ...(await measure('cluster of 3', cluster.credentials)),
    ];
    return { rows, claims: [] };
  } finally {
    await cluster.stop();
    await single.stop();
  }
}

async function measure(where: string, credentials: object, pinged?: OwnRedis): Promise<readonly Row[]> {
  const available = Promise.withResolvers<void>();
  const locks = createRedisLocks({
    binding: { name: 'locks', credentials: { ...credentials } },
    clock: systemClock,
    random: systemRandom,
    log: createRecordingLog(),
    instance: 'bench',
  });
  locks.onAvailable(available.resolve);
  locks.start('bench');
  await available.promise;
  const claims = Array.from({ length: LOCKS }, (_, index) => ({ territoryId: `TER-${index}`, fence: 1 }));
  const took: number[] = [];
  const pings: number[] = [];
  for (let turn = -WARM_UP; turn < RUNS; turn += 1) {
    const startedAt = performance.now();
    await locks.take(claims, TTL_MS);
    await locks.release(claims);
    const endedAt = performance.now();
    await pinged?.client.ping();
    if (turn < 0) continue;
    took.push(1000 * (endedAt - startedAt));
    if (pinged) pings.push(1000 * (performance.now() - endedAt));
  }
  locks.close();
  return [
    row(`${LOCKS} locks taken and given back, ${where}`, 'µs', took),
    ...(pinged ? [row(`PING, ${where}`, 'µs', pings)] : []),
  ];
}
