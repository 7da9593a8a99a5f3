/** Received messages made safe to read: whatever a sender put where, the result has the promised shape, and nothing here throws. */
import type { IncomingMessage } from '@sap/xb-msg-amqp-v100';
import type { MeshMessage, PropertyValue } from './port.ts';

/** The library's message in the form of the port. */
export function normalise(raw: IncomingMessage): MeshMessage {
  const properties = raw.source?.properties;
  const count = raw.source?.header?.deliveryCount;
  // Field by field: every message takes this way, and spreading half a dozen optional fields shows in its pace.
  const message: Mutable<MeshMessage> = {
    body: body(raw.payload),
    properties: applicationProperties(raw.payload?.properties),
    deliveryCount: typeof count === 'number' && count > 0 ? count : 0,
  };
  const contentType = text(properties?.contentType);
  if (contentType !== undefined) message.contentType = contentType;
  const messageId = text(properties?.messageID);
  if (messageId !== undefined) message.messageId = messageId;
  const correlationId = text(properties?.correlationID);
  if (correlationId !== undefined) message.correlationId = correlationId;
  const subject = text(properties?.subject);
  if (subject !== undefined) message.subject = subject;
  const undecodable = raw.payload?.undecodable;
  if (undecodable !== undefined) message.undecodable = undecodable;
  return message;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Data sections give their bytes; an AMQP value or sequence the bytes of its text. */
function body(payload: IncomingMessage['payload']): Buffer {
  if (payload === null || payload === undefined) return Buffer.alloc(0);
  if (payload.type === 'amqp-1.0' && payload.data !== undefined) return valueBody(payload.data);
  const chunks = payload.chunks ?? [];
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

function valueBody(value: unknown): Buffer {
  if (value === null) return Buffer.alloc(0);
  if (Buffer.isBuffer(value)) return value;
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(plain(value)));
}

/** Deep enough for any real message; deeper nesting is cut off rather than followed. */
const maxDepth = 64;

/** An AMQP value as JSON can hold it: maps become objects, bytes their text, numbers JSON has no form for become null. */
function plain(value: unknown, depth = 0): unknown {
  if (depth > maxDepth) return null;
  if (Array.isArray(value)) return value.map((item: unknown) => plain(item, depth + 1));
  if (value instanceof Map) {
    const entries = Array.from(value, ([key, item]: [unknown, unknown]) => [
      text(key) ?? 'null',
      plain(item, depth + 1),
    ]);
    return Object.fromEntries(entries) as unknown;
  }
  if (Buffer.isBuffer(value) || value instanceof Date || typeof value === 'bigint') return text(value);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, item]: [string, unknown]) => [
    name,
    plain(item, depth + 1),
  ]);
  return Object.fromEntries(entries) as unknown;
}

function applicationProperties(
  properties: Readonly<Record<string, unknown>> | null | undefined,
): Readonly<Record<string, PropertyValue>> {
  const result = Object.create(null) as Record<string, PropertyValue>;
  if (properties === null || properties === undefined) return result;
  for (const name of Object.keys(properties)) result[name] = property(properties[name]);
  return result;
}

function property(value: unknown): PropertyValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value;
  return text(value) ?? null;
}

/** A value's string form: message ids, for one, may be strings, numbers, UUIDs or bytes. */
function text(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value);
    case 'object':
      if (value === null) return undefined;
      if (Buffer.isBuffer(value)) return isUuid(value) ? uuid(value) : value.toString('utf8');
      if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
      return JSON.stringify(plain(value));
    case 'function':
    case 'symbol':
    case 'undefined':
      return undefined;
  }
}

/** AMQP's type code of a UUID. The library marks the bytes with the code under a symbol that it does not export. */
const uuidCode = 0x98;

function isUuid(bytes: Buffer): boolean {
  const marked: object = bytes;
  return (
    bytes.length === 16 &&
    Object.getOwnPropertySymbols(marked).some((mark) => Reflect.get(marked, mark) === uuidCode)
  );
}

function uuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, '$1-$2-$3-$4-$5');
}
