/**
 * Where the mesh is and who we are there, and the same in the library's words. The options are made anew for every client: the
 * library writes into them. Sockets are made here, not by the library, because it has no way to give up a connection attempt.
 */
import net from 'node:net';
import tls from 'node:tls';
import type { ClientOptions } from '@sap/xb-msg-amqp-v100';
import type { Dialect } from './dialects.ts';

/** OAuth 2.0 client credentials: a secret, or a certificate with its key (PEM). */
export interface OAuthClient {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** A broker to connect to. Holds secrets: never to be logged. */
export type MeshEndpoint =
  | {
      readonly kind: 'websocket';
      /** `wss://…/protocols/amqp10ws`, or `ws://` for local brokers. */
      readonly uri: string;
      readonly oauth: OAuthClient;
      readonly dialect: Dialect;
      /** PEM of an authority to trust besides the well-known ones. */
      readonly ca?: string;
    }
  | {
      readonly kind: 'amqp';
      /** `amqp://host:5672` or `amqps://host:5671`; user and password in it are not read. */
      readonly uri: string;
      readonly user: string;
      readonly password: string;
      readonly dialect: Dialect;
      readonly ca?: string;
    };

/** The management API of a broker, with the credentials it takes. Holds secrets: never to be logged. */
export type MeshManagement =
  /** `uri`: the hub's address of the standalone service; of Integration Suite the base of the API. */
  | { readonly kind: 'event-mesh'; readonly uri: string; readonly oauth: OAuthClient }
  /** RabbitMQ's HTTP API: the user and password of the endpoint, unless the URI has its own. */
  | { readonly kind: 'rabbitmq'; readonly uri: string };

/** The endpoint cannot be used as given. */
export class MeshEndpointError extends Error {
  override readonly name = 'MeshEndpointError';
  readonly code = 'MESH_ENDPOINT_INVALID';
}

export interface ClientTuning {
  /** Unique per connection: brokers tell connections apart by it. */
  readonly containerId: string;
  /** All subscriptions' windows together. */
  readonly windows: number;
  /** Aborting it destroys the client's sockets, at whatever stage. */
  readonly signal: AbortSignal;
  /** Header of the WebSocket upgrade. */
  readonly authorization?: string;
}

/** Above what brokers accept (Event Mesh 30 MB, RabbitMQ at most 512 MB but 128 MB as delivered): a larger one would end every connection. */
const maxMessageBytes = 256 * 1024 * 1024;

/** Dispositions that wait in a full output buffer are lost when the library sends Close, so the buffer is made large. */
const outputBufferBytes = 4 * 1024 * 1024;

/**
 * Fresh options for one client.
 * @throws {MeshEndpointError} where the URI or the credentials are not usable
 */
export function clientOptions(endpoint: MeshEndpoint, tuning: ClientTuning): ClientOptions {
  const sessionWindow = Math.max(2048, 4 * tuning.windows);
  const protocol: Pick<ClientOptions, 'amqp' | 'tune'> = {
    amqp: {
      containerID: tuning.containerId,
      maxMessageSize: maxMessageBytes,
      // Credit bounds what is received. The session's window only has to be out of its way, frames of large messages included.
      incomingSessionWindow: sessionWindow,
      outgoingSessionWindow: sessionWindow,
      // −1 stops the library from topping up credit by itself, whatever is unsettled.
      minReceiverLinkCredit: -1,
      // With "try keep alive" the library would not announce an idle time-out, and so the peer would send no heartbeats.
      idleTimeoutTryKeepAlive: false,
      idleTimeoutMilliseconds: announcedIdleMs(endpoint.dialect),
      // Its own idle timer is off: it restarts on incoming bytes too, so a talkative peer never got a sign of life from us.
      adjustSelfIdleTimeout: () => 0,
    },
    tune: {
      // Else one 64-bit property above 2^53 ends the connection, and again at each redelivery.
      decodeUnsafeIntegers: true,
      ostreamHighWaterBytes: outputBufferBytes,
      // Frames are gathered per turn already; waiting for acknowledgements of the last packet made 10 messages take 90 ms.
      socketNoDelay: true,
    },
  };
  return endpoint.kind === 'websocket'
    ? { ...protocol, ...webSocketOptions(endpoint, tuning) }
    : { ...protocol, ...socketOptions(endpoint, tuning) };
}

/** Peers send something at least every half of it. Service Bus wants two minutes or more. */
function announcedIdleMs(dialect: Dialect): number {
  return dialect === 'service-bus' ? 120_000 : 30_000;
}

type OfKind<K> = Extract<MeshEndpoint, { kind: K }>;

function webSocketOptions(endpoint: OfKind<'websocket'>, tuning: ClientTuning): Partial<ClientOptions> {
  const url = readUrl(endpoint.uri, ['wss:', 'ws:']);
  const { oauth } = endpoint;
  readUrl(oauth.tokenUrl, ['https:', 'http:']);
  const certificate =
    oauth.certificate !== undefined && oauth.key !== undefined
      ? { cert: oauth.certificate, key: oauth.key }
      : undefined;
  if (certificate === undefined && (oauth.clientSecret ?? '') === '') {
    throw new MeshEndpointError(
      'The mesh binding holds neither a client secret nor a certificate with its key: bind the service again',
    );
  }
  const trust = endpoint.ca === undefined ? {} : { ca: [...tls.rootCertificates, endpoint.ca] };
  const secure = url.protocol === 'wss:';
  const host = hostOf(url);
  const target = { host, port: portOf(url, secure ? 443 : 80) };
  const tlsOptions: tls.ConnectionOptions = {
    ...target,
    ...trust,
    ...certificate,
    servername: serverName(host),
    ALPNProtocols: ['http/1.1'],
  };
  const request = {
    ...target,
    path: url.pathname + url.search,
    headers: tuning.authorization === undefined ? {} : { Authorization: tuning.authorization },
    createConnection: () => {
      const socket = secure ? tls.connect(tlsOptions) : net.connect(target);
      // Ended without an error: of the request, which is the library's, a second error would find no listener and end the process.
      tuning.signal.addEventListener('abort', () => socket.destroy(), { once: true });
      return socket;
    },
  };
  return { [secure ? 'wss' : 'ws']: request };
}

function socketOptions(endpoint: OfKind<'amqp'>, tuning: ClientTuning): Partial<ClientOptions> {
  const url = readUrl(endpoint.uri, ['amqp:', 'amqps:']);
  const host = hostOf(url);
  const sasl = { mechanism: 'PLAIN', user: endpoint.user, password: endpoint.password };
  if (url.protocol === 'amqp:') {
    return { net: { host, port: portOf(url, 5672), signal: tuning.signal }, sasl };
  }
  const trust = endpoint.ca === undefined ? {} : { ca: [...tls.rootCertificates, endpoint.ca] };
  return {
    tls: { host, port: portOf(url, 5671), servername: serverName(host), signal: tuning.signal, ...trust },
    sasl,
  };
}

function readUrl(text: string, protocols: readonly string[]): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '' || !protocols.includes(url.protocol)) {
    const allowed = protocols.map((name) => `${name}//`).join(' or ');
    throw new MeshEndpointError(
      `A URL in the mesh binding is not usable: it must begin with ${allowed} and name a host`,
    );
  }
  return url;
}

/** Without the brackets of an IPv6 address. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/u, '$1');
}

function portOf(url: URL, usual: number): number {
  return url.port === '' ? usual : Number(url.port);
}

/** TLS names hosts, never addresses. */
function serverName(host: string): string {
  return net.isIP(host) === 0 ? host : '';
}
