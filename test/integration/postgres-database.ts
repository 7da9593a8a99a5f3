/** A database of its own for one test file, thrown away afterwards; and the statements to run in it. */
import pg from 'pg';
import { readStatements, type StatementName } from '../../srv/journal/postgres/statements.ts';
import { forgiving, newJournalDatabase } from './postgres-server.ts';

const WAITING = `
  select count(*)::int as n from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock'`;

/** Parameters as the driver takes them. */
export type Values = readonly unknown[];
export type Row = Readonly<Record<string, unknown>>;
/** Runs one statement: `file/name`. */
export type Run = (statement: StatementName, values?: Values) => Promise<Row[]>;

export interface Database {
  /** On any connection, each statement a transaction of its own. */
  readonly run: Run;
  /** Plain SQL, for looking around. */
  query(sql: string, values?: Values): Promise<Row[]>;
  /** How many connections wait for a lock in it. */
  waiting(): Promise<number>;
  /** A transaction that the test commits, or rolls back. */
  begin(): Promise<Transaction>;
  /** Runs `work` in a transaction. */
  within<Result>(work: (run: Run) => Promise<Result>): Promise<Result>;
  /** As new, but for the sequences. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

export interface Transaction {
  readonly run: Run;
  end(how: 'commit' | 'rollback'): Promise<void>;
}

export async function openDatabase(): Promise<Database> {
  const own = await newJournalDatabase('running');
  const pool = forgiving(new pg.Pool({ connectionString: own.credentials.uri, max: 8 }));
  const statements = readStatements();
  const runOn =
    (client: pg.Pool | pg.PoolClient): Run =>
    async (statement, values = []) =>
      (await client.query<Row>(statements[statement], [...values])).rows;

  /** A test that fails leaves its transactions open: they would keep others waiting. */
  const open = new Set<Transaction>();
  const endAll = async () => {
    for (const transaction of open) await transaction.end('rollback');
  };
  const begin = async (): Promise<Transaction> => {
    const client = await pool.connect();
    await client.query('begin');
    const transaction: Transaction = {
      run: runOn(client),
      async end(how) {
        open.delete(transaction);
        await client.query(how);
        client.release();
      },
    };
    open.add(transaction);
    return transaction;
  };

  return {
    run: runOn(pool),
    query: async (sql, values = []) => (await pool.query<Row>(sql, [...values])).rows,
    async waiting() {
      const { rows } = await pool.query<{ n: number }>(WAITING);
      return rows[0]?.n ?? 0;
    },
    begin,
    async within(work) {
      const transaction = await begin();
      try {
        const result = await work(transaction.run);
        await transaction.end('commit');
        return result;
      } catch (error) {
        await transaction.end('rollback');
        throw error;
      }
    },
    async empty() {
      await endAll();
      await own.empty();
    },
    async close() {
      await endAll();
      await pool.end();
      await own.drop();
    },
  };
}
