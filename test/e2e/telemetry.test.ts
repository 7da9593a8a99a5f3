/** Metrics and traces as SAP Cloud Logging gets them: over OTLP gRPC, with the certificates of the binding. */
import { expect, it } from 'vitest';
import { createAuthority } from '../integration/own-authority.ts';
import { closedAfterEach } from '../system/closing.ts';
import { startOtlpCollector, type OtlpCollector } from '../system/otlp-collector.ts';
import { withService } from '../system/provided-service.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import type { World } from '../system/world.ts';
import { FAST_SETTINGS, fastWorld, ownerChanges } from './fast-world.ts';

const open = closedAfterEach();

const authority = createAuthority();

async function collector(): Promise<OtlpCollector> {
  const started = await startOtlpCollector(authority);
  open.push(() => started.stop());
  return started;
}

async function start(
  world: World,
  credentials: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> {
  const env = withService(world.env({ ...FAST_SETTINGS, ...settings }), {
    name: 'logs',
    tag: 'Cloud Logging',
    credentials,
  });
  const service = await startService(env);
  open.push(() => service.kill());
  await world.untilReceiving();
  return service;
}

const TRACE = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';
const UPSTREAM = 'bbbbbbbbbbbbbbbb';

it('metrics reach the collector, the last ones when the service stops', async () => {
  const world = await fastWorld();
  const { credentials, metrics, spans } = await collector();
  const service = await start(world, credentials);
  for (const change of ownerChanges(world, { territories: 2, assignments: 1, count: 4 })) {
    world.publish(change);
  }
  await world.untilEnded(4, 20_000);
  expect(await service.stop()).toBe(0);

  const received = metrics().find(({ name }) => name === 'territory_sync_changes_received_total');
  expect(received).toMatchObject({ unit: '{change}', points: [{ value: 4, labels: {} }] });
  const duration = metrics().find(({ name }) => name === 'territory_sync_change_duration_seconds');
  expect(duration).toMatchObject({ unit: 's', points: [{ value: 4 }] });
  expect(metrics().find(({ name }) => name === 'messaging.client.consumed.messages')).toMatchObject({
    points: [
      {
        value: 4,
        labels: {
          'messaging.system': 'sap_event_mesh',
          'messaging.operation.name': 'receive',
          'messaging.destination.name': world.queues.work,
        },
      },
    ],
  });
  expect(spans()).toEqual([]);
  expect(world.api.requests().filter(({ headers }) => headers['traceparent'])).toEqual([]);
});

it('a collector that is away, or takes other certificates only, keeps nothing from working and ending', async () => {
  const world = await fastWorld();
  const { credentials } = await collector();
  const stranger = createAuthority('Stranger').certify('client');
  const service = await start(
    world,
    { ...credentials, 'ingest-otlp-cert': stranger.cert, 'ingest-otlp-key': stranger.key },
    { TRACE_SAMPLING: '1' },
  );
  const changes = ownerChanges(world, { territories: 2, assignments: 1, count: 4 });
  for (const change of changes) world.publish(change);
  await world.untilEnded(4, 20_000);
  expect(await service.stop()).toBe(0);
  expect(service.output()).toMatch(/cannot be exported to the collector/);
  expect(service.output()).not.toMatch(/BEGIN|PRIVATE/);
});

it('a change is one trace, from its event to its outcome, with the request to the API in it', async () => {
  const world = await fastWorld();
  const { credentials, spans } = await collector();
  const service = await start(world, credentials, { TRACE_SAMPLING: '1' });
  const [change] = ownerChanges(world, { territories: 1, assignments: 1, count: 1 });
  if (!change) throw new Error('no change');
  world.publish({ ...change, traceparent: `00-${TRACE}-${UPSTREAM}-01` });
  await world.untilEnded(1, 20_000);
  expect(await service.stop()).toBe(0);

  const ours = spans().filter(({ traceId }) => traceId === TRACE);
  const named = (name: string) => ours.find((span) => span.name === name);
  const [receive, append, flight, publish] = ['receive', 'append', 'flight', 'publish'].map(named);
  expect(receive?.parentId).toBe(UPSTREAM);
  for (const span of [append, flight, publish]) expect(span?.parentId).toBe(receive?.spanId);
  const patch = named('API PATCH');
  expect(patch).toMatchObject({
    parentId: flight?.spanId,
    labels: { 'http.request.method': 'PATCH', 'http.response.status_code': expect.stringMatching(/^20/) },
    resource: { 'service.name': 'territory-sync' },
  });
  const sent = world.api.requests().find(({ method }) => method === 'PATCH');
  expect(sent?.headers['traceparent']).toBe(`00-${TRACE}-${patch?.spanId}-01`);
  expect(world.outcomes()[0]?.traceparent).toBe(`00-${TRACE}-${receive?.spanId}-01`);
});

it('what was not sampled upstream is not traced here, and its trace is passed on as it came', async () => {
  const world = await fastWorld();
  const { credentials, spans } = await collector();
  const service = await start(world, credentials, { TRACE_SAMPLING: '1' });
  const [change] = ownerChanges(world, { territories: 1, assignments: 1, count: 1 });
  if (!change) throw new Error('no change');
  const traceparent = `00-${TRACE}-${UPSTREAM}-00`;
  world.publish({ ...change, traceparent });
  await world.untilEnded(1, 20_000);
  expect(await service.stop()).toBe(0);
  expect(spans()).toEqual([]);
  expect(world.outcomes()[0]?.traceparent).toBe(traceparent);
});
