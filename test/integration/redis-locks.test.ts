/** What the locks are in Redis, for the other programs that look at them, and how they live through its outages. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type RedisLocks } from '../../srv/lock/redis/index.ts';
import { LockStoreUnavailable } from '../../srv/lock/port.ts';
import { claim } from '../contract/lock.contract.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { closedAfterEach } from '../system/closing.ts';
import { createAuthority } from './own-authority.ts';
import { startRedis, type OwnRedis, type OwnRedisOptions } from './redis-server.ts';
import { describeOnRedis, locksAt } from './redis-tests.ts';

const TTL_MS = 300_000;
const KEY = 'territory:lock:NORTH';

describeOnRedis('Locks in Redis', () => {
  const open = closedAfterEach();
  let log = createRecordingLog();

  const connect = (credentials: object): RedisLocks => {
    const locks = locksAt(credentials, { log });
    open.push(() => locks.close());
    locks.start('the journal');
    return locks;
  };
  const untilIs = (locks: RedisLocks, status: 'UP' | 'DOWN') =>
    expect.poll(() => locks.check().status, { timeout: 10_000, interval: 5 }).toBe(status);
  const connected = async (credentials: object): Promise<RedisLocks> => {
    const locks = connect(credentials);
    await untilIs(locks, 'UP');
    return locks;
  };
  const own = async (given?: OwnRedisOptions): Promise<OwnRedis> => {
    const redis = await startRedis(given);
    open.push(() => redis.stop());
    return redis;
  };

  beforeEach(() => {
    log = createRecordingLog();
  });

  describe('as other programs see them', () => {
    let redis: OwnRedis;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis?.stop());
    beforeEach(() => redis.client.flushall());

    it('have the territory in the key as it is, the owner in the value, and an end', async () => {
      const locks = await connected(redis.credentials);
      await locks.take([claim('NORTH', 1_795_000_000_000_001)], TTL_MS);
      expect(await redis.client.get(KEY)).toBe(
        '{"journal":"the journal","instance":"0 abc","fence":1795000000000001}',
      );
      const left = await redis.client.pttl(KEY);
      expect(left).toBeGreaterThan(TTL_MS - 10_000);
      expect(left).toBeLessThanOrEqual(TTL_MS);
      await locks.release([claim('NORTH', 1_795_000_000_000_001)]);
      expect(await redis.client.keys('*')).toEqual([]);
    });

    it.each([
      ['a plain word', (key: string) => redis.client.set(key, 'true')],
      ['nothing', (key: string) => redis.client.set(key, '')],
      ['JSON of another kind', (key: string) => redis.client.set(key, '["the journal",1]')],
      ['JSON that is deeper than Redis reads', (key: string) => redis.client.set(key, '['.repeat(2000))],
      ['bytes', (key: string) => redis.client.set(key, Buffer.from([0xff, 0x00, 0x7b]))],
      ['our journal without a fence', (key: string) => redis.client.set(key, '{"journal":"the journal"}')],
      [
        'our journal with a fence that is a text',
        (key: string) => redis.client.set(key, '{"journal":"the journal","fence":"1"}'),
      ],
      ['a hash, as Redisson does', (key: string) => redis.client.hset(key, 'thread', 1)],
      ['a list', (key: string) => redis.client.rpush(key, 'owner')],
    ])('are another’s where the value is %s', async (_name, seize) => {
      const locks = await connected(redis.credentials);
      await seize(KEY);
      const before = await redis.client.dump(KEY);
      expect(await locks.take([claim('NORTH', 9), claim('SOUTH', 9)], TTL_MS)).toEqual(new Set(['SOUTH']));
      expect(await locks.renew([claim('NORTH', 9)], TTL_MS)).toEqual(new Set());
      await locks.release([claim('NORTH', 9)]);
      expect(await redis.client.dump(KEY)).toBe(before);
      expect(locks.check().status).toBe('UP');
    });

    it('cost one command a call, however many they are, and are asked for in key order', async () => {
      const locks = await connected(redis.credentials);
      const ids = Array.from({ length: 200 }, (_, index) => `T-${(index * 7) % 200}`).concat('😀', '\ufffd');
      const claims = ids.map((id) => claim(id));
      const monitor = await redis.client.duplicate().monitor();
      open.push(() => monitor.disconnect());
      const commands: string[][] = [];
      monitor.on('monitor', (_time: string, args: string[], source: string) => {
        // What a script does inside has no round trip.
        if (source !== 'lua') commands.push(args);
      });
      await locks.take(claims, TTL_MS);
      await locks.renew(claims, TTL_MS);
      await locks.release(claims);
      await redis.client.echo('over');
      await expect.poll(() => commands.at(-1)?.[0]).toBe('echo');
      expect(commands.slice(0, -1).map(([name, _script, count]) => [name, count])).toEqual(
        Array.from({ length: 3 }, () => ['eval', '202']),
      );
      const inOrder = ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await redis.client.keys('*')).toEqual([]);
      const asked = commands[0]?.slice(3, 3 + 200);
      expect(asked).toEqual(inOrder.slice(0, 200).map((id) => `territory:lock:${id}`));
    });
  });

  describe('through an outage', () => {
    it('are refused until Redis is back, which is told, and go on by themselves', async () => {
      const redis = await own();
      const locks = await connected(redis.credentials);
      let told = 0;
      const stop = locks.onAvailable(() => (told += 1));
      await locks.take([claim('NORTH', 1)], TTL_MS);
      await redis.kill();
      await expect(locks.take([claim('NORTH', 2)], TTL_MS)).rejects.toThrow(LockStoreUnavailable);
      await expect.poll(() => locks.check()).toMatchObject({ status: 'DOWN', reason: 'ECONNREFUSED' });
      await expect(locks.release([claim('NORTH', 1)])).rejects.toThrow(/ECONNREFUSED/);
      expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
      await redis.restart();
      await untilIs(locks, 'UP');
      // What it held is gone with it.
      expect(await locks.renew([claim('NORTH', 1)], TTL_MS)).toEqual(new Set());
      expect(await locks.take([claim('NORTH', 2)], TTL_MS)).toEqual(new Set(['NORTH']));
      expect(told).toBe(1);
      stop();
      expect(log.lines.filter(({ level }) => level === 'info')).toHaveLength(2);
    });

    it('are refused in time where Redis hangs', async () => {
      const redis = await own();
      const locks = await connected(redis.credentials);
      redis.freeze();
      try {
        await expect(locks.take([claim('NORTH')], TTL_MS)).rejects.toThrow(/timed out/);
        expect(locks.check()).toMatchObject({ status: 'DOWN', reason: expect.stringMatching(/timed out/) });
      } finally {
        redis.thaw();
      }
      await untilIs(locks, 'UP');
      // The call that nobody waited for may have been carried out; whoever comes next is not kept off by it.
      expect(await locks.take([claim('NORTH', 2)], TTL_MS)).toEqual(new Set(['NORTH']));
    });

    it('stay refused as long as Redis answers but takes nothing', async () => {
      const redis = await own();
      const locks = await connected(redis.credentials);
      await redis.client.config('SET', 'maxmemory', '1');
      await expect(locks.take([claim('NORTH')], TTL_MS)).rejects.toThrow(/OOM/);
      const probes = async () =>
        /cmdstat_eval:calls=(\d+)/.exec(await redis.client.info('commandstats'))?.[1];
      const before = Number(await probes());
      await expect.poll(async () => Number(await probes()), { timeout: 5000 }).toBeGreaterThan(before);
      expect(locks.check()).toMatchObject({ status: 'DOWN', reason: expect.stringMatching(/OOM/) });
      await redis.client.config('SET', 'maxmemory', '0');
      await untilIs(locks, 'UP');
      expect(await redis.client.keys('*')).toEqual([]);
    });

    it('are refused before they were started, without an outage in the log', async () => {
      const locks = locksAt({ uri: 'redis://127.0.0.1:1' }, { log });
      await expect(locks.take([claim('NORTH')], TTL_MS)).rejects.toThrow(LockStoreUnavailable);
      expect(locks.check()).toMatchObject({ status: 'DOWN', reason: 'not connected yet' });
      expect(log.lines).toEqual([]);
      locks.close();
    });
  });

  describe('with the credentials of a binding', () => {
    it('take the password, and say what is wrong without telling it', async () => {
      const redis = await own({ password: 'a/secret:1' });
      const where = { hostname: '127.0.0.1', port: redis.port };
      await connected({ ...where, password: 'a/secret:1' });
      await connected({ uri: `redis://:${encodeURIComponent('a/secret:1')}@127.0.0.1:${redis.port}` });
      const wrong = connect({ ...where, password: 'another secret' });
      await expect.poll(() => wrong.check().reason).toMatch(/WRONGPASS/);
      expect(JSON.stringify([log.lines, wrong.check()])).not.toContain('secret');
    });

    it('believe the authority in the binding, and no stranger', async () => {
      const trusted = createAuthority();
      const redis = await own({ tls: { ca: trusted.ca, ...trusted.certify() } });
      const where = { hostname: '127.0.0.1', port: redis.port, tls: true };
      const locks = await connected({ ...where, ca: trusted.ca.replaceAll('\n', String.raw`\n`) });
      expect(await locks.take([claim('NORTH')], TTL_MS)).toEqual(new Set(['NORTH']));
      await connected({ uri: redis.credentials.uri, ca: trusted.ca });
      const stranger = connect({ ...where, ca: createAuthority('A Stranger').ca });
      await expect.poll(() => stranger.check().reason).toMatch(/SELF_SIGNED|UNABLE_TO|CERT/);
      // Without an authority of its own the binding's server has to be known to Node.
      const unknown = connect(where);
      await expect.poll(() => unknown.check().reason).toMatch(/SELF_SIGNED|UNABLE_TO|CERT/);
    });

    it('check the name of the host, where the binding names it', async () => {
      const trusted = createAuthority();
      const redis = await own({ tls: { ca: trusted.ca, ...trusted.certify('redis.of.a.cloud') } });
      // By its address, so the name in the certificate may be another one.
      await connected({ hostname: '127.0.0.1', port: redis.port, tls: true, ca: trusted.ca });
      const named = connect({ hostname: 'localhost', port: redis.port, tls: true, ca: trusted.ca });
      await expect.poll(() => named.check().reason).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    });
  });
});
