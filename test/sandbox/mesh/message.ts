/**
 * Messages as bytes. The broker keeps what a publisher sent byte for byte (types of application properties
 * included) and replaces only the header section, which AMQP 1.0 (part 3, 3.2) lets an intermediary change.
 */
import rhea from 'rhea';
import { readerOf, type WireValue } from './rhea-internals.ts';

/** Values of application properties that tests may send. */
export type PropertyValue = string | number | boolean | Date | null;

/** A message to put into the mesh from inside the process. */
export interface NewMessage {
  /** Sent as one data section. */
  readonly body: Buffer | string;
  readonly contentType?: string;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly subject?: string;
  /** Application properties. */
  readonly properties?: Readonly<Record<string, PropertyValue>>;
  readonly headers?: MessageHeaders;
}

/** Bytes put into the mesh as they are, to see what a receiver does with what it cannot read. */
export interface RawMessage {
  readonly raw: Buffer;
}

export interface MessageHeaders {
  readonly durable?: boolean;
  readonly priority?: number;
  /** Milliseconds the message may live; the queue's own limit holds as well. */
  readonly ttlMs?: number;
}

/** A message as the broker keeps it. */
export interface WireMessage {
  readonly headers: MessageHeaders;
  /** Every section after header and delivery annotations, as received. */
  readonly bare: Buffer;
}

/** A message for a test to look at. */
export interface ReadMessage {
  readonly body: Buffer;
  readonly contentType: string | undefined;
  readonly messageId: string | undefined;
  readonly correlationId: string | undefined;
  readonly subject: string | undefined;
  readonly to: string | undefined;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Encodes a message made in this process; `to` is the address that its receiver sees. */
export function encodeMessage(message: NewMessage | RawMessage, to: string): WireMessage {
  if ('raw' in message) return { headers: {}, bare: message.raw };
  const body = typeof message.body === 'string' ? Buffer.from(message.body) : message.body;
  const bytes = rhea.message.encode({
    to,
    body: rhea.message.data_section(body),
    ...(message.contentType !== undefined && { content_type: message.contentType }),
    ...(message.messageId !== undefined && { message_id: message.messageId }),
    ...(message.correlationId !== undefined && { correlation_id: message.correlationId }),
    ...(message.subject !== undefined && { subject: message.subject }),
    ...(message.properties && { application_properties: message.properties }),
  });
  return { headers: message.headers ?? {}, bare: splitMessage(bytes).bare };
}

const HEADER = 0x70;
const DELIVERY_ANNOTATIONS = 0x71;

/** Takes a received message apart. The result shares no memory with `bytes`. */
export function splitMessage(bytes: Buffer): WireMessage {
  const reader = readerOf(bytes);
  let headers: MessageHeaders = {};
  let start = 0;
  while (reader.remaining() > 0) {
    const section = reader.read();
    const code = Number(section.descriptor?.value);
    if (code === HEADER) headers = readHeader(section);
    else if (code !== DELIVERY_ANNOTATIONS) break;
    start = reader.position;
  }
  return { headers, bare: Buffer.from(bytes.subarray(start)) };
}

function readHeader(section: WireValue): MessageHeaders {
  const fields = section.value as readonly (WireValue | undefined)[];
  const [durable, priority, ttl] = fields.map((field) => field?.value);
  return {
    durable: durable === true,
    ...(typeof priority === 'number' && { priority }),
    ...(typeof ttl === 'number' && { ttlMs: ttl }),
  };
}

/** What goes over the wire for one delivery: a fresh header that says how often it was tried, then the message. */
export function deliveryBytes(
  message: WireMessage,
  deliveryCount: number,
  attempt: 'first' | 'again',
): Buffer {
  const { durable, priority, ttlMs } = message.headers;
  const fields = [
    Buffer.of(durable ? 0x41 : 0x42),
    Buffer.of(0x50, priority ?? 4),
    ttlMs === undefined ? Buffer.of(0x40) : uint(ttlMs),
    Buffer.of(attempt === 'first' ? 0x41 : 0x42),
    uint(deliveryCount),
  ];
  const size = fields.reduce((sum, field) => sum + field.length, 1);
  return Buffer.concat([Buffer.of(0x00, 0x53, HEADER, 0xc0, size, fields.length), ...fields, message.bare]);
}

function uint(value: number): Buffer {
  const bytes = Buffer.alloc(5, 0x70);
  bytes.writeUInt32BE(Math.min(value, 0xff_ff_ff_ff), 1);
  return bytes;
}

interface BodySection {
  readonly typecode?: number;
  readonly content?: unknown;
  readonly multiple?: boolean;
}

/** Decodes a kept message; throws where its bytes are no AMQP message. */
export function readMessage(message: WireMessage): ReadMessage {
  const decoded = rhea.message.decode(message.bare);
  return {
    body: bodyBytes(decoded['body']),
    contentType: text(decoded['content_type']),
    messageId: text(decoded['message_id']),
    correlationId: text(decoded['correlation_id']),
    subject: text(decoded['subject']),
    to: text(decoded['to']),
    properties: (decoded['application_properties'] ?? {}) as Record<string, unknown>,
  };
}

function bodyBytes(body: unknown): Buffer {
  if (body === undefined || body === null) return Buffer.alloc(0);
  const { typecode, content, multiple } = body as BodySection;
  if (typecode !== 0x75) return Buffer.from(JSON.stringify(body));
  return multiple ? Buffer.concat(content as Buffer[]) : (content as Buffer);
}

/** Ids may also be numbers or UUIDs on the wire; here everything is text. */
function text(value: string | number | Buffer | null | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return Buffer.isBuffer(value) ? value.toString('hex') : String(value);
}
