/** Locks in a Redis cluster of which a node is dead, and in one that is encrypted: real servers, three nodes without replicas. */
import { expect, it } from 'vitest';
import { type RedisLocks } from '../../srv/lock/redis/index.ts';
import { LockStoreUnavailable } from '../../srv/lock/port.ts';
import { claim } from '../contract/lock.contract.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { closedAfterEach } from '../system/closing.ts';
import { createAuthority } from './own-authority.ts';
import { startRedisCluster, type OwnRedisCluster } from './redis-server.ts';
import { describeOnRedis, locksAt } from './redis-tests.ts';

const TTL_MS = 300_000;
/** So many that each node has some of them. */
const TERRITORIES = Array.from({ length: 40 }, (_, index) => `T-${index}`);
/** A cluster notices a dead node, and that it is back, after a few of its time-outs. */
const NOTICED_MS = 20_000;

describeOnRedis('Locks in a Redis cluster', () => {
  const open = closedAfterEach();

  const started = async (options?: Parameters<typeof startRedisCluster>[0]): Promise<OwnRedisCluster> => {
    const cluster = await startRedisCluster(options);
    open.push(() => cluster.stop());
    return cluster;
  };
  const connect = (credentials: object) => {
    const log = createRecordingLog();
    const locks = locksAt(credentials, { log });
    open.push(() => locks.close());
    locks.start('the journal');
    return { locks, log };
  };
  const untilIs = (locks: RedisLocks, status: 'UP' | 'DOWN') =>
    expect.poll(() => locks.check().status, { timeout: NOTICED_MS, interval: 20 }).toBe(status);
  const all = (fence: number) => TERRITORIES.map((id) => claim(id, fence));
  const keysOf = async ({ nodes }: OwnRedisCluster): Promise<readonly number[]> =>
    Promise.all(nodes.map(({ client }) => client.dbsize()));

  it.each([
    ['the one that the binding names', 0],
    ['another one', 2],
  ])(
    'are refused while a node is dead, %s, and go on by themselves when it is back',
    async (_name, index) => {
      const cluster = await started();
      const { locks, log } = connect(cluster.credentials);
      await untilIs(locks, 'UP');
      expect(await locks.take(all(1), TTL_MS)).toEqual(new Set(TERRITORIES));
      expect(Math.min(...(await keysOf(cluster)))).toBeGreaterThan(0);

      const dead = cluster.nodes[index];
      await dead?.kill();
      await expect(locks.renew(all(1), TTL_MS)).rejects.toThrow(LockStoreUnavailable);
      expect(locks.check()).toMatchObject({ status: 'DOWN', reason: expect.stringMatching(/\S/) });
      await expect(locks.take(all(2), TTL_MS)).rejects.toThrow(LockStoreUnavailable);
      expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);

      await dead?.restart();
      await untilIs(locks, 'UP');
      // What the dead node held is gone with it, what the others held is ours by the higher fence.
      await expect
        .poll(() => locks.take(all(3), TTL_MS).catch(() => new Set()), { timeout: NOTICED_MS })
        .toEqual(new Set(TERRITORIES));
      await locks.release(all(3));
      await expect.poll(() => keysOf(cluster)).toEqual([0, 0, 0]);
    },
    60_000,
  );

  it('are taken at every node of one that is encrypted, and at none whose authority is a stranger', async () => {
    const trusted = createAuthority();
    const cluster = await started({ tls: { ca: trusted.ca, ...trusted.certify() } });
    const { locks } = connect(cluster.credentials);
    await untilIs(locks, 'UP');
    expect(await locks.take(all(1), TTL_MS)).toEqual(new Set(TERRITORIES));
    expect(Math.min(...(await keysOf(cluster)))).toBeGreaterThan(0);
    await locks.release(all(1));
    expect(await keysOf(cluster)).toEqual([0, 0, 0]);

    const wrong = [{ ca: createAuthority('A Stranger').ca }, { tls: false }];
    for (const { locks: refused } of wrong.map((tls) => connect({ ...cluster.credentials, ...tls }))) {
      await expect
        .poll(() => refused.check().reason, { timeout: NOTICED_MS })
        .toBe(
          'no node of the cluster takes the connection: is it up, and do "tls" and "ca" of the binding fit',
        );
      await expect(refused.take(all(2), TTL_MS)).rejects.toThrow(LockStoreUnavailable);
    }
    expect(await keysOf(cluster)).toEqual([0, 0, 0]);
  }, 60_000);
});
