/**
 * The whole program as a process, between a mesh and a territory API of the test's own, with the producer API of SAP Alert Notification,
 * which judges each event by its schema. Thirty seconds of the service are one of ours.
 */
import {
  bindingsOf,
  startAlertNotification,
  type AlertNotificationServer,
} from '../integration/alert-notification-server.ts';
import type { Closing } from '../system/closing.ts';
import { withService } from '../system/provided-service.ts';
import { setField } from '../system/published-change.ts';
import { quickTime } from '../system/quick-time/settings.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import { startWorld, type World, type WorldOptions } from '../system/world.ts';
import { operatorOf, type Operator } from './operator.ts';

const SPEED = 30;

type Env = Readonly<Record<string, string>>;

export interface Stage {
  readonly world: World;
  readonly service: ServiceProcess;
  readonly alerts: AlertNotificationServer;
  readonly operator: Operator;
  /** Publishes changes of records that no change had before. */
  readonly change: (count: number, options?: { readonly unknown?: true }) => void;
}

/**
 * @param open is given what is to be closed after the tests
 * @param address of a way to the producer API, where the service is to take one
 */
export async function startStage(
  open: Closing,
  options: WorldOptions,
  environment: (world: World) => Env | Promise<Env>,
  address?: (url: string) => Promise<string>,
): Promise<Stage> {
  const alerts = await startAlertNotification();
  open.push(() => alerts.stop());
  const world = await startWorld({ ...options, api: { caches: { minLagMs: 10, maxLagMs: 40 } } });
  open.push(() => world.stop());
  const url = (await address?.(alerts.url)) ?? alerts.url;
  const credentials = bindingsOf({ ...alerts, url })['OAuth with a secret'];
  const bound = withService(await environment(world), {
    name: 'alerts',
    tag: 'alert-notification',
    credentials,
  });
  const service = await startService({ ...bound, ...quickTime(SPEED) });
  open.push(() => service.kill());
  await world.untilReceiving();
  let changes = 0;
  return {
    world,
    service,
    alerts,
    operator: operatorOf(service),
    change(count, { unknown } = {}) {
      for (let index = 0; index < count; index += 1) {
        changes += 1;
        const territoryId = `TER-${changes}`;
        if (!unknown) {
          world.api.seedRecords([{ territoryId, id: `A-${changes}`, fields: { owner: 'nobody' } }]);
        }
        world.publish(setField(`change-${changes}`, territoryId, `A-${changes}`, 'owner', 'E1'));
      }
    },
  };
}
