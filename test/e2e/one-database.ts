/** Processes of the service on one database of the test's own, and what is asked of them. */
import { newDatabase, type OwnDatabase } from '../integration/postgres-server.ts';
import type { LoggedRequest } from '../sandbox/territory-api/index.ts';
import { closedAfterEach } from '../system/closing.ts';
import { withPostgres } from '../system/postgres-binding.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import type { World } from '../system/world.ts';

type Env = Readonly<Record<string, string>>;

export interface OneDatabase {
  /** Dropped after the test. */
  readonly makeDatabase: () => Promise<OwnDatabase>;
  /** A process bound to it, killed after the test if it still runs. */
  readonly start: (
    world: World,
    database: Pick<OwnDatabase, 'credentials'>,
    more?: Env,
  ) => Promise<ServiceProcess>;
}

/** @param settings of every process */
export function onOneDatabase(settings: Env): OneDatabase {
  const open = closedAfterEach();
  return {
    async makeDatabase() {
      const database = await newDatabase();
      open.push(() => database.drop());
      return database;
    },
    async start(world, database, more = {}) {
      const env = withPostgres(world.env({ ...settings, ...more }), database.credentials);
      const service = await startService(env);
      open.push(() => service.kill());
      return service;
    },
  };
}

/** The most that were under way at one moment. */
export function mostAtATime(requests: readonly LoggedRequest[]): number {
  // Times are whole milliseconds, rounded down: what begins in the last one of another did not run beside it.
  const steps = requests.flatMap(({ at, ms }) => [
    { at, step: 1 },
    { at: Math.max(at, at + ms - 1), step: -1 },
  ]);
  // Ends before beginnings.
  steps.sort((a, b) => a.at - b.at || a.step - b.step);
  let running = 0;
  return Math.max(...steps.map(({ step }) => (running += step)));
}
