/** From a mesh message to a change, or to the reason why it is none. Pure, and never throws whatever the bytes are. */
import { isCorrelationId } from '../platform/correlation.ts';
import { isKeyOf, type KeyType } from './assignment-key.ts';
import { readContent, territoryIdIn } from './assignments.ts';
import type { ChangeRef, TerritoryChange } from './change.ts';
import { openMessage, SPEC_VERSIONS, type Opened } from './cloud-event.ts';
import { readDeadLetterProperties } from './dead-letter.ts';
import { digestOf, sha256 } from './digest.ts';
import type { InboundContext, InboundMessage } from './inbound-message.ts';
import { InvalidEvent, type InvalidEventCode } from './invalid-event.ts';
import { LIMITS } from './limits.ts';
import { isSoundText } from './text.ts';
import { traceParentIn } from './trace-parent.ts';

export type { InboundContext, InboundMessage } from './inbound-message.ts';

export type ParsedInbound = ReadableInbound | UnreadableInbound;

export interface ReadableInbound {
  readonly kind: 'change';
  readonly change: TerritoryChange;
  /** SHA-256 (hex) of the change's meaning: another one under the same source and id is another payload. */
  readonly digest: string;
}

/** What becomes a dead letter at once. */
export interface UnreadableInbound {
  readonly kind: 'unreadable';
  /** The event's own where both parts can be read; else queue name, and message-id or `sha256:` and the body's hash. */
  readonly ref: ChangeRef;
  readonly territoryId?: string;
  readonly type?: string;
  readonly time?: string;
  readonly traceparent?: string;
  readonly correlationId?: string;
  /** SHA-256 (hex) of the body. */
  readonly digest: string;
  readonly code: InvalidEventCode;
  /** What is wrong and where, at most 200 characters, without payload. */
  readonly message: string;
  /** What to do, at most 200 characters. */
  readonly action: string;
  /** Its source and id belong to another event, readable or not: the ids derived for it must not be that one's. */
  readonly impostor?: true;
}

/** Reads one message. Equal messages give equal answers. */
export function readChange(message: InboundMessage, context: InboundContext): ParsedInbound {
  const opened = openMessage(message, context);
  try {
    return understand(opened, context);
  } catch (error) {
    if (!(error instanceof InvalidEvent)) throw error;
    const { code, action } = error;
    return { ...sightOf(opened, message, context), code, message: error.message, action };
  }
}

function understand(opened: Opened, context: InboundContext): ReadableInbound {
  if (opened.problem) throw opened.problem;
  const { attributes, form } = opened;
  if (form !== 'plain' && !SPEC_VERSIONS.includes(attributes['specversion'])) {
    throw new InvalidEvent('specversion must be "1.0", "0.3" or "0.2". Send the event as CloudEvents 1.0.');
  }
  if (form === 'plain' && attributes['id'] === undefined) {
    throw new InvalidEvent('There is neither a CloudEvents envelope nor a message-id. Send one of them.');
  }
  const id = required(attributes['id'], form === 'plain' ? 'message-id' : 'id', LIMITS.eventIdLength);
  const source = required(attributes['source'], 'source', LIMITS.sourceLength);
  const type = attributes['type'];
  if (type !== context.eventType) {
    throw new InvalidEvent(
      `The event's type is not ${context.eventType}, and nothing maps it to a territory change.`,
      'Subscribe the queue to territory changes only, or add a mapping for this event type and replay.',
    );
  }
  const content = readContent(opened.data, attributes['subject']);
  checkKeys(content.assignments, context.keyType ?? 'string');
  const change = { id, source, type: context.eventType, ...content, ...shownAttributes(attributes) };
  return { kind: 'change', change, digest: digestOf(content) };
}

/** A key of the wrong type could never be found, and says that the event is meant for another API. */
function checkKeys(assignments: TerritoryChange['assignments'], type: KeyType): void {
  const wrong = assignments.findIndex(({ id }) => !isKeyOf(type, id));
  if (wrong === -1) return;
  throw new InvalidEvent(
    `data.assignments[${wrong}].id is no key of type ${type}.`,
    'Send the key of the assignment as the territory API has it, or correct TERRITORY_KEY_TYPE and replay.',
  );
}

function required(value: unknown, name: string, maxLength: number): string {
  if (isSoundText(value, maxLength)) return value;
  throw new InvalidEvent(
    `${name} must be a string of 1 to ${maxLength} characters without NUL characters and lone surrogates.`,
  );
}

/** What is passed on and shown only; where it is not well-formed it is left out, since nothing depends on it. */
function shownAttributes(
  attributes: Opened['attributes'],
): Pick<TerritoryChange, 'time' | 'sequence' | 'traceparent' | 'correlationId'> {
  const time = timeIn(attributes['time']);
  const sequence = sequenceIn(attributes['sequence']);
  const traceparent = traceParentIn(attributes['traceparent']);
  const { correlationid: correlationId } = attributes;
  return {
    ...(time && { time }),
    ...(sequence && { sequence }),
    ...(traceparent && { traceparent }),
    ...(isCorrelationId(correlationId) && { correlationId }),
  };
}

/** RFC 3339, as sent; fractions of any sensible length, since sources send nine digits. */
function timeIn(value: unknown): string | undefined {
  const timestamp = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,12})?([Zz]|[+-]\d\d:\d\d)$/;
  return typeof value === 'string' && timestamp.test(value) ? value : undefined;
}

/** A string by its specification; some send it as a number. */
function sequenceIn(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return isSoundText(text, LIMITS.shownLength) ? text : undefined;
}

/** What can be told of an event that cannot be read. */
function sightOf(opened: Opened, message: InboundMessage, context: InboundContext) {
  const { time, traceparent, correlationId } = shownAttributes(opened.attributes);
  const { type, subject } = opened.attributes;
  const territoryId = territoryIdIn(opened.data, subject);
  return {
    kind: 'unreadable',
    ref: refOf(opened, message, context),
    digest: sha256(message.body),
    ...(territoryId !== undefined && { territoryId }),
    ...(opened.form !== 'plain' && isSoundText(type, LIMITS.shownLength) && { type }),
    ...(time !== undefined && { time }),
    ...(traceparent !== undefined && { traceparent }),
    ...(correlationId !== undefined && { correlationId }),
  } as const;
}

/** Both parts come from the same place: an id means nothing beside a source it was not given by. */
function refOf(opened: Opened, message: InboundMessage, context: InboundContext): ChangeRef {
  const { id, source } = opened.attributes;
  if (isSoundText(id, LIMITS.eventIdLength) && isSoundText(source, LIMITS.sourceLength))
    return { source, id };
  const was = readDeadLetterProperties(message.properties);
  if (was?.source !== undefined && was.id !== undefined) return { source: was.source, id: was.id };
  const { messageId } = message;
  const own = isSoundText(messageId, LIMITS.eventIdLength) ? messageId : `sha256:${sha256(message.body)}`;
  return { source: context.queue, id: own };
}
