/** The service between the embedded mesh and SAP CAP, with the fault proxy on the way and waits short enough for a test. */
import { setField, type PublishedChange } from '../system/published-change.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import { startWorld, type World } from '../system/world.ts';
import type { CapServer } from './cap-server.ts';
import { judge, type Findings } from './commit-judge.ts';
import { startFaultProxy, type FaultProxy, type FaultProxyOptions } from './fault-proxy.ts';
import { startForeignWriters, writeAs } from './foreign-writers.ts';
import type { ForeignWrite, ForeignWriters, ForeignWritersOptions } from './foreign-writers.ts';

/** By this name CAP knows the service. */
export const SERVICE_USER = 'territory-sync';

/**
 * CAP has no late caches; its answers come at once, so retries need not wait for long. The short waits leave the
 * others no pause either, so more retries are due than against writers who pause for seconds.
 */
const SETTINGS = {
  TERRITORY_PROTOCOL: 'odata-v4',
  PROPAGATION_MIN_MS: '0',
  PROPAGATION_MAX_MS: '0',
  RETRY_LIMIT: '20',
  RETRY_FIRST_DELAY_MS: '20',
  RETRY_MAX_DELAY_MS: '640',
  API_PROBE_INTERVAL_MS: '50',
};

export interface CapWorld extends Pick<World, 'mesh' | 'queues' | 'publish' | 'outcomes'> {
  readonly proxy: FaultProxy;
  /** Starts the service; resolves when it receives. */
  startService(settings?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  startForeignWriters(options: Omit<ForeignWritersOptions, 'url'>): ForeignWriters;
  /** One foreign write. */
  writeAs(write: ForeignWrite): Promise<void>;
  /** Resolves when so many changes have an outcome and the work queue is empty. */
  untilEnded(changes: number, timeoutMs: number): Promise<void>;
  /** Judges what CAP recorded. */
  findings(published: readonly PublishedChange[], writers?: ForeignWriters): Promise<Findings>;
  stop(): Promise<void>;
}

/** Starts everything but CAP, which is cleared, and the service. Whoever starts it stops it. */
export async function startCapWorld(
  cap: CapServer,
  proxyOptions: Omit<FaultProxyOptions, 'target'> = {},
): Promise<CapWorld> {
  await cap.clear();
  const proxy = await startFaultProxy({ ...proxyOptions, target: cap.url });
  const world = await startWorld();
  const running: ServiceProcess[] = [];
  const writing: ForeignWriters[] = [];
  const destination = { name: 'TERRITORY_API', url: proxy.url, username: SERVICE_USER, password: 'none' };
  const { mesh, queues } = world;
  return {
    mesh,
    queues,
    proxy,
    publish: (change) => world.publish(change),
    outcomes: () => world.outcomes(),
    async startService(settings = {}) {
      const env = world.env({ ...SETTINGS, ...settings, destinations: JSON.stringify([destination]) });
      const service = await startService(env);
      running.push(service);
      await world.untilReceiving();
      return service;
    },
    startForeignWriters(options) {
      const writers = startForeignWriters({ ...options, url: cap.url });
      writing.push(writers);
      return writers;
    },
    writeAs: async (write) => void (await writeAs(cap.url, write)),
    async untilEnded(changes, timeoutMs) {
      await world.untilEnded(changes, timeoutMs);
      await mesh.until((now) => now.depth(queues.work).ready + now.depth(queues.work).unsettled === 0, 5_000);
    },
    async findings(published, writers) {
      const [commits, rows] = [await cap.commits(), await cap.rows()];
      const foreign = writers?.writes ?? [];
      return judge({ published, outcomes: world.outcomes(), commits, rows, foreign, user: SERVICE_USER });
    },
    async stop() {
      await Promise.all(writing.map((writers) => writers.stop()));
      await Promise.all(running.map((service) => service.kill()));
      await world.stop();
      await proxy.stop();
    },
  };
}

/** Keys `A-0` … of so many records, and the territory of each: round and round over so many. */
export function assignmentsOf(
  territories: number,
  each: number,
): readonly { id: string; territory: string }[] {
  return Array.from({ length: territories * each }, (_, index) => ({
    id: `A-${index}`,
    territory: `TER-${index % territories}`,
  }));
}

/** So many changes that set the owner of these records, round and round. */
export function ownerChanges(
  records: readonly { readonly id: string; readonly territory: string }[],
  count: number,
): readonly PublishedChange[] {
  return Array.from({ length: count }, (_, index) => {
    const { id = '', territory = '' } = records[index % records.length] ?? {};
    return setField(`change-${index}`, territory, id, 'owner', `E${index}`);
  });
}
