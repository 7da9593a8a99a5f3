/**
 * The database as the journal uses it: named statements, each alone or in a transaction, on a pool of connections. Whatever a
 * connection was doing when it failed, it is never used again: after a failover it may lead to a server that only reads.
 */
import pg from 'pg';
import { sleep, type Clock } from '../../platform/clock.ts';
import type { Availability } from './availability.ts';
import { describe, kindOf, raise } from './problem.ts';
import type { PostgresEndpoint } from './settings.ts';
import { readStatements, type StatementName } from './statements.ts';

export type Row = Readonly<Record<string, unknown>>;

/** Runs one statement. Values as the driver takes them; arrays become PostgreSQL arrays. */
export type Run = (statement: StatementName, values?: readonly unknown[]) => Promise<readonly Row[]>;

export interface DatabaseOptions {
  readonly endpoint: PostgresEndpoint;
  readonly clock: Clock;
  readonly availability: Availability;
  /** Connections at most; one more listens. */
  readonly poolSize: number;
  /** Longest that the server works on one statement, waits for locks included. */
  readonly statementTimeoutMs: number;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
}

const CONNECT_TIMEOUT_MS = 5000;
/** No goodbye by then: the connection is left to the system. */
const END_TIMEOUT_MS = 2000;
/** A connection that is silent for so many times the server's own limit is broken. */
const SILENCE_FACTOR = 2;
const IDLE_MS = 30_000;
/** Connections are renewed now and then, so that after a failover none stays with the old server for ever. */
const LIFETIME_S = 1800;

/** Transactions that collide are run again so many times in all. */
const COLLISION_ATTEMPTS = 4;
const COLLISION_DELAY_MS = 20;

/**
 * Every statement is made to go from row to row by an index. Prepared ones are planned once, perhaps while their tables are
 * empty, and keep that plan when these have filled within a second: then a scan or a hash of the whole, which costs nothing on an empty
 * table, is made for every row, until the tables are analyzed. Measured by EXPLAIN (ANALYZE), planned while empty, then 5,000 lanes, 20,000
 * changes and 5,000 unsent messages, two turns on 2 cores with a load of about 15; without these settings → with them: outbox/take of 100 messages
 * 11,498 and 5,510 ms → 5 and 3 ms; outbox/sent of 100 252 and 138 → 1.2 and 0.9; claim 287 and 255 → 19 and 6; claimed-changes of 100 lanes 888
 * and 1,535 → 1.3 and 1.3. Analyzed, both ways are alike: take 2 and 9 → 1.3 and 2, claim 18 and 12 → 21 and 9. Compiling is worth nothing here.
 *
 * Among several indexes nothing but the statement's form decides, since on an empty table all cost the same. So statements are written in
 * forms that leave one way only, and `test/integration/postgres-plans.test.ts` plans every one of them on empty tables:
 * - `key = any (array[value])` to join by a key: unlike `key = value` no order follows from it, so that the table is never read as a whole,
 *   in the order of its key, with the values looked for in it, but looked up value by value.
 * - No condition implies the predicate of a partial index that is not meant: `coalesce(outcome, '') = ''` where a row is found by its
 *   position, and predicates of indexes that nobody else writes (migration 0009).
 * - `position + 0` where a position only bounds what was found by its lane; and an index includes what it need not be searched by.
 * - `offset 0` in an `exists` keeps it a look-up for each row.
 */
export const PLANNING =
  '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c enable_bitmapscan=off -c jit=off';

const STATEMENTS = readStatements();

export class Database {
  private readonly options: DatabaseOptions;
  private readonly pool: pg.Pool;

  constructor(options: DatabaseOptions) {
    this.options = options;
    this.pool = new pg.Pool({
      ...clientConfig(options),
      max: options.poolSize,
      idleTimeoutMillis: IDLE_MS,
      maxLifetimeSeconds: LIFETIME_S,
    });
    // Without listeners an error of a connection would end the process: of an idle one, and of one in use, whose statement
    // fails of it as well.
    this.pool.on('error', (error) => options.availability.failed(describe(error)));
    this.pool.on('connect', (client) => client.on('error', () => undefined));
  }

  /** One statement, a transaction of its own. */
  readonly run: Run = async (statement, values = []) => {
    try {
      const { rows } = await this.pool.query<Row>(query(statement, values));
      this.options.availability.answered();
      return rows;
    } catch (error) {
      return this.fail(error, statement);
    }
  };

  /** Several statements (READ COMMITTED), together or not at all; run again where they collide with others. */
  async transaction<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.attempt(work);
      } catch (error) {
        if (kindOf(error) !== 'collision' || attempt >= COLLISION_ATTEMPTS)
          return this.fail(error, 'a transaction');
        await sleep(this.options.clock, COLLISION_DELAY_MS * attempt);
      }
    }
  }

  /** A connection of one's own, outside of the pool: to listen, or to migrate. */
  client(differing: Partial<Pick<DatabaseOptions, 'statementTimeoutMs'>> = {}): pg.Client {
    return new pg.Client(clientConfig({ ...this.options, ...differing }));
  }

  /** Ends such a connection. */
  end(client: pg.Client): Promise<void> {
    return this.orGivenUp(client.end());
  }

  /** Ends the connections of the pool; statements that run end first. */
  close(): Promise<void> {
    return this.orGivenUp(this.pool.end());
  }

  /** The driver waits for the other side's goodbye, for ever where that has gone already (a refused TLS handshake does so). */
  private async orGivenUp(ending: Promise<void>): Promise<void> {
    const ended = new AbortController();
    const end = ending.catch(() => undefined).finally(() => ended.abort());
    await Promise.race([end, sleep(this.options.clock, END_TIMEOUT_MS, ended.signal)]);
  }

  private async attempt<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('begin');
      const result = await work(new Transaction(client));
      await client.query('commit');
      this.options.availability.answered();
      return result;
    } catch (error) {
      broken = await rolledBack(client, error);
      throw error;
    } finally {
      client.release(broken);
    }
  }

  private fail(error: unknown, doing: string): never {
    const kind = kindOf(error);
    if (kind !== 'data' && kind !== 'defect') this.options.availability.failed(describe(error));
    return raise(error, doing);
  }
}

/** A transaction under way. */
export class Transaction {
  private readonly client: pg.PoolClient;

  constructor(client: pg.PoolClient) {
    this.client = client;
  }

  readonly run: Run = async (statement, values = []) =>
    (await this.client.query<Row>(query(statement, values))).rows;

  /** Undoes what `work` did, and nothing else, if it fails; the transaction can go on then. */
  async orUndone<Result>(work: () => Promise<Result>): Promise<Result> {
    await this.client.query('savepoint part');
    try {
      const result = await work();
      await this.client.query('release savepoint part');
      return result;
    } catch (error) {
      if (kindOf(error) === 'data') await this.client.query('rollback to savepoint part');
      throw error;
    }
  }
}

/** By name, so that the server prepares each statement once per connection. */
function query(statement: StatementName, values: readonly unknown[]): pg.QueryConfig {
  return { name: statement, text: STATEMENTS[statement], values: [...values] };
}

/** Undefined if the connection can be used again, else why not. */
async function rolledBack(client: pg.PoolClient, error: unknown): Promise<Error | undefined> {
  const kind = kindOf(error);
  if (kind === 'unavailable' || kind === 'settings') return new Error('the connection is broken');
  try {
    await client.query('rollback');
    return undefined;
  } catch {
    return new Error('the connection is broken');
  }
}

function clientConfig(options: DatabaseOptions): pg.ClientConfig {
  const { endpoint, statementTimeoutMs, applicationName } = options;
  const { host, port, user, password, database, tls } = endpoint;
  return {
    host,
    port,
    user,
    password,
    database,
    ssl: tls && {
      ca: tls.ca,
      cert: tls.cert,
      key: tls.key,
      rejectUnauthorized: tls.verify !== 'none',
      ...(tls.verify === 'name' ? { servername: host } : { checkServerIdentity: () => undefined }),
    },
    application_name: applicationName,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    options: PLANNING,
    query_timeout: SILENCE_FACTOR * statementTimeoutMs,
    // An instance that is frozen in a transaction must not keep the lanes of others locked.
    idle_in_transaction_session_timeout: statementTimeoutMs,
  };
}
