/**
 * What is used of `@sap/xb-msg-amqp-v100` 0.9.58, which ships no types; read from its source. Names with an underscore are the
 * library's own affair: they are optional here, every use has a fallback, and the tests on an
 * idle connection and on detached links tell when one is gone.
 */
declare module '@sap/xb-msg-amqp-v100' {
  import type { EventEmitter } from 'node:events';

  /** Not the library's `ClientOptions` in full: what `endpoint.ts` gives. The library changes the object it is given. */
  export interface ClientOptions {
    net?: Record<string, unknown>;
    tls?: Record<string, unknown>;
    ws?: Record<string, unknown>;
    wss?: Record<string, unknown>;
    sasl?: { mechanism?: string; user?: string; password?: string };
    amqp: {
      containerID: string;
      maxMessageSize: number;
      incomingSessionWindow: number;
      outgoingSessionWindow: number;
      minReceiverLinkCredit: number;
      idleTimeoutMilliseconds: number;
      idleTimeoutTryKeepAlive: boolean;
      /** Called with the peer's Open; the result is the library's own idle timer, 0 for none. */
      adjustSelfIdleTimeout: () => number;
    };
    tune: { decodeUnsafeIntegers: boolean; ostreamHighWaterBytes: number; socketNoDelay: boolean };
  }

  /** An error told by the peer. `message` is the description with the condition appended in brackets. */
  export class AmqpError extends Error {
    readonly condition: string;
    readonly description: string;
  }

  /** Values with an explicit AMQP type: a bare string in application properties would go out as an ASCII symbol. */
  export const Factory: {
    String(value: string): unknown;
    Int(value: number): unknown;
  };

  export interface Endpoint extends EventEmitter {
    active(): boolean;
    destroyed(): boolean;
    destroy(): void;
  }

  /** Events: `opened`; `closed` (own error, peer's error) only where the peer gave an error; `flow`. */
  export interface Session extends Endpoint {
    begin(): void;
  }

  /** Events: `opened`, `closed` (own error, peer's error). */
  export interface Sender extends Endpoint {
    attach(options: string | LinkOptions, session: string): OutgoingStream;
  }

  /** Events: `opened`, `closed` (own error, peer's error). */
  export interface Receiver extends Endpoint {
    attach(options: string | LinkOptions, session: string, maxCredit: number): IncomingStream;
  }

  export interface LinkOptions {
    readonly source?: { readonly address?: string };
    readonly target?: { readonly address?: string };
  }

  /** Events: `subscribed`, `data` (IncomingMessage), `error`. Never destroy it: that rejects what is unsettled. */
  export interface IncomingStream extends EventEmitter {
    /** Grants exactly this credit from now on. */
    flow(credit: number): void;
    credit(): number;
    /** Deliveries that the library answers with `rejected` when the stream ends, whoever ended it. */
    readonly _inTransit?: Set<unknown>;
    _destroy?: (this: IncomingStream, error: unknown, callback: unknown) => void;
  }

  /** Events: `ready` (first credit), `drain`, `error`. */
  export interface OutgoingStream extends EventEmitter {
    readonly destroyed: boolean;
    write(message: OutgoingTransfer): boolean;
    credit(): number;
  }

  /** A property the message did not carry is null. */
  export interface IncomingMessage {
    readonly source: {
      readonly header?: { readonly deliveryCount?: number | null } | null;
      readonly properties?: {
        readonly messageID?: unknown;
        readonly correlationID?: unknown;
        readonly subject?: unknown;
        readonly contentType?: unknown;
      } | null;
    } | null;
    readonly payload: {
      readonly chunks?: readonly Buffer[] | null;
      /** `amqp-1.0` where the body is an AMQP value or sequence, then held by `data`. */
      readonly type?: string | null;
      readonly data?: unknown;
      readonly properties?: Readonly<Record<string, unknown>> | null;
      /** Not the library's: set by `undecodable.ts`. */
      readonly undecodable?: string;
    } | null;
    /** Accepted. A second call of either throws. */
    done(): void;
    /** With an error: rejected; without: released. */
    failed(error?: Error): void;
  }

  export interface OutgoingTransfer {
    readonly payload: { chunks: Buffer[]; type: string; properties: Record<string, unknown> };
    readonly target: {
      header: { durable: boolean };
      properties: { contentType: string; messageID?: string; correlationID?: string; to?: string };
    };
    done(): void;
    /** The peer's error where it rejected; null where it released or modified, or where the link ended. */
    failed(error: (Error & { readonly condition?: string; readonly description?: string }) | null): void;
  }

  /** Reads what the peer sends, frame by frame. */
  export interface Decoder {
    /** Makes the frame of an AMQP descriptor, still empty. */
    _frameBuilder?: (descriptor: unknown) => { message?: Decoding | null };
    /** Of the current frame. */
    readonly bytesExpected: number;
    readonly bytesConsumed: number;
    /** The rest of the current frame. */
    readDataBlobArray(into: null): Buffer[];
    /** Where it is in what was received: the chunk that is read, those before it in the frame, those after it. */
    readonly inputAvailable: number;
    readonly _chunkAvailable: number;
    readonly _chunkConsumed: number;
    readonly _chunkOffset: number;
    readonly _chunkReading: Buffer | null;
    readonly _chunkHistory: Buffer[];
    _inputQueue: Buffer[];
  }

  /** A message being read. */
  export interface Decoding {
    header: unknown;
    properties: unknown;
    payload: { readonly chunks: Buffer[]; readonly undecodable: string } | null;
    decodeData(decoder: Decoder): boolean;
  }

  /** Events: `connected` (destination, peer), `disconnected` (had error, by server), `error`, `assert`. */
  export class Client extends EventEmitter {
    constructor(options: ClientOptions);
    connect(): void;
    disconnect(): void;
    session(id: string): Session;
    sender(name: string): Sender;
    receiver(name: string): Receiver;
    statistics(): { readonly inboundBytes: number } | null;
    /** `wsPing`: WebSocket transports only. */
    readonly _connection?: {
      wsPing?(payload?: Buffer): void;
      readonly istream?: { readonly decoder?: Decoder };
    } | null;
    /** `_onIdleTimeoutKeepAlive` writes an empty AMQP frame. */
    readonly _container?: { readonly state?: { _onIdleTimeoutKeepAlive?(timeout: number): number } | null };
  }
}
