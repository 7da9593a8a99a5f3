/**
 * Brings the tables to the form that the statements expect. With node-pg-migrate: made for PostgreSQL, maintained, runs plain
 * SQL files on a client of ours, each in a transaction, and under an advisory lock that makes instances which start together wait
 * for each other. (Looked at too: postgrator, without a lock and not released since 2024; umzug, which brings neither lock nor
 * driver; postgres-migrations, not released since 2021.)
 *
 * A database that a newer version has migrated already is left as it is: its migrations are beyond the last one known here, and
 * they only added to it.
 */
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import type { Log } from '../../platform/log.ts';
import type { Database } from './database.ts';
import { describe, kindOf, raise } from './problem.ts';
import { PostgresSettingsError } from './settings.ts';

const FOLDER = fileURLToPath(new URL('migrations/', import.meta.url));

/** Which migrations have run; the name is the program's own, since the schema may hold other programs' tables. */
const TABLE = 'territory_sync_migrations';

/** The program's own as well: other programs may migrate in the same database. */
const LOCK = 7_203_685_477_580_701;

/** An index on a large table takes longer than any statement of the journal. */
const LIMIT_MS = 600_000;

/**
 * @throws JournalUnavailable where the database does not answer, to be tried again
 * @throws PostgresSettingsError where a person has to set something right
 */
export async function migrate(database: Database, log: Log): Promise<void> {
  const client = database.client({ statementTimeoutMs: LIMIT_MS });
  // What fails shows in the call that was under way.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ schema: string | null }>('select current_schema() as schema');
    const done = await runner({
      dbClient: client,
      dir: FOLDER,
      direction: 'up',
      migrationsTable: TABLE,
      migrationsSchema: rows[0]?.schema ?? 'public',
      lockValue: LOCK,
      advisoryLockMode: 'wait',
      logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    });
    if (done.length > 0)
      log.info('The journal’s tables were migrated', { migrations: done.map(({ name }) => name).join(', ') });
  } catch (error) {
    if (kindOf(error) !== 'settings') raise(error, 'migrating');
    throw new PostgresSettingsError(
      `PostgreSQL does not let the journal create its tables (${describe(error)}): check user, password, database and rights of the binding`,
      { cause: error },
    );
  } finally {
    await database.end(client);
  }
}

/** The library writes whole statements; what went wrong is in its error. */
function ignore(): void {
  return undefined;
}
