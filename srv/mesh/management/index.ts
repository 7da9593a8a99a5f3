/** Queue management: which product stands behind a binding. */
import type { Clock } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import type { MeshEndpoint, MeshManagement } from '../endpoint.ts';
import type { QueueAdministration } from './administration.ts';
import { createEventMeshAdministration } from './event-mesh.ts';
import { managementDefaults, type ManagementLimits } from './patience.ts';
import { createRabbitAdministration } from './rabbitmq.ts';

export type { QueueAdministration } from './administration.ts';
export { setupAtStart } from './at-start.ts';
export { examineQueues, inspectQueue, type QueueInspection } from './inspection.ts';
export { planQueues, type QueuePlan, type QueueSettings } from './plan.ts';
export { ManagementError } from './problem.ts';
export { QueueWatch, type QueueCheck } from './queue-watch.ts';
export { isSound, reportLines, type ReportLine, type SetupReport } from './report.ts';
export { setupQueues } from './setup.ts';

export interface AdministrationParts {
  readonly clock: Clock;
  readonly random: Random;
  /** Aborting it ends requests and waits. */
  readonly signal?: AbortSignal;
  readonly limits?: Partial<ManagementLimits>;
}

/** The administration of the bound mesh; undefined where the binding names no management API. */
export function createQueueAdministration(
  { endpoint, management }: { readonly endpoint: MeshEndpoint; readonly management?: MeshManagement },
  { limits, ...outside }: AdministrationParts,
): QueueAdministration | undefined {
  const parts = { ...outside, limits: { ...managementDefaults, ...limits } };
  const ca = endpoint.ca === undefined ? {} : { ca: endpoint.ca };
  switch (management?.kind) {
    case undefined:
      return undefined;
    case 'event-mesh':
      return createEventMeshAdministration({ ...management, ...ca }, parts);
    case 'rabbitmq': {
      const { user, password } = endpoint.kind === 'amqp' ? endpoint : { user: '', password: '' };
      const deliveryLimit = endpoint.dialect === 'rabbitmq-4' ? 'none-by-minus-one' : 'none-by-default';
      return createRabbitAdministration({ uri: management.uri, user, password, deliveryLimit, ...ca }, parts);
    }
  }
}

/** What is missing where a binding names no management API, and what to do. */
export function noManagement({ dialect }: MeshEndpoint): string {
  const missing = 'The mesh binding names no management API, so queues can be neither set up nor checked';
  switch (dialect) {
    case 'event-mesh':
      return `${missing}: set options.management to true in the service descriptor, update the instance and bind it again`;
    case 'rabbitmq':
    case 'rabbitmq-4':
      return `${missing}: add "managementUri" to the credentials, for example "http://host:15672"`;
    case 'service-bus':
    case 'solace':
      return `${missing}: set the queues up with the product's own tools, with one receiver at a time`;
  }
}
