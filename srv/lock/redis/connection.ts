/**
 * The connection to Redis, over ioredis, which reconnects by itself. Nothing waits in it: without a connection a call fails at
 * once, and what was under way when one broke is not sent again, since the answer would come too late to act on.
 */
import { isIP } from 'node:net';
import { Cluster, Redis, type ClusterOptions, type CommonRedisOptions } from 'ioredis';
import type { Random } from '../../platform/random.ts';
import type { RedisEndpoint, RedisTls } from './settings.ts';

/** One lock as a script sees it. */
export interface ScriptLock {
  readonly key: string;
  /** The value that is ours, and its fence. */
  readonly args: readonly string[];
}

export interface RedisConnection {
  /**
   * Runs a script for these locks in one round trip; one number for each of them, in their order.
   * @param common what goes before the locks' own arguments
   */
  run(
    script: string,
    common: readonly string[],
    locks: readonly ScriptLock[],
  ): Promise<readonly (number | undefined)[]>;
  /** Begins to connect, and goes on trying until closed. */
  open(): void;
  close(): void;
}

export interface ConnectionOptions {
  readonly endpoint: RedisEndpoint;
  readonly random: Pick<Random, 'fraction'>;
  readonly onReady: () => void;
  /** @param error may hold keys and more; only its code and message are fit for a log */
  readonly onTrouble: (error: Error) => void;
  readonly onClosed: () => void;
}

const CONNECT_TIMEOUT_MS = 5000;
/** A round trip takes a few milliseconds at most; by then the answer is not worth waiting for. */
const COMMAND_TIMEOUT_MS = 2000;
/** A connection that is silent for so long after a command is broken, and made anew. */
const SILENCE_MS = 4000;
const RECONNECT_STEP_MS = 100;
const RECONNECT_MAX_MS = 2000;
/** Share of the wait that chance may add, so that instances do not come back together. */
const JITTER = 0.25;

export function openConnection(options: ConnectionOptions): RedisConnection {
  return options.endpoint.mode === 'cluster' ? clusterConnection(options) : singleConnection(options);
}

function singleConnection(options: ConnectionOptions): RedisConnection {
  const { host, port, database } = options.endpoint;
  const redis = new Redis({
    ...commonOptions(options.endpoint),
    host,
    port,
    db: database,
    lazyConnect: true,
    enableOfflineQueue: false,
    retryStrategy: reconnectDelay(options.random),
  });
  listen(redis, options);
  return {
    run: (script, common, locks) => evaluate(redis, script, common, locks),
    // What fails shows as an event, and is tried again.
    open: () => void redis.connect().catch(() => undefined),
    close: () => redis.disconnect(),
  };
}

/**
 * The keys stay as they are, so they lie in different slots, and a script takes keys of one slot only: one call for each lock.
 * All are written before any answer is awaited, so they still cost one round trip of each node, at the same time.
 */
function clusterConnection(options: ConnectionOptions): RedisConnection {
  const { host, port } = options.endpoint;
  const cluster = new Cluster([{ host, port }], {
    redisOptions: commonOptions(options.endpoint),
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: reconnectDelay(options.random),
  } satisfies ClusterOptions);
  listen(cluster, options);
  return {
    async run(script, common, locks) {
      const calls = await Promise.allSettled(locks.map((lock) => evaluate(cluster, script, common, [lock])));
      return calls.map((call) => {
        if (call.status === 'rejected') throw call.reason;
        return call.value[0];
      });
    },
    open: () => void cluster.connect().catch(() => undefined),
    close: () => cluster.disconnect(),
  };
}

function listen(client: Redis | Cluster, { onReady, onTrouble, onClosed }: ConnectionOptions): void {
  client.on('ready', onReady);
  client.on('error', onTrouble);
  client.on('close', onClosed);
}

async function evaluate(
  client: Redis | Cluster,
  script: string,
  common: readonly string[],
  locks: readonly ScriptLock[],
): Promise<readonly (number | undefined)[]> {
  const keys = locks.map(({ key }) => key);
  const answer = await client.eval(
    script,
    keys.length,
    ...keys,
    ...common,
    ...locks.flatMap(({ args }) => args),
  );
  return answer as readonly (number | undefined)[];
}

function commonOptions({ username, password, tls }: RedisEndpoint): CommonRedisOptions & { tls?: object } {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: tlsOptions(tls) }),
    connectionName: 'territory-sync',
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SILENCE_MS,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // After a failover the connection may lead to a server that only reads.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  };
}

/** Nodes of a cluster are reached by addresses that the cluster tells, with certificates for the name that the binding tells. */
function tlsOptions({ ca, cert, key, name }: RedisTls): object {
  return {
    ca,
    cert,
    key,
    ...(name === undefined && { checkServerIdentity: () => undefined }),
    ...(name !== undefined && !isIP(name) && { servername: name }),
  };
}

function reconnectDelay({ fraction }: Pick<Random, 'fraction'>): (attempt: number) => number {
  return (attempt) =>
    Math.ceil(Math.min(attempt * RECONNECT_STEP_MS, RECONNECT_MAX_MS) * (1 + JITTER * fraction()));
}
