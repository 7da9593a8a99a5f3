/** What an instance with nothing to do asks of its database: the whole service, bound to a database of its own. */
import { newDatabase } from '../../integration/postgres-server.ts';
import { withPostgres } from '../../system/postgres-binding.ts';
import { startService } from '../../system/service-process.ts';
import { startWorld } from '../../system/world.ts';
import { systemClock, sleep } from '../../../srv/platform/clock.ts';

/** Nearly every statement of an idle service is a transaction of its own. */
const TRANSACTIONS = `
  select (xact_commit + xact_rollback)::int as count from pg_stat_database where datname = current_database()`;

/** The start's own statements are over by then. */
const SETTLED_MS = 20_000;

/** @returns transactions a minute over so many milliseconds */
export async function idleTransactions(forMs: number): Promise<number> {
  const [world, database] = [await startWorld(), await newDatabase()];
  const service = await startService(withPostgres(world.env(), database.credentials));
  try {
    await world.untilReceiving(60_000);
    await sleep(systemClock, SETTLED_MS);
    const before = await count(database);
    await sleep(systemClock, forMs);
    // Less the look itself.
    return ((await count(database)) - before - 1) / (forMs / 60_000);
  } finally {
    await service.stop();
    await world.stop();
    await database.drop();
  }
}

async function count(database: Awaited<ReturnType<typeof newDatabase>>): Promise<number> {
  const [row] = await database.query(TRANSACTIONS);
  return Number(row?.['count']);
}
