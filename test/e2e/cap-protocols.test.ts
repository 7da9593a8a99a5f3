/** SAP CAP over its OData V2 adapter, and changes as transactions over both versions: an API that nobody here has written. */
import { expect, test } from 'vitest';
import { COLLECTION } from '../independent/cap-server.ts';
import { capForAll } from '../independent/cap-tests.ts';
import { assignmentsOf, ownerChanges, SERVICE_USER } from '../independent/cap-world.ts';
import { flawless } from '../independent/commit-judge.ts';
import type { PublishedChange } from '../system/published-change.ts';

const cap = capForAll();

const V2 = { TERRITORY_PROTOCOL: 'odata-v2', TERRITORY_PATH: `/odata/v2${COLLECTION}` };
const V4 = { TERRITORY_PROTOCOL: 'odata-v4' };

async function capWorld(settings: Readonly<Record<string, string>>) {
  const world = await cap.startWorld();
  const records = assignmentsOf(8, 4);
  await cap.server.seed(records.map((record) => ({ ...record, owner: 'nobody', note: 'from the start' })));
  await world.startService(settings);
  return { world, records };
}

test('over odata-v2 every change ends once, in order, whatever others write and whatever becomes of a request', async () => {
  const { world, records } = await capWorld({ ...V2, TERRITORY_TIMEOUT_MS: '2000' });
  const changes = ownerChanges(records, 120);
  const ids = records.slice(0, 16).map(({ id }) => id);
  const writers = world.startForeignWriters({ writers: 3, everyMs: 80, records: ids, fields: ['note'] });
  for (const kind of ['unavailable', 'cut-before', 'failed-after'] as const)
    world.proxy.inject({ kind, on: 'write', times: 1 });
  for (const change of changes) world.publish(change);
  await world.untilEnded(changes.length, 50_000);
  world.proxy.heal();
  await writers.stop();
  await world.proxy.untilIdle();
  expect(await world.findings(changes, writers)).toEqual(flawless(120));
}, 60_000);

/** Of each territory three of its four records, so that changes overlap. */
function threefold(records: ReturnType<typeof assignmentsOf>, count: number): readonly PublishedChange[] {
  const byTerritory = [...Map.groupBy(records, ({ territory }) => territory)];
  return Array.from({ length: count }, (_, index) => {
    const [territoryId, own] = byTerritory[index % byTerritory.length] ?? ['', []];
    const turn = Math.floor(index / byTerritory.length);
    const ids = [0, 1, 2].map((offset) => own[(turn + offset) % own.length]?.id ?? '');
    const assignments = ids.map((id) => ({ id, fields: { owner: `E${index}` } }));
    return { id: `change-${index}`, source: '/default/crm/prod', territoryId, assignments };
  });
}

test.each([
  ['odata-v4', V4],
  ['odata-v2', V2],
])(
  'over %s a change with TERRITORY_ATOMIC is one transaction of CAP, whoever else writes',
  async (_, protocol) => {
    const { world, records } = await capWorld({ ...protocol, TERRITORY_ATOMIC: 'true' });
    const changes = threefold(records, 64);
    const wrong: PublishedChange = {
      id: 'wrong',
      source: '/default/crm/prod',
      territoryId: 'TER-0',
      assignments: [
        { id: records[0]?.id ?? '', fields: { owner: 'wrong' } },
        { id: 'no-such-record', fields: { owner: 'wrong' } },
      ],
    };
    const ids = records.slice(0, 12).map(({ id }) => id);
    const writers = world.startForeignWriters({ writers: 3, everyMs: 80, records: ids, fields: ['note'] });
    for (const change of [...changes.slice(0, 32), wrong, ...changes.slice(32)]) world.publish(change);
    await world.untilEnded(changes.length + 1, 50_000);
    await writers.stop();

    const outcomes = new Map(world.outcomes().map(({ data }) => [data.change.id, data]));
    for (const { id } of changes) expect(outcomes.get(id)).toMatchObject({ outcome: 'applied' });
    expect(outcomes.get('wrong')).toMatchObject({
      outcome: 'failed',
      assignments: [{ result: 'skipped' }, { result: 'failed' }],
    });
    const ours = (await cap.server.commits()).filter(({ writer }) => writer === SERVICE_USER);
    const commits = ours.map(({ after }) => after?.['owner']);
    expect(commits).not.toContain('wrong');
    for (const [index] of changes.entries())
      expect([index, commits.filter((owner) => owner === `E${index}`).length]).toEqual([index, 3]);
  },
  60_000,
);
