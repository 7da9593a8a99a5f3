/** How long brokers leave a delivery unsettled, where that is shorter than an embedded journal may need. */
import type { MeshEndpoint } from './endpoint.ts';

/**
 * What is lost where deliveries stay unsettled until their outcome, as with an embedded journal, and what to do; undefined where the
 * product lets them. RabbitMQ's `consumer_timeout` only makes them come again, in order (`test/faults/mesh-rabbitmq-patience.test.ts`).
 * Lock duration and delivery count of Azure Service Bus: https://learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement
 */
export function unsettledLimit({ dialect }: MeshEndpoint): string | undefined {
  if (dialect !== 'service-bus') return undefined;
  return (
    'Azure Service Bus delivers again what is unsettled for longer than the lock duration of its queue (1 minute, at most 5), and takes it ' +
    'away after the max delivery count (10): without PostgreSQL changes stay unsettled until their outcome, so a long wait ends as a message ' +
    'on its own dead-letter queue; bind a postgresql-db service, or raise both in the queue'
  );
}
