/**
 * How brokers spell the address of a queue and of a topic. Anonymous sending (one link, `to` on each message) is used with SAP
 * Event Mesh only: RabbitMQ 3's plugin takes the link, answers `accepted` and drops the messages (measured on 3.10.8), and for
 * the others one link per target works in any case. RabbitMQ 3 also accepts and drops what is sent to a queue that does not exist.
 */
import type { Dialect } from './dialects.ts';

/** Address from which a queue is received. */
export function receiveAddress(dialect: Dialect, queue: string): string {
  return queueAddress(dialect, queue);
}

/** Address to which messages for a queue or a topic are sent; the topic in its `/` form. */
export function sendAddress(
  dialect: Dialect,
  target: { readonly kind: 'topic' | 'queue'; readonly name: string },
): string {
  return target.kind === 'queue' ? queueAddress(dialect, target.name) : topicAddress(dialect, target.name);
}

/** Whether one anonymous sender serves all targets. */
export function sendsAnonymously(dialect: Dialect): boolean {
  return dialect === 'event-mesh';
}

/**
 * Whether credit may be raised while deliveries are under way. RabbitMQ 3's plugin then forgets those on their way from its queue to
 * its session and delivers more than it was granted (measured on 3.10.8), which ends the connection; it gets new credit only when
 * everything granted has arrived.
 */
export function keepsCountOfCredit(dialect: Dialect): boolean {
  return dialect !== 'rabbitmq';
}

function queueAddress(dialect: Dialect, queue: string): string {
  switch (dialect) {
    case 'event-mesh':
      return `queue:${queue}`;
    case 'rabbitmq':
      return `/amq/queue/${encodeURIComponent(queue)}`;
    case 'rabbitmq-4':
      return `/queues/${encodeURIComponent(queue)}`;
    case 'service-bus':
      return queue;
    case 'solace':
      return `queue://${queue}`;
  }
}

function topicAddress(dialect: Dialect, topic: string): string {
  switch (dialect) {
    case 'event-mesh':
      return `topic:${topic}`;
    case 'rabbitmq':
      return `/topic/${routingKey(topic)}`;
    case 'rabbitmq-4':
      return `/exchanges/amq.topic/${encodeURIComponent(routingKey(topic))}`;
    case 'service-bus':
      return topic;
    case 'solace':
      return `topic://${topic}`;
  }
}

/** RabbitMQ's topic exchange separates with dots. */
function routingKey(topic: string): string {
  return topic.replaceAll('/', '.');
}
