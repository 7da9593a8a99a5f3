/** A running service and its alerts: with SAP Alert Notification bound, and without. */
import { expect, test } from 'vitest';
import {
  bindingsOf,
  startAlertNotification,
  type AlertNotificationServer,
} from '../integration/alert-notification-server.ts';
import { closedAfterEach } from '../system/closing.ts';
import { setField } from '../system/published-change.ts';
import { withService } from '../system/provided-service.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import type { World } from '../system/world.ts';
import { FAST_SETTINGS, fastWorld } from './fast-world.ts';
import { operatorOf } from './operator.ts';

const open = closedAfterEach();

async function start(env: Readonly<Record<string, string>>, world: World): Promise<ServiceProcess> {
  const service = await startService(env);
  open.push(() => service.kill());
  await world.untilReceiving();
  return service;
}

/** One change that is applied and two that nobody can apply. */
function publishTwoDeadLetters(world: World): void {
  world.api.seedRecords([{ territoryId: 'TER-0', id: 'A', fields: { owner: 'nobody' } }]);
  world.publish(setField('good', 'TER-0', 'A', 'owner', 'E1'));
  world.publish(setField('bad-1', 'TER-1', 'unknown-1', 'owner', 'E1'));
  world.publish(setField('bad-2', 'TER-2', 'unknown-2', 'owner', 'E1'));
  world.publish(setField('good-2', 'TER-0', 'A', 'owner', 'E2'));
}

test('a dead letter is told to SAP Alert Notification, and that all are decided, too', async () => {
  const server: AlertNotificationServer = await startAlertNotification();
  open.push(() => server.stop());
  const world = await fastWorld();
  const credentials = bindingsOf(server)['OAuth with a certificate'];
  const env = withService(world.env(FAST_SETTINGS), {
    name: 'alerts',
    tag: 'alert-notification',
    credentials,
  });
  const service = await start(env, world);
  publishTwoDeadLetters(world);
  const statuses = () => server.events.map(({ eventType, tags }) => `${eventType} ${tags['ans:status']}`);
  await expect.poll(statuses, { timeout: 10_000 }).toEqual(['TerritorySyncDeadLetter CREATE_OR_UPDATE']);
  await world.untilEnded(4, 10_000);
  const operator = operatorOf(service);
  await expect.poll(() => operator.letters()).toHaveLength(2);
  for (const { id } of await operator.letters()) {
    const { status } = await operator.post(`dead-letters/${id}/discard`, { note: 'nobody needs it' });
    expect(status).toBe(200);
  }
  await expect
    .poll(statuses, { timeout: 25_000 })
    .toEqual(['TerritorySyncDeadLetter CREATE_OR_UPDATE', 'TerritorySyncDeadLetter CLOSE']);
  expect(server.faults).toEqual([]);
  expect(service.output()).toMatch(/Alert: Changes need a person/);
}, 60_000);

test('without a binding it is told on the failure topic, as an event of a type of its own', async () => {
  const world = await fastWorld();
  const service = await start(world.env(FAST_SETTINGS), world);
  publishTwoDeadLetters(world);
  const alerts = () =>
    world.mesh
      .peek(world.queues.outcomes)
      .map(({ body }) => JSON.parse(body.toString()) as { readonly type: string; readonly data: object })
      .filter(({ type }) => type === 'cx.territory.sync.alert.v1');
  await expect.poll(alerts, { timeout: 10_000 }).toHaveLength(1);
  expect(alerts()[0]).toMatchObject({
    specversion: '1.0',
    source: '/territory-sync/local',
    subject: 'TerritorySyncDeadLetter',
    data: {
      eventType: 'TerritorySyncDeadLetter',
      sourceEventId: 'territory-sync/territory-sync/local/TerritorySyncDeadLetter',
      status: 'raised',
      severity: 'ERROR',
    },
  });
  expect(await service.stop(), service.output()).toBe(0);
}, 60_000);
