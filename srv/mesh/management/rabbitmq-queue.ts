/**
 * What a queue of RabbitMQ has to be like: arguments of its declaration. None of them can be changed afterwards, except where a policy
 * sets what the declaration left open.
 */
import type { Requirement, WantedQueue } from './administration.ts';

export const SINGLE_ACTIVE_CONSUMER = 'x-single-active-consumer';

/** The two ways in which RabbitMQ says "no delivery limit": 3.x by not having one, 4.x by −1, where none means 20. */
export type DeliveryLimit = 'none-by-default' | 'none-by-minus-one';

export function rabbitRequirements(queue: WantedQueue, deliveryLimit: DeliveryLimit): readonly Requirement[] {
  const { role, ttlS, deadLetterQueue } = queue;
  const fixed = { unshown: 'unset', change: 'new-queue-only' } as const;
  const rule = 'equal' as const;
  return [
    {
      ...fixed,
      property: 'x-queue-type',
      value: 'quorum',
      rule,
      weight: 'essential',
      why: 'other types lose messages or order when a node fails',
    },
    {
      ...fixed,
      property: 'durable',
      value: true,
      rule,
      weight: 'essential',
      why: 'its messages would be gone after a restart of the broker',
    },
    {
      ...fixed,
      property: SINGLE_ACTIVE_CONSUMER,
      value: true,
      rule: role === 'work' ? rule : 'new-only',
      weight: 'essential',
      why: 'several instances would receive in turn, and the order within a territory would be lost',
    },
    {
      ...fixed,
      property: 'x-delivery-limit',
      value: deliveryLimit === 'none-by-default' ? undefined : -1,
      rule,
      weight: 'essential',
      why: 'every reconnect counts as a delivery, so good messages would be taken for bad ones',
    },
    {
      ...fixed,
      property: 'x-message-ttl',
      value: ttlS === 0 ? undefined : ttlS * 1000,
      rule,
      weight: 'wanted',
      why: 'messages would live for another time than MESH_QUEUE_TTL_S and DEAD_LETTER_RETENTION_DAYS say',
    },
    ...(deadLetterQueue === undefined ? [] : burial(deadLetterQueue)),
  ];
}

/** Where expired messages go: through the default exchange, whose routing keys are the queues' names. */
function burial(deadLetterQueue: string): readonly Requirement[] {
  const fixed = { rule: 'equal', unshown: 'unset', change: 'new-queue-only' } as const;
  const lost = { ...fixed, weight: 'essential', why: 'what expires would be lost' } as const;
  const hardly = {
    ...fixed,
    weight: 'wanted',
    why: 'what expires could be lost while the broker restarts',
  } as const;
  return [
    { ...lost, property: 'x-dead-letter-exchange', value: '' },
    { ...lost, property: 'x-dead-letter-routing-key', value: deadLetterQueue },
    // By default a quorum queue moves a message without waiting for the other queue's confirmation. The safe way wants this overflow.
    { ...hardly, property: 'x-dead-letter-strategy', value: 'at-least-once' },
    { ...hardly, property: 'x-overflow', value: 'reject-publish' },
  ];
}
