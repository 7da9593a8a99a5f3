/** A world and a service whose waits are a fiftieth of the real ones, so that a test takes a second and not a minute. */
import type { TerritoryApiOptions } from '../sandbox/territory-api/index.ts';
import { closedAfterEach } from '../system/closing.ts';
import { setField, type PublishedChange } from '../system/published-change.ts';
import { startService, type ServiceProcess } from '../system/service-process.ts';
import { startWorld, type World, type WorldOptions } from '../system/world.ts';

/** Settings that fit the simulator's shortened times. */
export const FAST_SETTINGS = {
  PROPAGATION_MIN_MS: '40',
  PROPAGATION_MAX_MS: '100',
  RETRY_FIRST_DELAY_MS: '40',
  RETRY_MAX_DELAY_MS: '640',
  API_PROBE_INTERVAL_MS: '50',
};

const open = closedAfterEach();

/** A world that is stopped after the test. */
export async function fastWorld(options: WorldOptions = {}): Promise<World> {
  const api: TerritoryApiOptions = { caches: { minLagMs: 40, maxLagMs: 100 }, ...options.api };
  const world = await startWorld({ ...options, api });
  open.push(() => world.stop());
  return world;
}

/** A service in that world, receiving already; killed after the test if it still runs. */
export async function startFastService(
  world: World,
  settings: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> {
  const service = await startService(world.env({ ...FAST_SETTINGS, ...settings }));
  open.push(() => service.kill());
  await world.untilReceiving();
  return service;
}

/** Seeds `territories` × `assignments` records and answers `count` changes that set their owner, round and round. */
export function ownerChanges(
  world: World,
  { territories, assignments, count }: { territories: number; assignments: number; count: number },
): readonly PublishedChange[] {
  const records = Array.from({ length: territories * assignments }, (_, index) => ({
    territoryId: `TER-${index % territories}`,
    id: `A-${index}`,
    fields: { owner: 'nobody', note: 'from the start' },
  }));
  world.api.seedRecords(records);
  return Array.from({ length: count }, (_, index) => {
    const { territoryId, id } = records[index % records.length] ?? { territoryId: '', id: '' };
    return setField(`change-${index}`, territoryId, id, 'owner', `E${index}`);
  });
}
