/** A PostgreSQL of the test's own, on a free port, which can be stopped and started without disturbing anybody else on this machine. */
import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '../integration/free-port.ts';
import { forgiving } from '../integration/postgres-server.ts';

const run = promisify(execFile);

export type Row = Readonly<Record<string, unknown>>;

/** `fast`: it ends its connections and goes. `immediate`: it is gone, as in a crash, and has to recover. */
export type StopManner = 'fast' | 'immediate';

export interface PostgresCluster {
  readonly port: number;
  /** Plain SQL. */
  readonly query: (sql: string, values?: readonly unknown[]) => Promise<readonly Row[]>;
  restart(manner: StopManner): Promise<void>;
  /** With everything on disk. */
  stop(): Promise<void>;
}

const VERSIONS = '/usr/lib/postgresql';

/** Why there can be none here, or undefined. */
export function whyNoPostgres(): string | undefined {
  return binaries() === undefined ? `no PostgreSQL is installed below ${VERSIONS}` : undefined;
}

/** @throws Error where none is installed */
export async function startPostgres(): Promise<PostgresCluster> {
  const bin = binaries();
  if (bin === undefined) throw new Error(whyNoPostgres());
  const folder = mkdtempSync(join(tmpdir(), 'territory-sync-postgres-'));
  const as = serverUser();
  if (as) chownSync(folder, as.uid, as.gid);
  const data = join(folder, 'data');
  const port = await freePort();
  const call = (command: string, ...args: readonly string[]) => {
    const whole = [join(bin, command), '-D', data, ...args];
    const [file = '', ...rest] = as ? ['runuser', '-u', as.name, '--', ...whole] : whole;
    return run(file, rest, { cwd: folder });
  };
  await call('initdb', '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync');
  appendFileSync(join(data, 'postgresql.conf'), settings(port));
  const start = () => call('pg_ctl', '-w', '-l', join(folder, 'log'), 'start');
  const halt = (manner: StopManner) => call('pg_ctl', '-w', '-m', manner, 'stop');
  await start();
  const pool = forgiving(
    new pg.Pool({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', max: 2 }),
  );
  return {
    port,
    query: async (sql, values = []) => (await pool.query<Row>(sql, [...values])).rows,
    async restart(manner) {
      await halt(manner);
      await start();
    },
    async stop() {
      await pool.end();
      await halt('immediate');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Processes are killed here, not the machine: what was given to the system is safe without fsync. */
function settings(port: number): string {
  return [
    '',
    `port = ${port}`,
    `listen_addresses = '127.0.0.1'`,
    `unix_socket_directories = ''`,
    'fsync = off',
    'max_connections = 200',
    '',
  ].join('\n');
}

/** PostgreSQL refuses to run as root; undefined where nobody else is needed. */
function serverUser() {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres']));
  return { name: 'postgres', uid: id('-u'), gid: id('-g') };
}

/** Of the newest version. */
function binaries(): string | undefined {
  if (!existsSync(VERSIONS)) return undefined;
  const newest = readdirSync(VERSIONS).toSorted((a, b) => Number(b) - Number(a));
  return newest
    .map((version) => join(VERSIONS, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
}
