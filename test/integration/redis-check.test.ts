/** What `territory-sync check` finds out about a bound Redis: against servers of the test's own. */
import { expect, it } from 'vitest';
import { examineRedis } from '../../srv/lock/redis/index.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { systemRandom } from '../../srv/platform/random.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { closedAfterEach } from '../system/closing.ts';
import { freePort } from './free-port.ts';
import { startRedis, startRedisCluster } from './redis-server.ts';
import { describeOnRedis } from './redis-tests.ts';

describeOnRedis('The check of Redis', () => {
  const open = closedAfterEach();
  const own = async <Started extends { stop(): Promise<unknown> }>(
    start: () => Promise<Started>,
  ): Promise<Started> => {
    const started = await start();
    open.push(() => started.stop());
    return started;
  };
  const examine = async (credentials: object): Promise<string> => {
    const binding = { name: 'locks', credentials: { ...credentials } };
    const found = await examineRedis({
      binding,
      clock: systemClock,
      random: systemRandom,
      log: createRecordingLog(),
    });
    return `${found.verdict}: ${found.text}`;
  };

  it('is content where locks can be taken, renewed and given back, and leaves nothing', async () => {
    const redis = await own(startRedis);
    expect(await examine(redis.credentials)).toBe(
      `ok: territory locks can be taken at 127.0.0.1:${redis.port} (a single server, not encrypted)`,
    );
    const left = await redis.client.keys('territory:lock:territory-sync*');
    expect(left).toEqual([]);
  });

  it('names a user who may not do what is needed, and a password that is wrong', async () => {
    const redis = await own(startRedis);
    await redis.client.call(
      'ACL',
      'SETUSER',
      'reader',
      'on',
      '>secret',
      '~*',
      '+@read',
      '+@connection',
      '+info',
    );
    const where = { hostname: '127.0.0.1', port: redis.port, username: 'reader' };
    expect(await examine({ ...where, password: 'secret' })).toMatch(
      /^failed: .* may not .*EVAL.*territory:lock:/,
    );
    const wrong = await examine({ ...where, password: 'another' });
    expect(wrong).toMatch(/^failed: .*WRONGPASS/);
    expect(wrong).not.toContain('another');
  });

  it('tells a cluster from a single server, whatever the binding says', async () => {
    const [redis, cluster] = [await own(startRedis), await own(startRedisCluster)];
    const single = { hostname: '127.0.0.1', port: redis.port };
    expect(await examine({ ...single, cluster_mode: true })).toMatch(/^failed: .*it is no cluster/);
    expect(await examine(cluster.credentials)).toMatch(/^ok: .*\(a cluster, not encrypted\)$/);
    expect(await examine({ ...cluster.credentials, cluster_mode: false })).toMatch(
      /^failed: .*it is a cluster/,
    );
  });

  it('says that nobody answers, and what is wrong with a binding', async () => {
    const port = await freePort();
    expect(await examine({ hostname: '127.0.0.1', port })).toBe(`failed: 127.0.0.1:${port}: ECONNREFUSED`);
    expect(await examine({ uri: 'http://127.0.0.1' })).toMatch(
      /^failed: The binding locks has a wrong "uri"/,
    );
  });
});
