/** The mesh layer against the sandbox's broker, over real sockets: connections that fail, hang, break and fall silent. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { SandboxMesh } from '../sandbox/mesh/index.ts';
import { eventually, hundredth, numbers, webSocketOf } from './mesh-parts.ts';
import { sandboxStage } from './mesh-stage.ts';

const stage = sandboxStage();
const { queue, receiving, fill, tcp } = stage;
let sandbox: SandboxMesh;
beforeEach(() => {
  sandbox = stage.sandbox;
});

describe('connections that break', () => {
  test('after a drop mid-flow everything unsettled comes again in order, and old deliveries stay without effect', async () => {
    fill(200);
    const { inbox, mesh } = receiving(20);
    await eventually(() => inbox.deliveries.length === 20, 'a full window');
    inbox.deliveries.slice(0, 5).forEach((delivery) => delivery.accept());
    await sandbox.until((mesh) => mesh.counters.acceptances === 5, 5_000);
    await eventually(() => inbox.deliveries.length === 25, 'the window full again');
    sandbox.faults.dropConnections();
    await eventually(() => inbox.events.includes('lost 1'), 'the link is lost');
    expect(inbox.deliveries.slice(5).map((delivery) => delivery.accept())).toEqual(Array(20).fill('stale'));
    const old = inbox.deliveries.length;
    inbox.onDelivery = (delivery) => delivery.accept();
    await sandbox.until((mesh) => mesh.counters.acceptances === 200, 5_000);
    expect(inbox.texts.slice(old)).toEqual(numbers(195, 5));
    expect(inbox.deliveries.slice(old).every(({ link }) => link === 2)).toBe(true);
    expect(inbox.events).toEqual(['attached 1', 'lost 1', 'attached 2']);
    expect(sandbox.counters).toMatchObject({
      rejections: 0,
      releases: 0,
      maxConnections: 1,
      maxUpgradesWaiting: 1,
    });
    expect(mesh.status().state).toBe('open');
  });

  test.each([
    [401, 'MESH_UNAUTHORIZED', /secret/u],
    [403, 'MESH_FORBIDDEN', /scope/u],
    [404, 'MESH_WRONG_PATH', /path/u],
    [429, 'MESH_OVERLOADED', /longer/u],
    [503, 'MESH_OVERLOADED', /longer/u],
  ])('a refusal with %i is explained and tried again with growing waits', async (status, code, words) => {
    sandbox.faults.refuseUpgrades(status, 4);
    const { log, mesh } = receiving(10);
    const reasons = new Set<string>();
    mesh.onStateChange(({ reason }) => void (reason !== undefined && reasons.add(reason)));
    await sandbox.until((mesh) => mesh.consumers(queue).active === 1, 8_000);
    expect(log.failures.map((failure) => failure.code)).toEqual(Array(4).fill(code));
    const waits = log.failures.map(({ retryInMs }) => retryInMs);
    const least = code === 'MESH_OVERLOADED' ? [150, 150, 150, 150] : [10, 20, 40, 80];
    waits.forEach((waitMs, index) => expect(waitMs).toBeGreaterThanOrEqual(least[index] ?? 0));
    expect([...reasons].join()).toMatch(words);
    expect([...reasons].join()).not.toContain('sandbox-secret');
    expect(sandbox.counters).toMatchObject({ upgrades: 5, maxUpgradesWaiting: 1 });
  });

  test('no token, or a worthless one, is explained; the next good one connects', async () => {
    sandbox.faults.tokenEndpoint({ kind: 'status', status: 401 }, 1);
    const { log } = receiving(10);
    await sandbox.until((mesh) => mesh.consumers(queue).active === 1, 8_000);
    sandbox.faults.tokenEndpoint({ kind: 'worthless-token' }, 1);
    sandbox.faults.dropConnections();
    await eventually(() => log.failures.length >= 3, 'the worthless token is refused');
    await sandbox.until((mesh) => mesh.consumers(queue).active === 1, 8_000);
    expect(log.failures.map(({ code }) => code)).toEqual([
      'MESH_TOKEN_REFUSED',
      'MESH_CONNECTION_LOST',
      'MESH_UNAUTHORIZED',
    ]);
  });

  test.each([
    ['upgrade without an answer', () => sandbox.faults.hangUpgrades(1)],
    ['truncated refusal', () => sandbox.faults.hangUpgrades(1, 'truncated')],
    ['Open without an answer', () => sandbox.faults.hangOpens(1)],
    [
      'token endpoint without an answer',
      () => sandbox.faults.tokenEndpoint({ kind: 'hang' }, 'until-cleared'),
    ],
  ])('a hung attempt is thrown away: %s', async (_name, fault) => {
    fault();
    const { log } = receiving(10, { options: hundredth });
    await eventually(() => log.failures.length >= 1, 'the attempt is given up');
    sandbox.faults.clearFaults();
    await sandbox.until((mesh) => mesh.consumers(queue).active === 1, 8_000);
    await sandbox.until(
      (mesh) => mesh.counters.connections === 1 && mesh.counters.upgradesWaiting === 0,
      5_000,
    );
    expect(sandbox.counters.maxUpgradesWaiting).toBeLessThanOrEqual(1);
  });

  test('an attempt that hangs and is cut then does not end the process: a second error has a listener', async () => {
    const { log } = receiving(10, { options: hundredth });
    await sandbox.until((mesh) => mesh.consumers(queue).active === 1, 5_000);
    for (let round = 1; round <= 3; round++) {
      sandbox.faults.hangUpgrades(1);
      sandbox.faults.dropConnections();
      await sandbox.until((mesh) => mesh.counters.upgradesWaiting === 1, 5_000);
      // Half-closed first, as by a process that ends: the request fails before its socket is gone.
      await sandbox.faults.restart();
      await sandbox.until((mesh) => mesh.consumers(queue).active === 1, 8_000);
    }
    expect(log.failures.length).toBeGreaterThanOrEqual(6);
  });

  test('a plain TCP peer that never says a word is thrown away as well', async () => {
    sandbox.faults.hangOpens(1);
    const { log } = receiving(10, { endpoint: tcp(), options: { connectTimeoutMs: 1_000 } });
    await sandbox.until((mesh) => mesh.consumers(queue).active === 1, 8_000);
    expect(log.failures).toMatchObject([{ code: 'MESH_HUNG' }]);
    await sandbox.until((mesh) => mesh.counters.connections === 1, 5_000);
  });

  test('a wrong password is explained', async () => {
    const { log } = receiving(10, { endpoint: { ...tcp(), kind: 'amqp', user: 'guest', password: 'wrong' } });
    await eventually(() => log.failures.length >= 2, 'two attempts');
    expect(new Set(log.failures.map(({ code }) => code))).toEqual(new Set(['MESH_LOGIN_REFUSED']));
  });

  test('the broker going away and coming back is survived', async () => {
    fill(10);
    const { inbox } = receiving(5);
    await eventually(() => inbox.deliveries.length === 5, 'a full window');
    inbox.onDelivery = (delivery) => delivery.accept();
    await sandbox.faults.restart(100);
    await sandbox.until((mesh) => mesh.counters.acceptances === 10, 8_000);
    expect(inbox.texts.slice(5)).toEqual(numbers(10));
  });

  test.each([
    ['WebSocket', () => webSocketOf(sandbox)],
    ['plain TCP', tcp],
  ])('a silent peer is noticed and replaced: %s', async (_name, endpoint) => {
    const { log, inbox } = receiving(10, { endpoint: endpoint() });
    await sandbox.until((mesh) => mesh.consumers(queue).active === 1, 5_000);
    sandbox.faults.goSilent();
    await eventually(() => inbox.events.includes('attached 2'), 'a new link', 5_000);
    expect(log.failures.map(({ code }) => code)).toEqual(['MESH_SILENT']);
  });

  test.each([
    ['WebSocket', () => webSocketOf(sandbox)],
    ['plain TCP', tcp],
  ])('on an idle, healthy connection the last sign of life stays young: %s', async (name, endpoint) => {
    const { mesh, clock, log } = receiving(10, { endpoint: endpoint(), options: { silentAfterMs: 300 } });
    await sandbox.until((mesh) => mesh.consumers(queue).active === 1, 5_000);
    const startMs = clock.monotonicMs();
    let oldest = 0;
    await eventually(() => {
      oldest = Math.max(oldest, clock.monotonicMs() - (mesh.status().lastFrameAtMs ?? 0));
      return clock.monotonicMs() - startMs > 900;
    }, 'three times the silence that ends a connection');
    expect(oldest).toBeLessThan(250);
    expect(log.failures).toEqual([]);
    // A WebSocket is asked by ping; sessions are begun for it only where there is none.
    if (name === 'WebSocket') expect(sandbox.counters.sessions).toBe(1);
    else expect(sandbox.counters.sessions).toBeGreaterThan(1);
  });

  test('a peer that expects signs of life gets them although it sends itself', async () => {
    await stage.replaceSandbox({ idleTimeoutMs: 100 });
    sandbox = stage.sandbox;
    const { mesh, clock, log } = receiving(10);
    await sandbox.until((mesh) => mesh.consumers(queue).active === 1, 5_000);
    const startMs = clock.monotonicMs();
    await eventually(() => clock.monotonicMs() - startMs > 800, 'eight idle time-outs');
    expect(mesh.status().state).toBe('open');
    expect(log.failures).toEqual([]);
  });
});
