/** What a queue of SAP Event Mesh has to be like, in the words of its management API (SAP's troubleshooting guide lists them). */
import type { Requirement, WantedQueue } from './administration.ts';

export const ACCESS_TYPE = 'accessType';
export const EXCLUSIVE = 'EXCLUSIVE';

/** What a PUT may carry; sent back with a change, in case the API takes what is missing for its default. */
export const SETTABLE = [
  ACCESS_TYPE,
  'deadMsgQueue',
  'maxDeliveredUnackedMsgsPerFlow',
  'maxMessageSizeInBytes',
  'maxQueueSizeInBytes',
  'maxRedeliveryCount',
  'maxTtl',
  'respectTtl',
] as const;

export function eventMeshRequirements(queue: WantedQueue): readonly Requirement[] {
  const { role, ttlS, unsettled, deadLetterQueue } = queue;
  return [
    {
      property: ACCESS_TYPE,
      value: EXCLUSIVE,
      // A queue of dead letters may have several receivers; it is only better to have one.
      rule: role === 'work' ? 'equal' : 'new-only',
      unshown: 'unknown',
      change: 'new-queue-only',
      weight: 'essential',
      why: 'several instances would receive in turn, and the order within a territory would be lost',
    },
    {
      property: 'maxRedeliveryCount',
      value: 0,
      rule: 'equal',
      unshown: 'unknown',
      change: 'in-place',
      weight: 'essential',
      why: 'every reconnect counts as a redelivery, so good messages would be taken for bad ones',
    },
    ...(deadLetterQueue === undefined ? [] : [burial(deadLetterQueue)]),
    {
      // Named so by both products' API; 0 means no end.
      property: 'maxTtl',
      value: ttlS,
      rule: 'equal',
      unshown: 'unknown',
      change: 'in-place',
      weight: 'wanted',
      why: 'messages would live for another time than MESH_QUEUE_TTL_S and DEAD_LETTER_RETENTION_DAYS say',
    },
    {
      property: 'maxDeliveredUnackedMsgsPerFlow',
      value: unsettled,
      rule: 'at-least',
      unshown: 'unknown',
      change: 'in-place',
      weight: 'wanted',
      why: 'the broker would stop delivering before the receiver has filled its window',
    },
  ];
}

function burial(deadLetterQueue: string): Requirement {
  return {
    property: 'deadMsgQueue',
    value: deadLetterQueue,
    rule: 'equal',
    unshown: 'unset',
    change: 'in-place',
    weight: 'essential',
    why: 'what expires would be lost',
  };
}
