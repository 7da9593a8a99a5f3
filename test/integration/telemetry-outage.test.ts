/** The collector of metrics goes away and comes back: over gRPC with certificates, with five exports a second. */
import { expect, test } from 'vitest';
import { createTelemetry, readOtlpEndpoint } from '../../srv/monitor/telemetry/index.ts';
import { systemClock as clock } from '../../srv/platform/clock.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { closedAfterEach } from '../system/closing.ts';
import { startOtlpCollector } from '../system/otlp-collector.ts';
import { createAuthority } from './own-authority.ts';
import { wayTo } from './postgres-outage.ts';

const PATIENCE = { timeout: 40_000, interval: 20 };
const LANES = { ready: 0, 'in-flight': 0, retrying: 0, resting: 0, locked: 0, held: 0, paused: 0 };

const open = closedAfterEach();

test('an outage of the collector is one line in the log, and what was counted meanwhile arrives when it is back', async () => {
  const collector = await startOtlpCollector(createAuthority());
  open.push(() => collector.stop());
  const way = await wayTo(`https://${collector.credentials['ingest-otlp-endpoint']}`);
  open.push(() => way.stop());
  const endpoint = readOtlpEndpoint('logs', {
    ...collector.credentials,
    'ingest-otlp-endpoint': new URL(way.credentials.uri).host,
  });
  if (!endpoint) throw new Error('no endpoint');
  const log = createRecordingLog();
  const telemetry = createTelemetry({
    subject: { name: 'territory-sync', instanceIndex: 0 },
    messaging: { system: 'rabbitmq', queue: 'work' },
    endpoint,
    traceSampling: 0,
    clock,
    log,
    metricsIntervalMs: 200,
  });
  open.push(() => telemetry.stop());
  // Each export looks at the levels.
  let exports = 0;
  telemetry.metrics.watch({
    known: () => ({ conflictRate: 0, batchSize: 50, breaker: 'closed', budgetUsedRatio: undefined }),
    journal: () => Promise.resolve({ pendingChanges: 0, lanes: LANES, outboxUnsent: 0 }),
    deadLetters: () => Promise.resolve((exports += 1)),
  });
  const { instruments } = telemetry.metrics;
  const arrived = () =>
    collector.metrics().find(({ name }) => name === 'territory_sync_changes_received_total')?.points[0]
      ?.value;
  const told = () => log.lines.map(({ level, message }) => `${level} ${message.split(' ', 3).join(' ')}`);

  instruments.received(1);
  await expect.poll(arrived, PATIENCE).toBe(1);
  await expect.poll(told, PATIENCE).toEqual(['info Metrics are exported']);

  way.close();
  instruments.received(2);
  await expect.poll(() => told().length, PATIENCE).toBe(2);
  const before = exports;
  instruments.received(4);
  await expect.poll(() => exports, PATIENCE).toBeGreaterThan(before + 5);
  expect(told()).toEqual(['info Metrics are exported', 'warn Metrics cannot be']);
  expect(arrived()).toBe(1);

  way.open();
  await expect.poll(arrived, PATIENCE).toBe(7);
  await expect
    .poll(told, PATIENCE)
    .toEqual(['info Metrics are exported', 'warn Metrics cannot be', 'info Metrics are exported']);
});
