/** The mesh as the rest of the program sees it: messages in, confirmed messages out; no word of the AMQP library. */

/** Values that AMQP application properties can hold here; others arrive as their string form. */
export type PropertyValue = string | number | boolean | Date | null;

/** A received message; whatever was sent, these fields are safe to read. */
export interface MeshMessage {
  /** The bytes of all data sections; empty where the message had none. An AMQP value or sequence body is given as JSON text. */
  readonly body: Buffer;
  readonly contentType?: string;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly subject?: string;
  /** Application properties; made without a prototype. */
  readonly properties: Readonly<Record<string, PropertyValue>>;
  /** What the broker says of earlier deliveries; 0 where it says nothing. Never relied upon: Event Mesh does not keep it. */
  readonly deliveryCount: number;
  /**
   * Why the message could not be decoded as AMQP; `body` then holds its bytes without the sections that differ from delivery to
   * delivery (header, delivery annotations), every other field is empty. To be treated as any message that nobody can read.
   */
  readonly undecodable?: string;
}

/** What became of a settlement: `stale` means its connection is gone, so the broker will deliver the message again. */
export type Settlement = 'settled' | 'stale';

/** One delivery, to be settled exactly once; a second call of any of the three does nothing and answers `stale`. */
export interface Delivery {
  readonly message: MeshMessage;
  /** Number of the attachment it came on; grows with every attach, so a delivery of an older one is recognised. */
  readonly link: number;
  /** Done: the broker forgets the message. The service itself settles with this one only. */
  accept(): Settlement;
  /** Given back unharmed. */
  release(): Settlement;
  /** Refused; `reason` goes over the wire, so it holds no payload. */
  reject(reason: string): Settlement;
}

/** What a subscriber is told. Callbacks must not throw; the layer contains what they throw and reports it. */
export interface DeliveryHandler {
  /** The queue was attached; deliveries with this link number follow. */
  attached(link: number): void;
  delivery(delivery: Delivery): void;
  /** The link or its connection is gone: what it delivered and was not settled comes again. */
  lost(link: number): void;
  /**
   * The broker refused or ended the link while the connection lives (no such queue, no right, …); it is tried again with back-off.
   * One line for people; the next `attached` ends it.
   */
  unavailable?(reason: string): void;
}

export interface SubscriptionOptions {
  /** Queue's name, without a dialect's prefix. */
  readonly queue: string;
  /** At most this many deliveries unsettled at a time, 1–10 000. */
  readonly window: number;
  /**
   * And these of at most so many bytes (bodies and application properties) as long as no message is larger than 1 MiB; one that is
   * larger than the limit is received alone. No limit by default.
   */
  readonly windowBytes?: number;
  /** `long`: deliveries are kept unsettled without end, so an orderly reconnect does not wait for them. Default `briefly`. */
  readonly keeps?: 'briefly' | 'long';
}

export interface Subscription {
  /** Stops receiving by withholding credit: what is unsettled stays valid, what is in the air still arrives. */
  pause(): void;
  resume(): void;
  /** Gives up this attachment and takes a new one on a new connection: everything unsettled comes again, in order. */
  restart(reason: string): void;
  /**
   * Receives no more, for good, so that whoever stands by becomes the receiver at once: what is unsettled goes back to the queue.
   * Publishing goes on, after a moment on a new connection.
   */
  handOver(): void;
}

export interface OutgoingMessage {
  readonly to: { readonly kind: 'topic' | 'queue'; readonly name: string };
  readonly body: Buffer;
  readonly contentType: string;
  readonly messageId?: string;
  readonly correlationId?: string;
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
}

export type PublishResult =
  /** The broker has taken responsibility. */
  | { readonly kind: 'accepted' }
  /** The broker refuses this message for good (topic rule, size): sending it again will not help. */
  | { readonly kind: 'refused'; readonly condition: string; readonly reason: string }
  /** Not confirmed (no connection, time-out, released, modified): send it again; it may then arrive twice. */
  | { readonly kind: 'unconfirmed'; readonly reason: string };

/** `renewing`: an orderly reconnect with a new token, under a second; nothing is wrong. */
export type MeshState = 'idle' | 'connecting' | 'open' | 'renewing' | 'waiting' | 'stopping' | 'stopped';

export interface Mesh {
  /** Starts connecting; returns at once. */
  start(): void;
  /** Registers a queue to receive from, now and after every reconnect. To be called before `start`. */
  subscribe(options: SubscriptionOptions, handler: DeliveryHandler): Subscription;
  /** Sends one message and waits for the broker's word; never rejects. */
  publish(message: OutgoingMessage): Promise<PublishResult>;
  status(): MeshStatus;
  /** Tells of every change of `status().state` and of `status().unreadable`; returns the way to stop listening. */
  onStateChange(listener: (status: MeshStatus) => void): () => void;
  /**
   * Orderly end: no more credit, pending publishes get their answer or `unconfirmed`, Close is sent.
   * Nothing in flight is rejected; what is unsettled goes back to the queue.
   */
  stop(): Promise<void>;
}

export interface MeshStatus {
  readonly state: MeshState;
  /** Since when, epoch milliseconds. */
  readonly since: number;
  /** Why it is not open, one line without secrets. */
  readonly reason?: string;
  /** Monotonic milliseconds of the last byte received from the peer, undefined before the first. */
  readonly lastFrameAtMs?: number;
  /**
   * Something that comes from a queue cannot be read at all and ends the connection each time: a person has to look after it. There
   * from the first time on until a connection has lasted again.
   */
  readonly unreadable?: Unreadable;
}

export interface Unreadable {
  /** The queues that were being received from; it came from one of them. */
  readonly queues: readonly string[];
  /** First time, epoch milliseconds. */
  readonly since: number;
  readonly times: number;
  /** One line for people: what, where, what to do. */
  readonly message: string;
}
