import { describe, expect, it } from 'vitest';
import { readEndpoint, RedisSettingsError } from '../../../srv/lock/redis/settings.ts';

const HOST = { hostname: 'redis.example', port: 6380 };

describe('The endpoint of Redis', () => {
  it.each([
    ['the fields of a service', HOST, { host: 'redis.example', port: 6380, database: 0, mode: 'single' }],
    [
      'a uri',
      { uri: 'redis://me:p%40ss@redis.example/2' },
      {
        host: 'redis.example',
        port: 6379,
        username: 'me',
        password: 'p@ss',
        database: 2,
        mode: 'single',
      },
    ],
    [
      'fields, which win over the uri',
      { ...HOST, password: 'new', uri: 'redis://:old@other:1' },
      { host: 'redis.example', port: 6380, password: 'new', database: 0, mode: 'single' },
    ],
    [
      'texts, as files have them',
      { hostname: '::1', port: '6380', cluster_mode: 'true', tls: 'false' },
      { host: '::1', port: 6380, database: 0, mode: 'cluster' },
    ],
    [
      'an encrypted cluster, whose nodes bear the name of the host',
      { ...HOST, tls: true, cluster_mode: true },
      { host: 'redis.example', port: 6380, database: 0, mode: 'cluster', tls: { name: 'redis.example' } },
    ],
    [
      'rediss, with certificates',
      { uri: 'rediss://[::1]', ca: String.raw`CA\nline`, cert: 'CERT', key: 'KEY' },
      {
        host: '::1',
        port: 6379,
        database: 0,
        mode: 'single',
        tls: { ca: 'CA\nline', cert: 'CERT', key: 'KEY' },
      },
    ],
    [
      'no authority of its own: a name has to be right even if it is an address',
      { hostname: '10.0.0.1', tls: true },
      { host: '10.0.0.1', port: 6379, database: 0, mode: 'single', tls: { name: '10.0.0.1' } },
    ],
  ])('comes from %s', (_name, credentials, endpoint) => {
    expect(readEndpoint('locks', credentials)).toEqual(endpoint);
  });

  it.each([
    [{}, 'names no host'],
    [{ uri: 'http://redis.example' }, 'has a wrong "uri": it must begin with redis:// or rediss://'],
    [{ uri: 'secret' }, 'has a wrong "uri"'],
    [{ uri: 'redis://redis.example/secret' }, 'its path must be the number of a database'],
    [{ hostname: 'redis.example', port: 'secret' }, 'has a wrong "port": it must be 1 to 65535'],
    [{ uri: 'redis://redis.example/1', cluster_mode: true }, 'a cluster has none but 0'],
  ])('is refused where it is %j, without a value in the line', (credentials, line) => {
    const read = () => readEndpoint('locks', credentials);
    expect(read).toThrow(RedisSettingsError);
    expect(read).toThrow(`The binding locks `);
    expect(read).toThrow(line);
    expect(read).not.toThrow(/secret/);
  });
});
