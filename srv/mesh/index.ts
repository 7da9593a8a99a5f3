/** The mesh over AMQP 1.0: puts connection, subscriptions and publisher together. */
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { BackoffLimits } from './backoff.ts';
import { Connection } from './connection.ts';
import { clientOptions, type MeshEndpoint } from './endpoint.ts';
import type { Mesh } from './port.ts';
import { Publisher } from './publisher.ts';
import { QueueSubscription } from './subscription.ts';

export { DIALECTS, type Dialect } from './dialects.ts';
export { MeshEndpointError, type MeshEndpoint, type OAuthClient } from './endpoint.ts';
export { unsettledLimit } from './unsettled-limit.ts';

/** Times and limits; the defaults are meant for production, tests shorten them. */
export interface MeshOptions {
  /** One attempt to connect: token, upgrade and handshake together. */
  readonly connectTimeoutMs: number;
  /** For the broker's answer to Close. */
  readonly closeTimeoutMs: number;
  /** For pending publishes at stop. */
  readonly drainTimeoutMs: number;
  /** For pending publishes and unsettled deliveries, when a connection is renewed. */
  readonly renewDrainTimeoutMs: number;
  /** How long before its end a token is renewed; by chance up to twice as long. */
  readonly renewBeforeMs: number;
  /** For the broker's answer to the attach of a link. */
  readonly attachTimeoutMs: number;
  /** Open, or attached, for this long: earlier failures no longer count. */
  readonly stableMs: number;
  readonly backoff: BackoffLimits;
  /** Least wait where the mesh is overloaded or takes no more connections. */
  readonly longWaitMs: number;
  /** How often the peer's liveness is looked at and a sign of life is sent. */
  readonly lookEveryMs: number;
  /** Quiet for this long: the peer is asked for a sign of life. */
  readonly askAfterMs: number;
  /** Quiet for this long, although asked: the connection is given up. */
  readonly silentAfterMs: number;
  /** From `publish` to its answer. */
  readonly publishTimeoutMs: number;
  /** Messages sent and not confirmed. */
  readonly maxInFlight: number;
  /** Messages waiting to be sent; beyond them `publish` answers `unconfirmed` at once. */
  readonly maxBuffered: number;
  /** Links for publishing, where each target needs its own. */
  readonly maxRoutes: number;
}

export const meshDefaults: MeshOptions = {
  connectTimeoutMs: 30_000,
  closeTimeoutMs: 2_000,
  drainTimeoutMs: 10_000,
  renewDrainTimeoutMs: 2_000,
  renewBeforeMs: 300_000,
  attachTimeoutMs: 30_000,
  stableMs: 60_000,
  backoff: { firstMs: 1_000, maxMs: 30_000 },
  longWaitMs: 15_000,
  lookEveryMs: 2_500,
  askAfterMs: 5_000,
  silentAfterMs: 60_000,
  publishTimeoutMs: 15_000,
  maxInFlight: 200,
  maxBuffered: 1_000,
  maxRoutes: 32,
};

export interface MeshParts {
  readonly endpoint: MeshEndpoint;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly options?: Partial<MeshOptions>;
}

/**
 * A mesh that is not started yet.
 * @throws {MeshEndpointError} where the endpoint cannot be used
 */
export function createMesh(parts: MeshParts): Mesh {
  const { endpoint, clock, random, log } = parts;
  const options: MeshOptions = { ...meshDefaults, ...parts.options };
  // Only to find out now whether the endpoint is usable: each client gets options of its own.
  clientOptions(endpoint, {
    containerId: '',
    windows: 0,
    signal: new AbortController().signal,
  });
  const { dialect } = endpoint;
  const connection = new Connection({ endpoint, clock, random, log, limits: options, liveness: options });
  const publisher = new Publisher({ dialect, clock, random, log, limits: options });
  connection.house(publisher, 0);
  return {
    start: () => connection.start(),
    subscribe(subscription, handler) {
      const tenant = new QueueSubscription(subscription, handler, {
        ...options,
        dialect,
        clock,
        random,
        log,
        restart: (reason) => connection.restart(reason),
        exchange: () => connection.exchange(),
      });
      connection.house(tenant, subscription.window);
      return tenant;
    },
    publish: (message) => publisher.publish(message),
    status: () => connection.status(),
    onStateChange: (listener) => connection.onStateChange(listener),
    stop: () => connection.stop(),
  };
}
