/** Bindings and settings: a configuration, or lines that say what is wrong. */
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readAlertBinding } from '../../srv/config/alert-binding.ts';
import { readBindings } from '../../srv/config/bindings.ts';
import { readConfiguration } from '../../srv/config/configuration.ts';
import { ConfigurationError } from '../../srv/config/problems.ts';
import { SETTINGS } from '../../srv/config/settings-table.ts';
import * as postgres from '../../srv/journal/postgres/settings.ts';
import * as redis from '../../srv/lock/redis/settings.ts';
import { MeshEndpointError } from '../../srv/mesh/index.ts';
import { fuzz } from './fuzz.ts';
import { wrongJson, wrongText, wrongValue } from './mutations.ts';

const oauth = {
  clientid: 'id',
  clientsecret: 'pa55word',
  tokenendpoint: 'https://uaa.example/oauth/token',
  granttype: 'client_credentials',
};
const MESHES = [
  {
    namespace: 'a/b/c',
    messaging: [{ protocol: ['amqp10ws'], uri: 'wss://mesh.example/protocols/amqp10ws', oa2: oauth }],
    management: [{ oa2: oauth, uri: 'https://hub.example' }],
  },
  {
    uri: 'amqp://guest:guest@localhost:5672',
    dialect: 'rabbitmq',
    namespace: 'a/b/c',
    managementUri: 'http://localhost:15672',
  },
];
const ENVIRONMENT = {
  application_name: 'sync',
  space_name: 'dev',
  instance_index: 0,
  application_uris: ['a.example'],
};

const service = wrongValue(fc.constantFrom<unknown>(...MESHES)).map((credentials) => ({
  label: 'user-provided',
  name: 'mesh',
  tags: ['mesh'],
  credentials,
}));
const settings = fc.dictionary(
  fc.constantFrom(...Object.keys(SETTINGS)),
  wrongText(
    fc.constantFrom(
      'true',
      '5',
      '1e3',
      'rest',
      'odata-v4',
      '/a/{territoryId}/b',
      'a,b:c',
      '{namespace}/x',
      '*',
      '-1',
      '9'.repeat(40),
      'x'.repeat(500),
    ),
  ),
  { maxKeys: 6 },
);
const environment = fc
  .tuple(settings, wrongJson(fc.constant(ENVIRONMENT)))
  .map(([set, application]) => ({ ...set, VCAP_APPLICATION: application }));

test('whatever is set and bound is a configuration, or is refused line by line', () =>
  fuzz(
    fc.tuple(environment, service),
    ([env, bound]) => {
      try {
        readConfiguration(env, (filter) => [bound as never].filter(filter));
      } catch (error) {
        if (error instanceof ConfigurationError) {
          expect(error.problems.length).toBeGreaterThan(0);
          for (const problem of error.problems) expect(problem).not.toMatch(/[\n\r]/u);
          return;
        }
        throw error;
      }
    },
    { declared: [MeshEndpointError] },
  ));

describe('VCAP_SERVICES', () => {
  afterEach(() => vi.unstubAllEnvs());
  const SERVICES = {
    'enterprise-messaging': [
      { label: 'enterprise-messaging', name: 'em', tags: ['mesh'], credentials: MESHES[0] },
    ],
    'user-provided': [
      { label: 'user-provided', name: 'r', tags: ['redis'], credentials: { uri: 'redis://h' } },
      { label: 'user-provided', name: 'p', tags: '["postgres"]', credentials: { uri: 'postgres://h' } },
    ],
    xsuaa: [{ label: 'xsuaa', name: 'x', tags: [], credentials: null }],
  };

  test('names bound services, or is refused line by line', () =>
    fuzz(
      wrongJson(fc.constant(SERVICES)),
      (text) => {
        vi.stubEnv('VCAP_SERVICES', text.replaceAll('\0', ''));
        for (const { name, label, credentials } of Object.values(readBindings())) {
          expect([typeof name, typeof label]).toEqual(['string', 'string']);
          expect(credentials).toBeTypeOf('object');
          expect(credentials).not.toBeNull();
        }
      },
      { declared: [ConfigurationError] },
    ));
});

describe('the credentials of', () => {
  const TLS = { ca: 'PEM', cert: 'PEM', key: 'PEM' };
  const REDIS = [
    { hostname: 'h', port: 6379, password: 'pa55word', tls: true, cluster_mode: false, ...TLS },
    { uri: 'rediss://user:pa55word@[::1]:6380/3' },
  ];
  const POSTGRES = [
    {
      hostname: 'h',
      port: '5432',
      username: 'u',
      password: 'pa55word',
      dbname: 'd',
      sslrootcert: 'PEM',
      sslcert: 'PEM',
    },
    { uri: 'postgres://u:pa55word@h:5432/d?sslmode=verify-full' },
  ];
  const ALERTS = [
    { url: 'https://a.example', oauth_url: 'https://b.example', client_id: 'i', client_secret: 'pa55word' },
    { url: 'https://a.example', username: 'u', password: 'pa55word' },
    { url: 'https://a.example', certificate: 'PEM', private_key: 'PEM' },
  ];
  const record = (valid: readonly unknown[]) =>
    wrongValue(fc.constantFrom<unknown>(...valid)).map((value) =>
      typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {},
    );

  /** What is refused is told without a value. */
  const quotingNothing = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      expect((error as Error).message).not.toContain('pa55word');
      throw error;
    }
  };

  test('Redis are an endpoint, or are refused in one line without a value', () =>
    fuzz(
      record(REDIS),
      (credentials) => {
        const { host, port, database } = quotingNothing(() => redis.readEndpoint('r', credentials));
        expect(host).not.toBe('');
        expect(Number.isInteger(port) && Number.isInteger(database)).toBe(true);
      },
      { declared: [redis.RedisSettingsError] },
    ));

  test('PostgreSQL are an endpoint, or are refused in one line without a value', () =>
    fuzz(
      record(POSTGRES),
      (credentials) => {
        const { host, port, user } = quotingNothing(() => postgres.readEndpoint('p', credentials));
        expect([typeof host, typeof port, typeof user]).toEqual(['string', 'number', 'string']);
        expect(['none', 'chain', 'name', undefined]).toContain(
          postgres.readEndpoint('p', credentials).tls?.verify,
        );
      },
      { declared: [postgres.PostgresSettingsError] },
    ));

  test('the alert service are an endpoint, or are refused in one line without a value', () =>
    fuzz(
      record(ALERTS),
      (credentials) => {
        const { url } = quotingNothing(() =>
          readAlertBinding({ name: 'a', label: 'alert-notification', credentials }),
        );
        expect(new URL(url).protocol).toBe('https:');
      },
      { declared: [ConfigurationError] },
    ));
});
