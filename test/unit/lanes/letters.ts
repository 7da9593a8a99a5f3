/** Dead letters as messages, and deliveries that remember what became of them. */
import { deadLetterMessage, type DeadLetter } from '../../../srv/events/dead-letter.ts';
import type { Delivery, MeshMessage } from '../../../srv/mesh/port.ts';

export const FAILED_AT = Date.UTC(2026, 10, 22, 10);
export const INBOUND = { queue: 'work', eventType: 'cx.territory.assignments.changed.v1' };

/** The bytes of an event that sets the owner of T1. */
export function eventBytes(
  id: string,
  territoryId = 'NORTH',
  assignments: unknown = [{ id: 'T1', fields: { owner: 'E1' } }],
) {
  const envelope = { specversion: '1.0', id, source: '/crm', type: INBOUND.eventType };
  return Buffer.from(JSON.stringify({ ...envelope, data: { territoryId, assignments } }));
}

export function letterMessage(id: string, more: Partial<DeadLetter> = {}): MeshMessage {
  const { body, contentType, messageId, properties } = deadLetterMessage({
    deadLetterId: `letter of ${id}`,
    decision: 0,
    reason: { code: 'CONFLICT_LIMIT', message: 'changed by others' },
    change: { source: '/crm', id },
    territoryId: 'NORTH',
    body: eventBytes(id),
    contentType: 'application/cloudevents+json',
    firstReceivedAt: FAILED_AT - 1000,
    failedAt: FAILED_AT,
    attempts: 6,
    conflicts: 5,
    position: 4711,
    history: [{ at: FAILED_AT - 10, step: 'conflict', assignment: 'T1', detail: '412' }],
    ...more,
  });
  return { body, contentType, messageId, properties, deliveryCount: 0 };
}

/** A message that is no dead letter of ours. */
export function plainMessage(body: Buffer, messageId?: string): MeshMessage {
  return {
    body,
    contentType: 'application/cloudevents+json',
    properties: {},
    deliveryCount: 0,
    ...(messageId !== undefined && { messageId }),
  };
}

export interface FakeDelivery extends Delivery {
  readonly settled: boolean;
}

export function delivery(message: MeshMessage, link = 1): FakeDelivery {
  let settled = false;
  const settle = () => {
    const before = settled;
    settled = true;
    return before ? ('stale' as const) : ('settled' as const);
  };
  return {
    message,
    link,
    accept: settle,
    release: () => {
      throw new Error('never released');
    },
    reject: () => {
      throw new Error('never rejected');
    },
    get settled() {
      return settled;
    },
  };
}
