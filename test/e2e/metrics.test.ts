/** The metrics of the running service in trouble, and their labels; what each shows stands in `every-metric.test.ts`. */
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
