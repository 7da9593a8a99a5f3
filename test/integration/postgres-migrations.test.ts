/** The newest version migrates while the one before goes on working: nobody waits for each other in a circle. */
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { forgiving, newDatabase, type OwnDatabase } from './postgres-server.ts';
import { describeOnPostgres } from './postgres-tests.ts';

const FOLDER = fileURLToPath(new URL('../../srv/journal/postgres/migrations/', import.meta.url));
const TABLE = 'territory_sync_migrations';
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

describeOnPostgres('A migration', () => {
  let database: OwnDatabase;
  let pool: pg.Pool;
  beforeEach(async () => {
    database = await newDatabase();
    // A circle that is found only after a minute shows as one that is waited for.
    const options = '-c deadlock_timeout=60s -c statement_timeout=10s';
    pool = forgiving(new pg.Pool({ connectionString: database.credentials.uri, max: 4, options }));
  });
  afterEach(async () => {
    await pool?.end();
    await database?.drop();
  });

  const migrate = async (count: number): Promise<void> => {
    const dbClient = await pool.connect();
    try {
      await runner({ dbClient, dir: FOLDER, direction: 'up', count, migrationsTable: TABLE, logger: silent });
    } finally {
      dbClient.release();
    }
  };
  const waiting = async () =>
    Number(
      (
        await database.query(
          `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
      )[0]?.['n'],
    );

  it('of several tables lets a flight that is being recorded end first', async () => {
    await migrate(8);
    const flight = await pool.connect();
    await flight.query('begin');
    await flight.query(`insert into lanes (territory_id) values ('EMEA')`);
    await flight.query(`update changes set attempts = attempts where position = 1`);
    const migrated = migrate(1);
    await expect.poll(waiting, { timeout: 5000 }).toBe(1);
    await flight.query(
      `insert into outbox (message_id, kind, envelope, body) values ('m', 'outcome', '{}', '')`,
    );
    await flight.query('commit');
    flight.release();
    await migrated;
    const [index] = await database.query(`select to_regclass('lanes_listed')::text as name`);
    expect(index).toEqual({ name: 'lanes_listed' });
  });
});
