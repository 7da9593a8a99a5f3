/** TERRITORY_ATOMIC through the whole program: a change takes effect as a whole, or becomes a dead letter and nothing of it does. */
import { expect, test } from 'vitest';
import type { PublishedChange } from '../system/published-change.ts';
import type { World } from '../system/world.ts';
import { fastWorld, startFastService } from './fast-world.ts';

const TERRITORIES = 6;
const RECORDS = 4;

/** Whose every change sets three of four records of a territory, so that changes overlap. */
function threefold(count: number): readonly PublishedChange[] {
  return Array.from({ length: count }, (_, index) => {
    const territoryId = `TER-${index % TERRITORIES}`;
    const turn = Math.floor(index / TERRITORIES);
    const ids = [0, 1, 2].map((offset) => `${territoryId}-${(turn + offset) % RECORDS}`);
    return change(`change-${index}`, territoryId, ids);
  });
}

function change(id: string, territoryId: string, ids: readonly string[]): PublishedChange {
  const assignments = ids.map((record) => ({ id: record, fields: { owner: id } }));
  return { id, source: '/default/crm/prod', territoryId, assignments };
}

function seed(world: World): void {
  const territories = Array.from({ length: TERRITORIES }, (_, index) => `TER-${index}`);
  world.api.seedRecords(
    territories.flatMap((territoryId) =>
      Array.from({ length: RECORDS }, (_, index) => ({
        territoryId,
        id: `${territoryId}-${index}`,
        fields: { owner: 'nobody', note: 'from the start' },
      })),
    ),
  );
}

/** How many records each change has written. */
function written(world: World): ReadonlyMap<unknown, number> {
  const owners = world.api
    .history()
    .map(({ recordId, fields }) => JSON.stringify([fields['owner'], recordId]));
  const each = [...new Set(owners)].map((text) => (JSON.parse(text) as [string, string])[0]);
  return new Map([...Map.groupBy(each, (owner) => owner)].map(([owner, all]) => [owner, all.length]));
}

const outcomesOf = (world: World) => new Map(world.outcomes().map(({ data }) => [data.change.id, data]));

test.each(['odata-v4', 'odata-v2'] as const)(
  'over %s every change takes effect as a whole or not at all, whatever others write and whatever is lost',
  async (protocol) => {
    const world = await fastWorld({
      api: {
        odata: protocol === 'odata-v2' ? 'v2' : 'v4',
        caches: { minLagMs: 40, maxLagMs: 100 },
        latency: { baseMs: 10 },
      },
    });
    seed(world);
    await startFastService(world, {
      TERRITORY_PROTOCOL: protocol,
      TERRITORY_PATH: '/territory-api/v1/assignments',
      TERRITORY_KEY: 'id',
      TERRITORY_ATOMIC: 'true',
      TERRITORY_TIMEOUT_MS: '500',
      BATCH_SIZE_MAX: '5',
      BATCH_SIZE: '5',
    });
    const good = threefold(90);
    const unknown = change('unknown', 'TER-1', ['TER-1-0', 'no-such-record', 'TER-1-1']);
    const large = change(
      'large',
      'TER-2',
      Array.from({ length: 6 }, (_, index) => `TER-2-${index}`),
    );
    const published = [...good.slice(0, 45), unknown, large, ...good.slice(45)];
    const writers = world.api.startForeignWriters({ everyMs: 60, fields: ['note'] });
    for (const fault of ['destroy', 'destroy'] as const) {
      world.api.faults.inject({ kind: 'no-answer', how: fault, effect: 'written', on: 'write', times: 2 });
    }
    for (const one of published) world.publish(one);
    await world.untilEnded(published.length, 40_000);
    writers.stop();

    const outcomes = outcomesOf(world);
    const counts = written(world);
    for (const { id } of good) {
      expect(outcomes.get(id)).toMatchObject({ outcome: 'applied' });
      expect([id, counts.get(id)]).toEqual([id, 3]);
    }
    expect(outcomes.get('unknown')).toMatchObject({
      outcome: 'failed',
      reason: { code: 'UNKNOWN_ASSIGNMENT' },
      assignments: [{ result: 'skipped' }, { result: 'failed' }, { result: 'skipped' }],
    });
    expect(outcomes.get('large')).toMatchObject({ outcome: 'failed', reason: { code: 'TOO_LARGE' } });
    expect([counts.get('unknown'), counts.get('large')]).toEqual([undefined, undefined]);
    // What failed stood in the middle, and held up nothing behind it.
    for (let territory = 0; territory < TERRITORIES; territory += 1) {
      const last = good.findLast(({ territoryId }) => territoryId === `TER-${territory}`);
      for (const { id } of last?.assignments ?? [])
        expect(world.api.record(`TER-${territory}`, id)?.fields['owner']).toBe(last?.id);
    }
    expect(world.api.stats().conflicts412).toBeGreaterThan(0);
  },
  60_000,
);
