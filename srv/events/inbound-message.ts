import type { KeyType } from './assignment-key.ts';

/** A received message as far as this folder looks at it; the mesh's messages have this shape. */
export interface InboundMessage {
  readonly body: Buffer;
  readonly contentType?: string;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly subject?: string;
  /** Application properties. */
  readonly properties: Readonly<Record<string, string | number | boolean | Date | null>>;
}

/** What the reader has to know besides the message. */
export interface InboundContext {
  /** What the ids of assignments have to be; default: any text. */
  readonly keyType?: KeyType;
  /** The queue it came from: the `source` of what names none. */
  readonly queue: string;
  /** The one event type that is read, for example `cx.territory.assignments.changed.v1`. */
  readonly eventType: string;
}
