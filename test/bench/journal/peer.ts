/**
 * graphile-worker with a named queue for each lane, its way to serialize: what the lanes are compared with. Installed in a folder of its
 * own when it is asked for, so that nothing of it comes near the service.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { newDatabase } from '../../integration/postgres-server.ts';

const FOLDER = fileURLToPath(new URL('../', import.meta.url));
const ADDED_AT_ONCE = 500;
const RUNS_AT_MOST = 5;

interface Job {
  readonly identifier: string;
  readonly payload: object;
  readonly queueName: string;
}

/** The part of it that is used. */
interface GraphileWorker {
  makeWorkerUtils(options: { connectionString: string }): Promise<{
    migrate(): Promise<void>;
    addJobs(jobs: readonly Job[]): Promise<unknown>;
    release(): Promise<void>;
  }>;
  runOnce(options: {
    connectionString: string;
    concurrency: number;
    maxPoolSize: number;
    noHandleSignals: boolean;
    logger: unknown;
    taskList: Readonly<Record<string, (payload: { readonly index: number }) => Promise<void>>>;
  }): Promise<void>;
  Logger: new (factory: () => () => void) => unknown;
}

export function loadPeer(): GraphileWorker {
  if (!existsSync(`${FOLDER}node_modules/graphile-worker`)) {
    const { status, stderr } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
      cwd: FOLDER,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`npm ci in ${FOLDER} failed: ${stderr}`);
  }
  return createRequire(`${FOLDER}package.json`)('graphile-worker') as GraphileWorker;
}

/** @returns jobs per second, from a filled backlog to an empty one */
export async function drainPeer(
  peer: GraphileWorker,
  { lanes, jobs, concurrency }: { lanes: number; jobs: number; concurrency: number },
): Promise<number> {
  const database = await newDatabase();
  const connectionString = database.credentials.uri;
  try {
    const utils = await peer.makeWorkerUtils({ connectionString });
    await utils.migrate();
    const all = Array.from({ length: jobs }, (_, index) => ({
      identifier: 'change',
      payload: { index },
      queueName: `L${index % lanes}`,
    }));
    for (let from = 0; from < jobs; from += ADDED_AT_ONCE) {
      await utils.addJobs(all.slice(from, from + ADDED_AT_ONCE));
    }
    await utils.release();
    await database.query('analyze');
    const done = new Set<number>();
    const startedAtMs = performance.now();
    // A worker leaves as soon as it finds nothing to do, and a job whose queue another one works on counts as nothing: so a few of the
    // last jobs may be left over, and it is run again.
    for (let run = 0; run < RUNS_AT_MOST && done.size < jobs; run += 1) {
      await peer.runOnce({
        connectionString,
        concurrency,
        maxPoolSize: concurrency + 2,
        noHandleSignals: true,
        logger: new peer.Logger(() => () => undefined),
        taskList: {
          change: async ({ index }) => {
            done.add(index);
          },
        },
      });
    }
    if (done.size !== jobs) throw new Error(`graphile-worker ran ${done.size} of ${jobs} jobs`);
    return (1000 * jobs) / (performance.now() - startedAtMs);
  } finally {
    await database.drop();
  }
}
