/**
 * Everything that a crash test stands on: a PostgreSQL and a Redis of its own, queues of its own on this machine's RabbitMQ, the territory API
 * simulator, and instances of the service. Ended as a whole, with nothing left.
 */
import { startOnRabbitMq, type OnRabbitMq } from '../demo/rabbitmq.ts';
import { createOwned } from '../demo/owned.ts';
import { startRedis, whyNoRedis, type OwnRedis } from '../integration/redis-server.ts';
import { rabbitManagementUri, whyNoRabbitManagement } from '../integration/rabbitmq-management.ts';
import { rabbitPort, whyNoRabbit } from '../integration/rabbitmq.ts';
import type { TerritoryApiOptions } from '../sandbox/territory-api/index.ts';
import { withPostgres } from '../system/postgres-binding.ts';
import { withService } from '../system/provided-service.ts';
import { COMPILED } from './compiled.ts';
import { startInstance, type Instance } from './instance.ts';
import type { Load } from './load.ts';
import type { Strike } from './points.ts';
import { startPostgres, whyNoPostgres, type PostgresCluster } from './postgres-cluster.ts';
import { createTraffic, type Traffic } from './traffic.ts';

export interface Stage {
  readonly postgres: PostgresCluster;
  readonly redis: OwnRedis;
  readonly system: OnRabbitMq;
  readonly traffic: Traffic;
  /** Instances that run, oldest first. */
  instances(): readonly Instance[];
  /** @param settings on top of the stage's */
  start(settings?: Readonly<Record<string, string>>): Promise<Instance>;
  /** Takes the instance out, once its process has ended by the test's own hand. */
  remove(instance: Instance): Promise<void>;
  /** Asked of every instance at every point that it passes. */
  strike: (instance: Instance, ...sighting: Parameters<Strike>) => ReturnType<Strike>;
  /** What instances did that nobody told them to: their last lines. */
  readonly endedByThemselves: readonly string[];
  end(): Promise<void>;
}

export interface StageOptions {
  readonly load: Load;
  readonly api: TerritoryApiOptions;
  readonly settings: Readonly<Record<string, string>>;
}

/** Why there can be no stage here, or undefined. */
export async function whyNoStage(): Promise<string | undefined> {
  return whyNoPostgres() ?? whyNoRedis() ?? (await whyNoRabbit()) ?? (await whyNoRabbitManagement());
}

export async function startStage(options: StageOptions): Promise<Stage> {
  const own = createOwned();
  try {
    return await start(options, own);
  } catch (error) {
    await own.end().catch(() => undefined);
    throw error;
  }
}

/** So many at a time. */
export function startAll(stage: Stage, instances: number): Promise<readonly Instance[]> {
  return Promise.all(Array.from({ length: instances }, () => stage.start()));
}

async function start(options: StageOptions, own: ReturnType<typeof createOwned>): Promise<Stage> {
  const { load, api, settings } = options;
  const [postgres, redis, system] = await Promise.all([
    own.own(startPostgres, (started) => started.stop()),
    own.own(startRedis, (started) => started.stop()),
    own.own(
      () =>
        startOnRabbitMq(
          { uri: `amqp://guest:guest@127.0.0.1:${rabbitPort}`, management: rabbitManagementUri },
          { api, records: load.records },
        ),
      (started) => started.stop(),
    ),
  ]);
  const ways = { postgresPort: postgres.port, meshPort: rabbitPort, apiUrl: system.api.url };
  const uri = `postgres://postgres@127.0.0.1:${postgres.port}/postgres`;
  const bound = withPostgres(system.env(), { uri });
  const env = {
    ...withService(bound, { name: 'locks', tag: 'redis', credentials: redis.credentials }),
    NODE_COMPILE_CACHE: COMPILED,
    ...settings,
  };

  const running = new Set<Instance>();
  const endedByThemselves: string[] = [];
  let started = 0;
  const remove = async (instance: Instance): Promise<void> => {
    running.delete(instance);
    await instance.process.exited;
    await instance.close();
  };
  const stage: Stage = {
    postgres,
    redis,
    system,
    traffic: createTraffic(system, load),
    instances: () => [...running],
    async start(more = {}) {
      const instance = await startInstance(started++, ways, { ...env, ...more }, (...seen) =>
        stage.strike(...seen),
      );
      running.add(instance);
      void instance.process.exited.then((code) => {
        if (instance.isEnded) return;
        endedByThemselves.push(
          `instance ${instance.index}, exit code ${code}:\n${instance.process.output()}`,
        );
      });
      return instance;
    },
    remove,
    strike: () => undefined,
    endedByThemselves,
    end: () => own.end(),
  };
  await own.own(
    async () => undefined,
    async () => {
      for (const instance of running) {
        instance.isEnded = true;
        await instance.process.kill();
        await remove(instance);
      }
    },
  );
  return stage;
}
