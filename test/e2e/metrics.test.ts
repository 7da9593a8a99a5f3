/** The metrics of the running service, moved by real events and read as Prometheus reads them. */
import { expect, it } from 'vitest';
import { METRICS } from '../../srv/monitor/metrics/catalogue.ts';
import { labelNames, series } from '../system/prometheus.ts';
import { setField } from '../system/published-change.ts';
import type { ServiceProcess } from '../system/service-process.ts';
import { fastWorld, ownerChanges, startFastService } from './fast-world.ts';

const QUEUE_LABELS = /messaging_system="sap_event_mesh"/;

async function scrape(service: ServiceProcess) {
  const answer = await fetch(`${service.url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain/);
  return series(await answer.text());
}

/** The values whose name begins so, added up. */
function sum(all: Readonly<Record<string, number>>, start: string): number {
  return Object.entries(all).reduce((total, [key, value]) => total + (key.startsWith(start) ? value : 0), 0);
}

it('changes, writes, requests, caches and messages are metered as they happen', async () => {
  const world = await fastWorld();
  const changes = ownerChanges(world, { territories: 4, assignments: 2, count: 20 });
  world.api.faults.inject({ kind: 'record-status', status: 412, on: 'write', records: () => true, times: 1 });
  world.api.faults.inject({ kind: 'record-status', status: 422, on: 'write', records: (id) => id === 'A-7' });
  // Under review every write is preceded by a read.
  const service = await startFastService(world, { API_DAILY_BUDGET: '1000', ON_OVERLAP: 'review' });
  for (const change of changes.slice(0, 10)) world.publish(change);
  await world.untilEnded(10, 20_000);
  // Of the same records, so that a read shows an earlier write of ours.
  for (const change of changes.slice(10)) world.publish(change);
  // Known already: a message more, and no change more.
  if (changes[0]) world.publish(changes[0]);
  await world.untilEnded(20, 20_000);
  await expect.poll(async () => (await scrape(service))['territory_sync_outbox_unsent']).toBe(0);

  const now = await scrape(service);
  const failed = world.outcomes().filter(({ data }) => data.outcome === 'failed').length;
  expect(failed).toBeGreaterThan(0);
  expect(now).toMatchObject({
    territory_sync_changes_received_total: 20,
    'territory_sync_changes_completed_total{outcome="failed"}': failed,
    'territory_sync_writes_total{result="conflict"}': 1,
    territory_sync_conflicts_total: 1,
    territory_sync_change_duration_seconds_count: 20,
    territory_sync_backlog_changes: 0,
    territory_sync_batch_size: 50,
    territory_sync_breaker_state: 0,
  });
  expect(sum(now, 'territory_sync_changes_completed_total')).toBe(20);
  expect(now['territory_sync_writes_total{result="ok"}']).toBeGreaterThan(0);
  expect(now['territory_sync_writes_total{result="refused"}']).toBeGreaterThan(0);
  expect(now['territory_sync_conflict_rate']).toBeCloseTo(1 / sum(now, 'territory_sync_writes_total'), 5);
  expect(now['territory_sync_flight_duration_seconds_count']).toBeGreaterThan(0);
  expect(now['territory_sync_propagation_seconds_count']).toBeGreaterThan(0);
  expect(sum(now, 'territory_sync_cache_status_total')).toBeGreaterThan(0);

  const requests = world.api.requests();
  expect(sum(now, 'territory_sync_api_requests_total')).toBe(requests.length);
  expect(now['territory_sync_api_budget_used_ratio']).toBeCloseTo(requests.length / 1000, 5);
  expect(await openDeadLetters(service, failed)).toBe(failed);
  // Twenty changes and a duplicate; an outcome for each change, a dead letter's copy for each that failed.
  expect(sum(now, 'messaging_client_consumed_messages_total')).toBe(21);
  expect(sum(now, 'messaging_process_duration_count')).toBe(21);
  expect(sum(now, 'messaging_client_sent_messages_total')).toBe(20 + failed);
  expect(sum(now, 'messaging_client_operation_duration_count')).toBe(20 + failed);
});

it('no label holds an id of a territory, a record, a change or a source', async () => {
  const world = await fastWorld();
  const changes = ownerChanges(world, { territories: 3, assignments: 2, count: 6 });
  const service = await startFastService(world);
  for (const change of changes) world.publish(change);
  world.publish(setField('change-unknown', 'TER-9', 'A-unknown', 'owner', 'E1'));
  await world.untilEnded(7, 20_000);

  const keys = Object.keys(await scrape(service));
  const allowed = new Set(
    Object.values(METRICS).flatMap(({ labels }) => labels.map((label) => label.replaceAll('.', '_'))),
  );
  const ours = keys.filter((key) => !key.startsWith('target_info'));
  expect(ours.flatMap(labelNames).filter((name) => name !== 'le' && !allowed.has(name))).toEqual([]);
  expect(keys.filter((key) => /TER-|A-\d|A-unknown|change-|\/default\/crm/.test(key))).toEqual([]);
  expect(keys.filter((key) => key.startsWith('messaging_')).every((key) => QUEUE_LABELS.test(key))).toBe(
    true,
  );
});

it('an API in trouble shows in the breaker, in requests and in writes', async () => {
  const world = await fastWorld();
  const changes = ownerChanges(world, { territories: 1, assignments: 1, count: 2 });
  const service = await startFastService(world, { API_PROBE_INTERVAL_MS: '60000' });
  world.api.faults.inject({ kind: 'no-answer', how: 'destroy', effect: 'not-written' });
  if (changes[0]) world.publish(changes[0]);
  await expect.poll(async () => (await scrape(service))['territory_sync_breaker_state']).toBe(2);
  expect(await scrape(service)).toMatchObject({ territory_sync_backlog_changes: 1 });
  expect(
    (await scrape(service))['territory_sync_api_requests_total{status="network"}'],
  ).toBeGreaterThanOrEqual(1);
});

it('a write without an answer is in doubt', async () => {
  const world = await fastWorld();
  const [change] = ownerChanges(world, { territories: 1, assignments: 1, count: 1 });
  const service = await startFastService(world);
  world.api.faults.inject({ kind: 'no-answer', how: 'destroy', effect: 'written', on: 'write', times: 1 });
  if (change) world.publish(change);
  await world.untilEnded(1, 20_000);
  expect(await scrape(service)).toMatchObject({ 'territory_sync_writes_total{result="in-doubt"}': 1 });
});

async function openDeadLetters(service: ServiceProcess, wanted: number): Promise<number | undefined> {
  await expect.poll(async () => (await scrape(service))['territory_sync_dead_letters']).toBe(wanted);
  return (await scrape(service))['territory_sync_dead_letters'];
}
