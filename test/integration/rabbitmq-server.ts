/**
 * A RabbitMQ of the tests' own, which may be stopped and started while others use the machine's: a node with its own name, port, folder
 * and cookie, run by whoever runs the tests.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';
import type { RabbitControl } from './rabbitmq.ts';

const run = promisify(execFile);
/** Debian's commands in the path change to the user `rabbitmq`; these do not. */
const DEBIAN_COMMANDS = '/usr/lib/rabbitmq/bin';
const START_TIMEOUT_S = 90;

export interface OwnRabbitMq {
  readonly port: number;
  /** `rabbitmqctl` with these arguments, on this node; gives what it prints. */
  readonly control: RabbitControl;
  stop(): Promise<void>;
}

/** With AMQP 1.0, its user guest and nothing else; listens once this resolves. */
export async function startRabbitMq(): Promise<OwnRabbitMq> {
  const folder = mkdtempSync(join(tmpdir(), 'territory-sync-rabbitmq-'));
  const port = await freePort();
  const name = `territory-sync-${port}@localhost`;
  const pidFile = join(folder, 'node.pid');
  writeFileSync(join(folder, 'enabled_plugins'), '[rabbitmq_amqp1_0].\n');
  writeFileSync(join(folder, 'rabbitmq.conf'), `listeners.tcp.local = 127.0.0.1:${port}\n`);
  const env = {
    PATH: process.env['PATH'] ?? '',
    // Where Erlang keeps the cookie that the node and its commands share.
    HOME: folder,
    RABBITMQ_NODENAME: name,
    RABBITMQ_DIST_PORT: String(await freePort()),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: join(folder, 'none'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: pidFile,
  };
  const server = spawn(command('rabbitmq-server'), { env, stdio: 'ignore' });
  const gone = new Promise<void>((resolve) => {
    server.once('exit', () => resolve());
    server.once('error', () => resolve());
  });
  const control: RabbitControl = async (...args) =>
    (await run(command('rabbitmqctl'), ['-q', '-n', name, ...args], { env })).stdout;
  const stop = async (): Promise<void> => {
    // Ends the Erlang node; the script that started it ends with it.
    await control('stop').catch(() => server.kill('SIGTERM'));
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.race([
      control('wait', '--timeout', String(START_TIMEOUT_S), pidFile),
      gone.then(() => Promise.reject(new Error('rabbitmq-server ended at its start'))),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, control, stop };
}

function command(name: string): string {
  const debian = join(DEBIAN_COMMANDS, name);
  return existsSync(debian) ? debian : name;
}
