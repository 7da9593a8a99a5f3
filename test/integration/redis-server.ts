/** Redis servers of the tests' own, which may be stopped, frozen and wiped: processes on free ports, without anything on disk. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { sleep, systemClock } from '../../srv/platform/clock.ts';
import { freePort } from './free-port.ts';
import type { Certified } from './own-authority.ts';

export interface OwnRedis {
  readonly port: number;
  /** As a user-provided service gives them. */
  readonly credentials: Readonly<Record<string, unknown>> & { readonly uri: string };
  /** A connection for looking around; closed with the server. */
  readonly client: Redis;
  /** Ends the process: nothing of it stays. */
  kill(): Promise<void>;
  /** As new, on the same port. */
  restart(): Promise<void>;
  /** It answers nobody, though its connections stay, until it is thawed. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export interface OwnRedisOptions {
  /** Lines of its configuration, besides the port. */
  readonly config?: readonly string[];
  readonly tls?: { readonly ca: string } & Certified;
  readonly password?: string;
}

const START_TIMEOUT_MS = 10_000;
const CLUSTER_NODES = 3;
const SLOTS = 16_384;

/** Why there is no Redis here, or undefined if there is one. */
export function whyNoRedis(): string | undefined {
  try {
    execFileSync('redis-server', ['--version']);
    return undefined;
  } catch (error) {
    return `no redis-server is installed (${String(error)})`;
  }
}

export async function startRedis(options: OwnRedisOptions = {}): Promise<OwnRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'territory-sync-redis-'));
  const port = await freePort();
  const client = new Redis({ ...clientOptions(port, options), lazyConnect: true });
  // What fails shows in the call that was under way.
  client.on('error', () => undefined);
  let server: ChildProcess | undefined;
  const start = async () => {
    server = spawn('redis-server', serverArguments(port, folder, options), { stdio: 'ignore' });
    await untilAnswers(client);
  };
  const kill = async () => {
    const running = server;
    server = undefined;
    if (!running || running.exitCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
  };
  await start();
  return {
    port,
    client,
    credentials: {
      uri: `${options.tls ? 'rediss' : 'redis'}://${options.password ? `:${options.password}@` : ''}127.0.0.1:${port}`,
      ...(options.tls && { ca: options.tls.ca }),
    },
    kill,
    restart: start,
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
    async stop() {
      client.disconnect();
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export interface OwnRedisCluster {
  readonly nodes: readonly OwnRedis[];
  readonly credentials: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** Three nodes, each with a third of the slots, without replicas. With `tls` the nodes talk among themselves by it, too. */
export async function startRedisCluster({
  tls,
}: Pick<OwnRedisOptions, 'tls'> = {}): Promise<OwnRedisCluster> {
  const config = ['cluster-enabled yes', 'cluster-node-timeout 2000', ...(tls ? ['tls-cluster yes'] : [])];
  const nodes: OwnRedis[] = [];
  // The bus of a node listens on another port; by default too far up for a free one.
  const busPorts: number[] = [];
  for (let index = 0; index < CLUSTER_NODES; index += 1) {
    const busPort = await freePort();
    busPorts.push(busPort);
    nodes.push(await startRedis({ config: [...config, `cluster-port ${busPort}`], ...(tls && { tls }) }));
  }
  const [first] = nodes;
  if (!first) throw new Error('a cluster has a node at least');
  for (const [index, { client }] of nodes.entries()) {
    const from = Math.ceil((index * SLOTS) / CLUSTER_NODES);
    const to = Math.ceil(((index + 1) * SLOTS) / CLUSTER_NODES) - 1;
    await client.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    // Each needs a number of its own; else the nodes take a second to agree on them.
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
  }
  for (const { client } of nodes.slice(1)) {
    await client.call('CLUSTER', 'MEET', '127.0.0.1', String(first.port), String(busPorts[0]));
  }
  for (const { client } of nodes) {
    await until(async () => {
      const info = String(await client.call('CLUSTER', 'INFO'));
      return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${CLUSTER_NODES}`);
    });
  }
  return {
    nodes,
    credentials: {
      hostname: '127.0.0.1',
      port: first.port,
      cluster_mode: true,
      ...(tls && { tls: true, ca: tls.ca }),
    },
    async stop() {
      for (const node of nodes) await node.stop();
    },
  };
}

function serverArguments(
  port: number,
  folder: string,
  { config = [], tls, password }: OwnRedisOptions,
): string[] {
  const lines = ['bind 127.0.0.1', `dir ${folder}`, 'save ""', 'appendonly no', ...config];
  if (password !== undefined) lines.push(`requirepass ${password}`);
  if (tls) {
    for (const name of ['ca', 'cert', 'key'] as const) writeFileSync(join(folder, `${name}.pem`), tls[name]);
    lines.push('port 0', `tls-port ${port}`, 'tls-auth-clients optional');
    lines.push(`tls-cert-file ${folder}/cert.pem`, `tls-key-file ${folder}/key.pem`);
    lines.push(`tls-ca-cert-file ${folder}/ca.pem`);
  } else {
    lines.push(`port ${port}`);
  }
  const file = join(folder, 'redis.conf');
  writeFileSync(file, lines.join('\n'));
  return [file];
}

function clientOptions(port: number, { tls, password }: OwnRedisOptions): RedisOptions {
  return {
    host: '127.0.0.1',
    port,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
    ...(password !== undefined && { password }),
    // Its certificate may be made for another host: that is what the tests look at.
    ...(tls && { tls: { ca: tls.ca, checkServerIdentity: () => undefined } }),
  };
}

async function untilAnswers(client: Redis): Promise<void> {
  if (client.status === 'wait') await client.connect().catch(() => undefined);
  await client.ping();
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const endsAtMs = systemClock.monotonicMs() + START_TIMEOUT_MS;
  while (!(await condition())) {
    if (systemClock.monotonicMs() > endsAtMs) throw new Error('the Redis cluster did not form in time');
    await sleep(systemClock, 20);
  }
}
