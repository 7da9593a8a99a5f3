/**
 * The envelope: tells the three forms apart and takes the event out of them. Sources: CloudEvents 1.0, JSON event format
 * and AMQP protocol binding; 0.3 and 0.2 where they differ. Opening never fails: what is wrong with the body is kept as
 * `problem` beside the attributes that can be read all the same, so that the dead letter names the event it was.
 */
import { readDeadLetterProperties } from './dead-letter.ts';
import type { InboundContext, InboundMessage } from './inbound-message.ts';
import { InvalidEvent } from './invalid-event.ts';
import { decodeBase64, decodeJson, isObject } from './json.ts';

/** `plain`: JSON in the shape of `data` without an envelope; the message itself says what it is. */
export type EnvelopeForm = 'structured' | 'binary' | 'plain';

export interface Opened {
  readonly form: EnvelopeForm;
  /** Context attributes by name, unchecked. For `plain` they are made up from message and queue. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** The event's data, unchecked; undefined where there is none, or a problem. */
  readonly data?: unknown;
  readonly problem?: InvalidEvent;
}

/** Versions whose envelope is understood; what differs between them is how data that is no JSON object is carried. */
export const SPEC_VERSIONS: readonly unknown[] = ['1.0', '0.3', '0.2'];

/** Takes the message apart; never throws. */
export function openMessage(message: InboundMessage, context: InboundContext): Opened {
  if (isCloudEventType(message.contentType)) return openStructured(message);
  const binary = attributesInProperties(message.properties);
  if (binary)
    return { form: 'binary', attributes: binary, ...attempt(() => decodeJson(message.body, 'The body')) };

  const body = attempt(() => decodeJson(message.body, 'The body'));
  // Many clients send a structured event as application/json.
  if (isObject(body.data) && Object.hasOwn(body.data, 'specversion')) return openEvent(body.data);
  return { form: 'plain', attributes: plainAttributes(message, context), ...body };
}

function isCloudEventType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^\s*application\/cloudevents/i.test(contentType);
}

function openStructured(message: InboundMessage): Opened {
  const body = attempt(() => {
    // With or without +json, and with any parameters; not batches, and no other format.
    if (!/^\s*application\/cloudevents(\+json)?\s*(;|$)/i.test(message.contentType ?? '')) {
      throw new InvalidEvent(
        'The content type is a batch of CloudEvents or not JSON. Send each event by itself, as JSON.',
      );
    }
    const event = decodeJson(message.body, 'The body');
    if (!isObject(event)) throw new InvalidEvent('The body is not a JSON object. Send a CloudEvent.');
    return event;
  });
  return isObject(body.data) ? openEvent(body.data) : { form: 'structured', attributes: {}, ...body };
}

function openEvent(event: Readonly<Record<string, unknown>>): Opened {
  return { form: 'structured', attributes: event, ...attempt(() => dataOf(event)) };
}

/** `data`, or what is packed as base64: `data_base64` in 1.0, a string with `datacontentencoding` before. */
function dataOf(event: Readonly<Record<string, unknown>>): unknown {
  const { specversion, data, datacontentencoding: encoding } = event;
  const packed = event['data_base64'];
  // The JSON format has null for an attribute that is not set.
  if (specversion === '1.0' && packed !== undefined && packed !== null) {
    if (data !== undefined && data !== null)
      throw new InvalidEvent('data and data_base64 are both there. Send one.');
    return decodeJson(decodeBase64(packed, 'data_base64'), 'data_base64');
  }
  if (specversion !== '1.0' && typeof encoding === 'string' && encoding.toLowerCase() === 'base64') {
    return decodeJson(decodeBase64(data, 'data'), 'data');
  }
  return data;
}

/**
 * Attributes from `cloudEvents_name` or `cloudEvents:name`; receivers accept both, the first is preferred.
 * Undefined where there are none.
 */
function attributesInProperties(
  properties: InboundMessage['properties'],
): Record<string, unknown> | undefined {
  const attributes = new Map<string, unknown>();
  for (const [property, value] of Object.entries(properties)) {
    const [, separator, name] = /^cloudevents([_:])(.+)$/i.exec(property) ?? [];
    if (name === undefined || (separator === ':' && attributes.has(name))) continue;
    attributes.set(name, textOfDate(value));
  }
  return attributes.size === 0 ? undefined : bare(attributes);
}

/** `time` may be a native AMQP timestamp. One that is no date stays as it is, and is no text. */
function textOfDate(value: unknown): unknown {
  return value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : value;
}

/**
 * Without an envelope the message-id is the event's id and the queue its source. A dead letter that was moved back to the
 * work queue has lost its envelope, but says which event it was.
 */
function plainAttributes(message: InboundMessage, context: InboundContext): Record<string, unknown> {
  const was = readDeadLetterProperties(message.properties);
  return {
    id: was?.id ?? message.messageId,
    source: was?.source ?? context.queue,
    subject: was?.territoryId ?? message.subject,
    type: context.eventType,
    traceparent: message.properties['traceparent'],
    correlationid: message.correlationId,
  };
}

/** An object without a prototype, so that no attribute can be inherited. */
function bare(entries: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const target = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of entries) target[name] = value;
  return target;
}

function attempt(decode: () => unknown): { readonly data?: unknown; readonly problem?: InvalidEvent } {
  try {
    return { data: decode() };
  } catch (error) {
    if (error instanceof InvalidEvent) return { problem: error };
    throw error;
  }
}
