import { afterAll, beforeAll, expect } from 'vitest';
import type { RedisLocks } from '../../srv/lock/redis/index.ts';
import { ManualClock } from '../doubles/manual-clock.ts';
import { MemoryLockStore } from '../doubles/memory-locks.ts';
import {
  startRedis,
  startRedisCluster,
  type OwnRedis,
  type OwnRedisCluster,
} from '../integration/redis-server.ts';
import { describeOnRedis, locksAt } from '../integration/redis-tests.ts';
import { lockContract, type LockStage } from './lock.contract.ts';

lockContract('Locks in memory', async () => {
  const clock = new ManualClock();
  const store = new MemoryLockStore(clock);
  return {
    as: async (journal, instance) => store.as(journal, instance),
    seize: async (territoryId) => store.seize(territoryId, 600_000),
    free: async (territoryId) => store.free(territoryId),
    pass: (ms) => clock.elapse(ms),
    locked: async () => store.locked,
    close: async () => {},
  };
});

const PREFIX = 'territory:lock:';

/** The locks in some Redis servers: one, or the nodes of a cluster. */
async function redisStage(nodes: readonly OwnRedis[], credentials: object): Promise<LockStage> {
  const open: RedisLocks[] = [];
  for (const { client } of nodes) await client.flushall();
  const keysOf = async ({ client }: OwnRedis) => client.keys(`${PREFIX}*`);
  /** A node answers for the keys that are its own, and names another for the rest. */
  const onOwner = async (territoryId: string, command: string, ...more: readonly string[]) => {
    const calls = nodes.map(({ client }) => client.call(command, PREFIX + territoryId, ...more));
    const answers = await Promise.allSettled(calls);
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  };
  return {
    async as(journal, instance = 'test') {
      const locks = locksAt(credentials, { instance });
      open.push(locks);
      locks.start(journal);
      await expect.poll(() => locks.check().status, { timeout: 10_000, interval: 5 }).toBe('UP');
      return locks;
    },
    seize: (territoryId) => onOwner(territoryId, 'SET', 'some other program'),
    free: (territoryId) => onOwner(territoryId, 'DEL'),
    async pass(ms) {
      for (const node of nodes) {
        for (const key of await keysOf(node)) {
          await node.client.pexpire(key, (await node.client.pttl(key)) - ms);
        }
      }
    },
    async locked() {
      const keys = (await Promise.all(nodes.map(keysOf))).flat();
      return keys
        .map((key) => key.slice(PREFIX.length))
        .filter((id) => id !== '')
        .toSorted();
    },
    async close() {
      for (const locks of open) locks.close();
    },
  };
}

describeOnRedis('with redis-server', () => {
  let redis: OwnRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.stop());
  lockContract('Locks in Redis', () => redisStage([redis], redis.credentials));
});

describeOnRedis('with redis-server as a cluster', () => {
  let cluster: OwnRedisCluster;
  beforeAll(async () => {
    cluster = await startRedisCluster();
  });
  afterAll(() => cluster?.stop());
  lockContract('Locks in a Redis cluster', () => redisStage(cluster.nodes, cluster.credentials));
});
