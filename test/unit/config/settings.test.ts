import { describe, expect, it } from 'vitest';

import { ConfigurationError } from '../../../srv/config/problems.ts';
import { readSettings } from '../../../srv/config/settings.ts';
import type { SettingsContext } from '../../../srv/config/settings.ts';
import { SETTINGS } from '../../../srv/config/settings-table.ts';
import type { Setting } from '../../../srv/config/settings-table.ts';

const local: SettingsContext = { deployed: false, postgres: false };

function settingsOf(env: Record<string, string>, context: SettingsContext = local) {
  return readSettings(env, context).settings;
}

function problemsOf(env: Record<string, string>, context: SettingsContext = local): readonly string[] {
  try {
    readSettings(env, context);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
}

describe('settings', () => {
  it('have the published defaults where nothing is set', () => {
    const settings = settingsOf({});
    expect(settings).toEqual({
      http: { port: 4004, host: '127.0.0.1', consoleUrl: undefined },
      log: { level: 'info' },
      traces: { sampling: 0 },
      shutdown: { timeoutS: 50 },
      start: { paused: false },
      territory: {
        destination: 'TERRITORY_API',
        protocol: 'rest',
        path: '/territory-api/v1/assignments',
        serviceRoot: undefined,
        key: 'id',
        keyType: 'string',
        lookup: undefined,
        fieldTypes: undefined,
        atomic: false,
        concurrency: 4,
        timeoutMs: 30_000,
        dailyBudget: undefined,
        probeIntervalMs: 5000,
        cacheFreshValues: ['MISS', 'BYPASS', 'REFRESH', 'REVALIDATED'],
      },
      batch: { size: 50, sizeMax: 200 },
      retry: { limit: 5, firstDelayMs: 2000, maxDelayMs: 32_000 },
      propagation: { minMs: 2000, maxMs: 5000 },
      policy: { onOverlap: 'source-wins', onDeadLetter: 'skip' },
      conflicts: { alertRate: 0.05, windowS: 300 },
      lock: { ttlS: 300 },
      lease: { ttlS: 60 },
      intake: { window: 1000, windowBytes: 67_108_864 },
      takeover: { waitMs: 0 },
      events: {
        typePrefix: 'cx.territory',
        inboundType: 'cx.territory.assignments.changed.v1',
        successType: 'cx.territory.sync.succeeded.v1',
        failureType: 'cx.territory.sync.failed.v1',
        mappings: undefined,
      },
      alerts: { eventType: 'cx.territory.sync.alert.v1', credentialNames: undefined },
      retention: { payloadDays: 7, historyDays: 30, deadLetterDays: 90 },
      mesh: {
        namespace: 'default/territory/sync',
        queue: 'default/territory/sync/territory/changes',
        subscriptions: ['+/+/+/ce/cx/territory/assignments/changed/v1'],
        successTopic: 'default/territory/sync/ce/cx/territory/sync/succeeded/v1',
        failureTopic: 'default/territory/sync/ce/cx/territory/sync/failed/v1',
        deadLetterQueue: 'default/territory/sync/territory/deadletter',
        setup: false,
        queueTtlS: 604_800,
        disconnectedAlertS: 60,
      },
    });
  });

  it('are read from the environment, blanks around them and empty ones ignored', () => {
    const settings = settingsOf({
      PORT: ' 0 ',
      TERRITORY_PROTOCOL: 'odata-v4',
      TERRITORY_PATH: '/odata/v4/{territoryId}/assignments',
      TERRITORY_ATOMIC: 'true',
      TERRITORY_FIELD_TYPES: 'validFrom:date, quota:decimal',
      CONFLICT_ALERT_RATE: '0.2',
      CACHE_FRESH_VALUES: 'MISS, FRESH',
      API_DAILY_BUDGET: '5000',
      LOG_LEVEL: '',
    });
    expect(settings.http.port).toBe(0);
    expect(settings.territory).toMatchObject({
      path: '/odata/v4/{territoryId}/assignments',
      atomic: true,
      fieldTypes: { validFrom: 'date', quota: 'decimal' },
      cacheFreshValues: ['MISS', 'FRESH'],
      dailyBudget: 5000,
    });
    expect(settings.conflicts.alertRate).toBe(0.2);
    expect(settings.log.level).toBe('info');
  });

  it.each([
    ['PORT', '65536', 'a whole number from 0 to 65535'],
    ['PORT', '4e3', 'a whole number from 0 to 65535'],
    ['PORT', '-1', 'a whole number from 0 to 65535'],
    ['TERRITORY_TIMEOUT_MS', '3600001', 'a whole number from 0 to 3600000'],
    ['BATCH_SIZE', '0', 'a whole number from 1 to 1000'],
    ['BATCH_SIZE_MAX', '1001', 'a whole number from 1 to 1000'],
    ['RETRY_LIMIT', '21', 'a whole number from 0 to 20'],
    ['TERRITORY_CONCURRENCY', '65', 'a whole number from 1 to 64'],
    ['INTAKE_WINDOW', '10001', 'a whole number from 1 to 10000'],
    ['CONFLICT_ALERT_RATE', '1.01', 'a number from 0 to 1'],
    ['TERRITORY_PROTOCOL', 'soap', 'one of rest, odata-v4, odata-v2, sales-cloud'],
    ['MESH_SETUP', 'yes', 'true or false'],
    ['TERRITORY_PATH', '/a?b=1', 'a path that begins with /'],
    ['TERRITORY_PATH', '/a/{tenant}', 'no placeholder but {territoryId}'],
    ['MESH_QUEUE', '{tenant}/queue', 'a queue name'],
    ['MESH_SUBSCRIPTIONS', 'a/*/b', 'the last one *'],
    ['MESH_SUCCESS_TOPIC', 'a/+/b', 'no wildcard'],
    ['CONSOLE_URL', 'console.example.com', 'begins with http:// or https://'],
    ['TERRITORY_FIELD_TYPES', 'validFrom', 'name:type pairs'],
    ['TERRITORY_FIELD_TYPES', '__proto__:money', 'name:type pairs'],
    ['LOG_LEVEL', 'trace', 'one of error, warn, info, debug'],
  ])('refuse %s=%s in one line with name, value and what is allowed', (name, value, allowed) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${name} is "${value}": allowed is `);
    expect(problems[0]).toContain(allowed);
    expect(problems[0]).not.toContain('\n');
  });

  it('name every wrong value at once, and hide credentials that were pasted into one', () => {
    const problems = problemsOf({
      PORT: 'http',
      TERRITORY_PATH: 'https://admin:geheim@crm.example.com/x\nINFO forged line',
      RETRY_LIMIT: 'x'.repeat(5000),
    });
    expect(problems).toHaveLength(3);
    expect(problems.join('\n')).not.toContain('geheim');
    expect(problems.every((line) => line.length < 400 && !line.includes('\n'))).toBe(true);
  });

  it.each([
    [{ LOCK_TTL_S: '30' }, 'a lock must outlast one request; raise LOCK_TTL_S above 30'],
    [{ LEASE_TTL_S: '30' }, 'a lease must outlast one request; raise LEASE_TTL_S above 30'],
    [{ BATCH_SIZE: '201' }, 'BATCH_SIZE is 201 and BATCH_SIZE_MAX is 200'],
    [{ PROPAGATION_MIN_MS: '6000' }, 'PROPAGATION_MIN_MS is 6000 and PROPAGATION_MAX_MS is 5000'],
    [{ RETRY_FIRST_DELAY_MS: '33000' }, 'RETRY_FIRST_DELAY_MS is 33000 and RETRY_MAX_DELAY_MS is 32000'],
    [{ ON_DEAD_LETTER: 'hold' }, 'needs the PostgreSQL journal'],
    [{ TERRITORY_ATOMIC: 'true' }, 'only odata-v4 and odata-v2 have transactions'],
    [{ TERRITORY_ATOMIC: 'true', TERRITORY_PROTOCOL: 'sales-cloud' }, 'TERRITORY_PROTOCOL is sales-cloud'],
    [{ MESH_QUEUE: 'q', MESH_DEAD_LETTER_QUEUE: 'q' }, 'they must be two queues'],
    [{ MESH_QUEUE: `{namespace}/${'q'.repeat(150)}` }, 'at most 164 are allowed'],
  ])('that contradict each other are refused: %o', (env, line) => {
    const problems = problemsOf(env);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(line);
  });

  it('that are right together are taken', () => {
    expect(settingsOf({ LEASE_TTL_S: '31' }).lease.ttlS).toBe(31);
    expect(settingsOf({ PROPAGATION_MIN_MS: '0', PROPAGATION_MAX_MS: '0' }).propagation).toEqual({
      minMs: 0,
      maxMs: 0,
    });
    expect(settingsOf({ ON_DEAD_LETTER: 'hold' }, { ...local, postgres: true }).policy.onDeadLetter).toBe(
      'hold',
    );
  });

  it('are not checked together where one is wrong by itself', () => {
    expect(problemsOf({ BATCH_SIZE: '500', BATCH_SIZE_MAX: 'many' })).toHaveLength(1);
  });

  it('put the namespace into names: the set one, else that of the binding', () => {
    const bound = { ...local, meshNamespace: 'my/company/terr' };
    expect(settingsOf({}, bound).mesh.queue).toBe('my/company/terr/territory/changes');
    const set = settingsOf(
      { MESH_NAMESPACE: 'a/b/c', MESH_QUEUE: '{namespace}/q', MESH_SUBSCRIPTIONS: '{namespace}/*' },
      bound,
    );
    expect(set.mesh).toMatchObject({
      namespace: 'a/b/c',
      queue: 'a/b/c/q',
      subscriptions: ['a/b/c/*'],
      failureTopic: 'a/b/c/ce/cx/territory/sync/failed/v1',
    });
  });

  it('let the event type prefix change the types and the topics that follow from them', () => {
    const { events, mesh } = settingsOf({ EVENT_TYPE_PREFIX: 'acme.sales.area' });
    expect(events.inboundType).toBe('acme.sales.area.assignments.changed.v1');
    expect(events.failureType).toBe('acme.sales.area.sync.failed.v1');
    expect(mesh.subscriptions).toEqual(['+/+/+/ce/acme/sales/area/assignments/changed/v1']);
    expect(mesh.successTopic).toBe('default/territory/sync/ce/acme/sales/area/sync/succeeded/v1');
  });

  it('listen on all addresses when deployed, and link to the first route', () => {
    const deployed = { ...local, deployed: true, applicationUrl: 'https://terr.example.com' };
    expect(settingsOf({}, deployed).http).toMatchObject({
      host: '0.0.0.0',
      consoleUrl: 'https://terr.example.com',
    });
    expect(settingsOf({ BIND_HOST: '::1' }, deployed).http.host).toBe('::1');
  });

  it('cannot be changed once read', () => {
    const settings = settingsOf({});
    expect(() => ((settings.territory as { path: string }).path = '/x')).toThrow(TypeError);
    expect(() => (settings.mesh.subscriptions as string[]).push('x')).toThrow(TypeError);
  });

  it('leave the table of defaults as it was', () => {
    settingsOf({});
    expect(Object.isFrozen(SETTINGS.CACHE_FRESH_VALUES.fallback)).toBe(false);
    expect(settingsOf({}).territory.cacheFreshValues).not.toBe(SETTINGS.CACHE_FRESH_VALUES.fallback);
  });

  it('answer quickly to hostile values', () => {
    const hostile = 'a/'.repeat(50_000);
    const started = performance.now();
    problemsOf(Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, `/${hostile}!`])));
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('the table of settings', () => {
  it.each<[string, Setting<unknown>]>(Object.entries(SETTINGS))(
    'holds a default for %s that is allowed itself',
    (_name, { kind, fallback, meaning }) => {
      expect(meaning).not.toBe('');
      if (fallback === undefined) return;
      expect(kind.parse([fallback as string].flat().join(','))).toEqual(fallback);
    },
  );
});
