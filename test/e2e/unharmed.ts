/** Changes to publish before and during some trouble, and the claim that the trouble cost none of them anything but time. */
import { expect } from 'vitest';
import type { SandboxTerritoryApi } from '../sandbox/territory-api/index.ts';
import { check } from '../system/checker.ts';
import { flawless } from '../system/findings.ts';
import { setField, type PublishedChange } from '../system/published-change.ts';
import type { World } from '../system/world.ts';

const TERRITORIES = 40;

/**
 * Settings at a hundredth of the real times, and an API to match; probed every 50 ms instead of every five seconds.
 * Four flights at a time.
 */
export const HUNDREDTH = {
  probeIntervalMs: 50,
  flights: 4,
  settings: {
    PROPAGATION_MIN_MS: '20',
    PROPAGATION_MAX_MS: '50',
    RETRY_FIRST_DELAY_MS: '20',
    RETRY_MAX_DELAY_MS: '320',
    API_PROBE_INTERVAL_MS: '50',
    TERRITORY_CONCURRENCY: '4',
  },
  api: { caches: { minLagMs: 20, maxLagMs: 50 }, latency: { baseMs: 4, perRecordMs: 1 } },
} as const;

/** Trouble that lasts. */
export const lasting = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Publishes `count` changes, each of a record of its own, in forty territories. */
export function publishChanges(world: World, name: string, count: number): readonly PublishedChange[] {
  const changes = Array.from({ length: count }, (_, index) => {
    const id = `${name}-${index}`;
    return setField(id, `TER-${index % TERRITORIES}`, id, 'owner', id);
  });
  world.api.seedRecords(
    changes.map(({ id, territoryId }) => ({ territoryId, id, fields: { owner: 'nobody' } })),
  );
  for (const change of changes) world.publish(change);
  return changes;
}

/**
 * Every change is applied, in order, by exactly one write, and none is a dead letter.
 * @param apis those that served one after the other, where it was not the world's own alone
 */
export function expectUnharmed(
  world: World,
  published: readonly PublishedChange[],
  apis: readonly SandboxTerritoryApi[] = [world.api],
): void {
  const history = apis.flatMap((api) => api.history());
  const records = apis.at(-1)?.records() ?? [];
  const outcomes = world.outcomes();
  expect(outcomes.filter(({ data }) => data.outcome !== 'applied')).toEqual([]);
  expect(check({ published, outcomes, history, records })).toEqual(flawless(published.length));
  expect(history).toHaveLength(published.length);
  expect(world.mesh.depth(world.queues.deadLetters)).toEqual({ ready: 0, unsettled: 0 });
}
