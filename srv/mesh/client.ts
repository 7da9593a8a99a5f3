/**
 * One client object of the library, from creation to disposal: used for a single connection, because a client that is used again
 * sends what its predecessor left pending and hands out what the predecessor had buffered.
 */
import { Client, type Receiver, type Sender, type Session } from '@sap/xb-msg-amqp-v100';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { fetchToken, TokenError, type AccessToken } from './access-token.ts';
import { contained } from './containment.ts';
import { clientOptions, type MeshEndpoint } from './endpoint.ts';
import { problem, readProblem, type ConnectionProblem } from './problem.ts';
import { keepUndecodable, libraryFault } from './undecodable.ts';

export interface ClientEvents {
  /** `token`: what the connection lives on, where it needs one. */
  opened(token: AccessToken | undefined): void;
  /** At most once; never after `abandon`. */
  lost(problem: ConnectionProblem): void;
}

export interface MeshClientOptions {
  readonly endpoint: MeshEndpoint;
  readonly containerId: string;
  readonly windows: number;
  readonly tokenTimeoutMs: number;
  /** Used instead of asking for one. */
  readonly token?: AccessToken;
  readonly clock: Clock;
  readonly log: Log;
}

export class MeshClient {
  readonly #options: MeshClientOptions;
  readonly #abort = new AbortController();
  readonly #events: ClientEvents;
  readonly #log: Log;
  /** Undefined while a token is fetched. */
  #client: Client | undefined;
  #token: AccessToken | undefined;
  #cause: ConnectionProblem | undefined;
  #ended = false;
  #probes = 0;
  #probing = false;
  #lastProbe: Session | undefined;

  constructor(options: MeshClientOptions, events: ClientEvents) {
    this.#options = options;
    this.#token = options.token;
    this.#events = events;
    this.#log = options.log;
  }

  /** Once. Fetches a token where one is needed and none was given. */
  connect(): void {
    const { endpoint, clock, tokenTimeoutMs: timeoutMs } = this.#options;
    const { signal } = this.#abort;
    if (endpoint.kind === 'amqp' || this.#token !== undefined) return this.#connect();
    const { ca } = endpoint;
    fetchToken(endpoint.oauth, { clock, timeoutMs, signal, ...(ca !== undefined && { ca }) }).then(
      (token) => {
        if (this.#ended) return;
        this.#token = token;
        this.#connect();
      },
      (error: unknown) => this.#fail(error instanceof TokenError ? error.problem : readProblem(error)),
    );
  }

  /** Orderly end: Close goes out behind everything already sent, unsettled deliveries go back to the queue; `lost` follows. */
  close(): void {
    try {
      this.#client?.disconnect();
    } catch (error) {
      queueMicrotask(() => this.#fail(readProblem(error)));
    }
  }

  /** Immediate end at whatever stage, a hung upgrade or handshake included: sockets are destroyed, nobody is told. */
  abandon(): void {
    this.#ended = true;
    this.#client?.removeAllListeners();
    // What the sockets say to their destruction has no other listener, and an 'error' without one ends the process.
    this.#client?.on('error', () => undefined);
    this.#abort.abort();
  }

  session(id: string): Session {
    return this.#connected().session(id);
  }

  sender(name: string): Sender {
    return this.#connected().sender(name);
  }

  receiver(name: string): Receiver {
    return this.#connected().receiver(name);
  }

  /** Bytes received from the peer, undefined while not connected. */
  receivedBytes(): number | undefined {
    return this.#client?.statistics()?.inboundBytes;
  }

  /** Sends an empty frame, so that a peer with an idle time-out keeps the connection. */
  keepAlive(): void {
    const state = this.#client?._container?.state;
    if (state?._onIdleTimeoutKeepAlive === undefined) this.#beginAndEnd();
    else state._onIdleTimeoutKeepAlive(0);
  }

  /** Makes the peer send something: a WebSocket ping must be answered, and elsewhere the beginning of a session. */
  ask(): void {
    const connection = this.#client?._connection;
    if (typeof connection?.wsPing === 'function') connection.wsPing();
    else this.#beginAndEnd();
  }

  /**
   * Resolves when the broker has worked off all that was sent before: it answers the beginning of a session, and answers in order.
   * Rejects where the broker allows no further session; never settles if the connection ends.
   */
  roundTrip(): Promise<void> {
    return new Promise((resolve) => {
      const session = this.session(`probe-${++this.#probes}`);
      const done = contained(this.#log, 'The probe of the mesh', () => {
        if (session === this.#lastProbe) return;
        // The session stays until the next probe: the library uses its channel again at once, and RabbitMQ may begin the new
        // session before it has confirmed the end of the old one.
        if (this.#lastProbe?.destroyed() === false) this.#lastProbe.destroy();
        this.#lastProbe = session;
        resolve();
      });
      session.on('opened', done);
      session.on('closed', done);
      session.begin();
    });
  }

  #connect(): void {
    try {
      this.#client = this.#library();
      this.#client.connect();
    } catch (error) {
      queueMicrotask(() => this.#fail(readProblem(error)));
    }
  }

  /** The library's client, with all that is listened to. */
  #library(): Client {
    const { endpoint, containerId, windows, log } = this.#options;
    const authorization = this.#token?.authorization;
    const tuning = { containerId, windows, signal: this.#abort.signal };
    const client = new Client(
      clientOptions(endpoint, authorization === undefined ? tuning : { ...tuning, authorization }),
    );
    const listen = (name: string, action: (...args: unknown[]) => void): void => {
      client.on(name, contained(log, `The mesh client's '${name}' handler`, action));
    };
    listen('connected', () => {
      if (this.#ended) return;
      keepUndecodable(client._connection?.istream?.decoder);
      this.#events.opened(this.#token);
    });
    // An error never ends anything by itself: 'disconnected' follows where it does. The first one names the cause.
    listen('error', (error) => {
      this.#cause ??= readProblem(error);
      log.debug('The mesh client reports an error', { reason: this.#cause.message });
    });
    listen('assert', (error) => {
      this.#cause ??= protocolProblem(error);
    });
    listen('disconnected', () => this.#lost());
    return client;
  }

  #connected(): Client {
    if (this.#client === undefined) throw new Error('the mesh is not connected');
    return this.#client;
  }

  #beginAndEnd(): void {
    if (this.#probing) return;
    this.#probing = true;
    const over = (): void => {
      this.#probing = false;
    };
    void this.roundTrip().then(over, over);
  }

  #fail(cause: ConnectionProblem): void {
    this.#cause ??= cause;
    this.#lost();
  }

  #lost(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.lost(this.#cause ?? readProblem(undefined));
  }
}

/** What the peer sent cannot be read, or is not what the protocol has next. */
function protocolProblem(error: unknown): ConnectionProblem {
  const fault = libraryFault(error);
  return fault.startsWith('error 1')
    ? problem(
        'MESH_UNREADABLE_FRAME',
        `A frame of the mesh cannot be read (${fault}), which ends the connection`,
      )
    : problem('MESH_PROTOCOL_BROKEN', `The mesh does not keep to AMQP (${fault}), which ends the connection`);
}
