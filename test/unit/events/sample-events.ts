/** Inbound messages for tests: one change in each form an event can arrive in. */
import type { InboundContext, InboundMessage, ParsedInbound } from '../../../srv/events/inbound.ts';
import { readChange } from '../../../srv/events/inbound.ts';

export const TYPE = 'cx.territory.assignments.changed.v1';
export const CONTEXT: InboundContext = { queue: 'acme/cx/one/territory/changes', eventType: TYPE };

export const DATA = {
  territoryId: 'EMEA-NORTH',
  assignments: [
    {
      id: 'T001',
      operation: 'update',
      fields: { owner: 'E1008', validFrom: '2026-12-01' },
      before: { owner: 'E1001' },
    },
  ],
};

export const ATTRIBUTES = {
  specversion: '1.0',
  id: '7d0c',
  source: '/default/crm/prod',
  type: TYPE,
  subject: 'EMEA-NORTH',
  time: '2026-11-22T10:00:00Z',
};

export function messageOf(body: string | Uint8Array, rest: Partial<InboundMessage> = {}): InboundMessage {
  return { body: Buffer.from(body as string), properties: {}, ...rest };
}

/** Structured; `event` is merged over the sample's attributes and data. */
export function structured(event: object = {}, contentType = 'application/cloudevents+json'): InboundMessage {
  return messageOf(JSON.stringify({ ...ATTRIBUTES, data: DATA, ...event }), { contentType });
}

export function binary(
  data: unknown = DATA,
  attributes: InboundMessage['properties'] = ATTRIBUTES,
  prefix = 'cloudEvents_',
): InboundMessage {
  const properties = Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [prefix + name, value]),
  );
  return messageOf(JSON.stringify(data), { contentType: 'application/json', properties });
}

export function plain(data: unknown = DATA, rest: Partial<InboundMessage> = {}): InboundMessage {
  return messageOf(JSON.stringify(data), { contentType: 'application/json', messageId: 'm-1', ...rest });
}

export function read(message: InboundMessage): ParsedInbound {
  return readChange(message, CONTEXT);
}

export function readable(message: InboundMessage) {
  const parsed = read(message);
  if (parsed.kind !== 'change') throw new Error(`unreadable: ${parsed.message}`);
  return parsed;
}

export function unreadable(message: InboundMessage) {
  const parsed = read(message);
  if (parsed.kind !== 'unreadable') throw new Error('the change was read');
  return parsed;
}
