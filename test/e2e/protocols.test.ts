/** The other protocols of SAP through the whole program: what holds for `rest` holds for each of them. */
import { expect, test } from 'vitest';
import type { TerritoryApiOptions } from '../sandbox/territory-api/index.ts';
import { findingsOf, flawless } from '../system/findings.ts';
import { fastWorld, ownerChanges, startFastService } from './fast-world.ts';

const CACHES = { caches: { minLagMs: 40, maxLagMs: 100 } } as const;

/** Each where SAP has it; `odata-v2` also with a collection for each territory, as SAP Cloud for Customer has its teams. */
const WORLDS: readonly (readonly [string, TerritoryApiOptions, Readonly<Record<string, string>>])[] = [
  [
    'odata-v2',
    {
      ...CACHES,
      odata: 'v2',
      path: "/sap/c4c/odata/v1/c4codataapi/SalesTerritoryCollection('{territoryId}')/SalesTerritoryTeam",
      serviceRoot: '/sap/c4c/odata/v1/c4codataapi',
    },
    { TERRITORY_PROTOCOL: 'odata-v2' },
  ],
  ['sales-cloud', CACHES, { TERRITORY_PROTOCOL: 'sales-cloud' }],
];

test.each(WORLDS)(
  'over %s every change ends once, in order, on the version that was read',
  async (_, api, env) => {
    const world = await fastWorld({ api });
    const changes = ownerChanges(world, { territories: 12, assignments: 4, count: 200 });
    await startFastService(world, env);
    changes.forEach((change) => world.publish(change));
    await world.untilEnded(changes.length, 25_000);
    expect(findingsOf(world, changes)).toEqual(flawless(200));
  },
);

test.each(WORLDS)(
  'over %s other writers and lost answers cost retries, never order, a change, or what the others wrote',
  async (_, api, env) => {
    const world = await fastWorld({ api: { ...api, latency: { baseMs: 5 } } });
    const changes = ownerChanges(world, { territories: 8, assignments: 3, count: 120 });
    await startFastService(world, { ...env, TERRITORY_TIMEOUT_MS: '1000' });
    const lost = world.api.faults.inject({
      kind: 'no-answer',
      how: 'destroy',
      effect: 'written',
      on: 'write',
      times: 3,
    });
    const writers = world.api.startForeignWriters({ everyMs: 25, fields: ['note'] });
    changes.forEach((change) => world.publish(change));
    await world.untilEnded(changes.length, 40_000);
    writers.stop();
    expect(findingsOf(world, changes)).toMatchObject({
      ended: 120,
      failed: 0,
      lost: 0,
      outOfOrder: 0,
      overwrittenForeign: 0,
    });
    expect(lost.hits).toBe(3);
    expect(writers.writes).toBeGreaterThan(5);
  },
  60_000,
);
