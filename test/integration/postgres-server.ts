/**
 * Databases to throw away, on the PostgreSQL server of this machine. With the journal's tables they are copies of a template. Time
 * can be the test's own, so that leases and waits end when a test says so: functions `now()` and `clock_timestamp()` in the
 * search path hide PostgreSQL's.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { Availability } from '../../srv/journal/postgres/availability.ts';
import { Database } from '../../srv/journal/postgres/database.ts';
import { migrate } from '../../srv/journal/postgres/migrate.ts';
import { readEndpoint } from '../../srv/journal/postgres/settings.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';

const SERVER = { host: '127.0.0.1', port: 5432, user: 'postgres' };
const MAINTENANCE = { ...SERVER, database: 'postgres', connectionTimeoutMillis: 15_000 };

/** In whole milliseconds, so that what is computed from it is as exact as a test's own sum. */
const CLOCK_OF_OUR_OWN = `
  create schema ours;
  create table ours.time (at timestamptz not null);
  insert into ours.time values (date_trunc('milliseconds', pg_catalog.now()));`;

const STOPPED_TIME = `${CLOCK_OF_OUR_OWN}
  create function ours.now() returns timestamptz stable language sql as 'select at from ours.time';
  create function ours.clock_timestamp() returns timestamptz language sql as 'select at from ours.time';`;

/** A microsecond each time it is looked at: enough to tell what came first. */
const SLOW_TIME = `${CLOCK_OF_OUR_OWN}
  create sequence ours.ticks;
  create function ours.now() returns timestamptz stable language sql as
    'select at + make_interval(secs => (select last_value from ours.ticks) / 1e6) from ours.time';
  create function ours.clock_timestamp() returns timestamptz language sql as
    'select at + make_interval(secs => nextval(''ours.ticks'') / 1e6) from ours.time';`;

const CLOCKS = { running: undefined, slow: SLOW_TIME, stopped: STOPPED_TIME } as const;

/** Whose clock the database goes by: PostgreSQL's, or one that a test lets go on. */
export type TimeKind = keyof typeof CLOCKS;

export type Row = Readonly<Record<string, unknown>>;

export interface OwnDatabase {
  readonly name: string;
  /** As a user-provided service gives them. */
  readonly credentials: { readonly uri: string };
  /** Plain SQL. */
  query(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Where time does not run by itself: lets it go on by so much. */
  pass(ms: number): Promise<void>;
  /** Without rows; sequences go on. */
  empty(): Promise<void>;
  /** Ends everybody's connections, as a restart of the server does. */
  endConnections(): Promise<void>;
  drop(): Promise<void>;
}

/** Why there is no server here, or undefined if there is one. */
export async function whyNoServer(): Promise<string | undefined> {
  try {
    await onServer('select 1');
    return undefined;
  } catch (error) {
    return `no PostgreSQL answers on ${SERVER.host}:${SERVER.port} (${String(error)})`;
  }
}

/** An empty database, as a service finds it that is deployed for the first time. */
export function newDatabase(): Promise<OwnDatabase> {
  return create('', 'running');
}

/** A database with the journal's tables. */
export async function newJournalDatabase(time: TimeKind): Promise<OwnDatabase> {
  const made = await create('', time);
  const clock = CLOCKS[time];
  if (clock !== undefined) await made.query(clock);
  const database = new Database({
    endpoint: readEndpoint('test', made.credentials),
    clock: systemClock,
    availability: new Availability(systemClock, createRecordingLog()),
    poolSize: 1,
    statementTimeoutMs: 10_000,
    applicationName: 'migration',
  });
  await migrate(database, createRecordingLog());
  await database.close();
  return made;
}

/** A database with the journal's tables, from which others are copied; nobody may be connected to it meanwhile. */
export interface Template {
  copy(): Promise<OwnDatabase>;
  drop(): Promise<void>;
}

export async function makeTemplate(time: TimeKind): Promise<Template> {
  const made = await newJournalDatabase(time);
  await made.endConnections();
  return { copy: () => create(`template ${made.name}`, time), drop: () => made.drop() };
}

async function create(like: string, time: TimeKind): Promise<OwnDatabase> {
  const name = `territory_sync_${randomUUID().replaceAll('-', '')}`;
  await onServer(`create database ${name} ${like}`);
  if (time !== 'running') await onServer(`alter database ${name} set search_path = ours, pg_catalog`);
  const pool = forgiving(new pg.Pool({ ...SERVER, database: name, max: 2 }));
  return {
    name,
    credentials: { uri: `postgres://${SERVER.user}@${SERVER.host}:${SERVER.port}/${name}` },
    query: async (sql, values = []) => (await pool.query<Row>(sql, [...values])).rows,
    async pass(ms) {
      await pool.query('update ours.time set at = at + make_interval(secs => $1::float8 / 1000)', [ms]);
    },
    async empty() {
      await pool.query(
        `delete from lanes; delete from changes; delete from unreadable; delete from outbox; delete from decisions;
         delete from expiry_warnings; delete from publications; delete from instances; delete from tallies; delete from api_requests; delete from api_pause;
         update switches set paused = false, resumes = 0`,
      );
    },
    endConnections: () =>
      onServer(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`),
    async drop() {
      await pool.end();
      await onServer(`drop database ${name} with (force)`);
    },
  };
}

/**
 * What a lost connection says has no other listener, and an 'error' without one fails the whole run: the pool's own listener is on idle
 * connections only. A statement that fails tells its caller anyway.
 */
export function forgiving(pool: pg.Pool): pg.Pool {
  pool.on('error', () => undefined);
  return pool.on('connect', (client) => client.on('error', () => undefined));
}

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client(MAINTENANCE);
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query(sql);
  } finally {
    await client.end();
  }
}
