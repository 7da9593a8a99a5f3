/** What a sandbox mesh can be started with. */
import type { DeliveryCount } from './consumer.ts';
import type { Oversize } from './publisher.ts';
import { meshClock, type MeshClock } from './time.ts';

/** Plain AMQP over TCP, beside the WebSocket and on the same queues. */
export interface TcpOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** For SASL PLAIN; default `guest`, `guest`. */
  readonly user?: string;
  readonly password?: string;
  /** Whether SASL ANONYMOUS, or no SASL at all, lets in; default `refused`. */
  readonly anonymous?: 'allowed' | 'refused';
  /** PEM texts; with them the port speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface SandboxMeshOptions {
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default `default/territory/sync`. */
  readonly namespace?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** How long a token is good, seconds; default 3600. */
  readonly tokenLifetimeS?: number;
  /** What becomes of a connection whose token expires; default `keep`. */
  readonly atTokenExpiry?: 'keep' | 'close';
  /** Real time per time of a message's life; 0.01: a TTL of 100 s is over after 1 s. Default 1. */
  readonly timeScale?: number;
  /** Topic patterns that clients may publish to, `${namespace}` standing for the namespace. Default: all. */
  readonly publishFilters?: readonly string[];
  /** Default 1 MiB, without header and delivery annotations. */
  readonly maxMessageSizeBytes?: number;
  /** Default `reject`. */
  readonly oversize?: Oversize;
  /** Default `reported`; Event Mesh does as with `hidden`. */
  readonly deliveryCount?: DeliveryCount;
  /** Idle-time-out announced to clients; a client silent for twice as long is disconnected. Default: none. */
  readonly idleTimeoutMs?: number;
  readonly tcp?: TcpOptions;
  readonly clock?: MeshClock;
}

export interface ResolvedOptions extends Required<Omit<SandboxMeshOptions, 'tcp' | 'idleTimeoutMs'>> {
  readonly tcp: (Required<Omit<TcpOptions, 'tls'>> & Pick<TcpOptions, 'tls'>) | undefined;
  readonly idleTimeoutMs: number | undefined;
}

export function resolveOptions(options: SandboxMeshOptions): ResolvedOptions {
  const namespace = options.namespace ?? 'default/territory/sync';
  return {
    port: 0,
    clientId: 'sb-sandbox-mesh!b1|xbem-service-broker-!b2',
    clientSecret: 'sandbox-secret+/=&%',
    tokenLifetimeS: 3_600,
    atTokenExpiry: 'keep',
    timeScale: 1,
    maxMessageSizeBytes: 1_048_576,
    oversize: 'reject',
    deliveryCount: 'reported',
    clock: meshClock,
    ...options,
    namespace,
    publishFilters: (options.publishFilters ?? ['*']).map((filter) =>
      filter.replace('${namespace}', namespace),
    ),
    idleTimeoutMs: options.idleTimeoutMs,
    tcp: options.tcp && { port: 0, user: 'guest', password: 'guest', anonymous: 'refused', ...options.tcp },
  };
}
