import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { readBindings } from '../../../srv/config/bindings.ts';
import { readEnvironment } from '../../../srv/config/environment.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bindings-'));
  vi.stubEnv('VCAP_SERVICES', undefined);
  vi.stubEnv('SERVICE_BINDING_ROOT', undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function bind(services: Record<string, unknown>): void {
  vi.stubEnv('VCAP_SERVICES', JSON.stringify(services));
}

describe('bindings', () => {
  it('are none where nothing is bound', () => {
    expect(readBindings()).toEqual({});
  });

  it('are found by their label on Cloud Foundry', () => {
    bind({
      'enterprise-messaging': [
        { label: 'enterprise-messaging', name: 'em', tags: [], credentials: { namespace: 'a/b/c' } },
      ],
      'redis-cache': [
        { label: 'redis-cache', name: 'cache', tags: ['cache'], credentials: { hostname: 'h' } },
      ],
      'something-else': [{ label: 'something-else', name: 'other', tags: [], credentials: {} }],
    });
    expect(readBindings()).toEqual({
      mesh: { name: 'em', label: 'enterprise-messaging', credentials: { namespace: 'a/b/c' } },
      redis: { name: 'cache', label: 'redis-cache', credentials: { hostname: 'h' } },
    });
  });

  it.each([
    ['mesh', 'mesh'],
    ['redis', 'redis'],
    ['postgres', 'postgres'],
    ['alert-notification', 'alertNotification'],
    ['Cloud Logging', 'cloudLogging'],
  ] as const)('that users provide are found by the tag %s', (tag, service) => {
    bind({
      'user-provided': [{ label: 'user-provided', name: 'mine', tags: [tag], credentials: { uri: 'x' } }],
    });
    expect(readBindings()).toEqual({
      [service]: { name: 'mine', label: 'user-provided', credentials: { uri: 'x' } },
    });
  });

  it('with the label go before others with the tag', () => {
    bind({
      'user-provided': [{ label: 'user-provided', name: 'mine', tags: ['redis-cache'], credentials: {} }],
      'redis-cache': [{ label: 'redis-cache', name: 'managed', tags: [], credentials: {} }],
    });
    expect(readBindings().redis?.name).toBe('managed');
  });

  it('of which several fit are refused in one line that names them', () => {
    bind({
      'enterprise-messaging': [{ label: 'enterprise-messaging', name: 'em', tags: [], credentials: {} }],
      'event-mesh-message-client': [
        { label: 'event-mesh-message-client', name: 'emis', tags: [], credentials: {} },
      ],
    });
    expect(() => readBindings()).toThrow(
      '2 bound services fit where one is wanted (enterprise-messaging, event-mesh-message-client, mesh): em, emis; ' +
        'unbind all but one.',
    );
  });

  it('that are not JSON are refused without quoting them', () => {
    vi.stubEnv('VCAP_SERVICES', '{"redis-cache":[{"password":geheim}]}');
    expect(() => readBindings()).toThrow(/VCAP_SERVICES .* must be valid JSON/);
    expect(() => readBindings()).not.toThrow(/geheim/);
  });

  it('are found below SERVICE_BINDING_ROOT, one folder a binding', () => {
    const binding = join(folder, 'my-em');
    mkdirSync(binding);
    writeFileSync(join(binding, 'type'), 'enterprise-messaging');
    writeFileSync(join(binding, 'messaging'), '[{"protocol":["amqp10ws"]}]');
    vi.stubEnv('SERVICE_BINDING_ROOT', folder);
    expect(readBindings().mesh).toMatchObject({
      name: 'my-em',
      label: 'enterprise-messaging',
      credentials: { messaging: '[{"protocol":["amqp10ws"]}]' },
    });
  });

  it('are found below SERVICE_BINDING_ROOT by service and instance, whatever links Kubernetes keeps beside them', () => {
    const service = join(folder, 'redis-cache');
    mkdirSync(join(service, 'instance'), { recursive: true });
    writeFileSync(join(service, 'instance', 'hostname'), 'h');
    symlinkSync('instance', join(service, '..data'));
    vi.stubEnv('SERVICE_BINDING_ROOT', folder);
    expect(readBindings().redis).toEqual({
      name: 'instance',
      label: 'redis-cache',
      credentials: { hostname: 'h' },
    });
  });
});

describe('the environment', () => {
  it('is completed by the file for local development, set variables going first', () => {
    const file = join(folder, 'env.json');
    writeFileSync(file, JSON.stringify({ TS_TEST_A: 'file', TS_TEST_B: { nested: true } }));
    vi.stubEnv('TS_TEST_A', 'set');
    // Registered, so that what the file adds is taken back.
    vi.stubEnv('TS_TEST_B', undefined);
    expect(readEnvironment(file)).toMatchObject({ TS_TEST_A: 'set', TS_TEST_B: '{"nested":true}' });
  });

  it('is itself where there is no file', () => {
    vi.stubEnv('TS_TEST_A', 'set');
    expect(readEnvironment(join(folder, 'none.json'))['TS_TEST_A']).toBe('set');
  });

  it('with a broken file is refused without quoting it', () => {
    const file = join(folder, 'env.json');
    writeFileSync(file, '{"password": geheim}');
    expect(() => readEnvironment(file)).toThrow(/is not valid JSON: correct it or remove it\.$/);
    expect(() => readEnvironment(file)).not.toThrow(/geheim/);
  });
});
