import { expect, test } from 'vitest';
import { capForAll } from '../independent/cap-tests.ts';
import { assignmentsOf, ownerChanges, type CapWorld } from '../independent/cap-world.ts';
import { flawless } from '../independent/commit-judge.ts';
import type { FaultPlan } from '../independent/fault-proxy.ts';
import type { PublishedChange } from '../system/published-change.ts';

const cap = capForAll();

const SOURCE = '/default/crm/prod';

/** A service on 40 records in 10 territories, and so many changes of their owners, not yet published. */
async function ownersWorld(
  count: number,
  settings: Readonly<Record<string, string>> = {},
  proxy: { readonly latencyMs?: number } = {},
) {
  const world = await cap.startWorld(proxy);
  const records = assignmentsOf(10, 4);
  await cap.server.seed(records.map((record) => ({ ...record, owner: 'nobody', note: 'from the start' })));
  await world.startService(settings);
  return { world, ids: records.map(({ id }) => id), changes: ownerChanges(records, count) };
}

test('updates, creates and deletes of many territories end once, in order, each on the version that was read', async () => {
  const { world, changes: updates } = await ownersWorld(120);
  await cap.server.seed([
    { id: 'D-1', note: 'old' },
    { id: 'D-2', note: 'old' },
  ]);
  const changes = [...updates.slice(0, 60), ...creationsAndDeletions(), ...updates.slice(60)];
  changes.forEach((change) => world.publish(change));
  await world.untilEnded(changes.length, 15_000);

  expect(await world.findings(changes)).toEqual(flawless(changes.length));
  const rows = await cap.server.rows();
  expect(rows.get(AWKWARD_ID)).toMatchObject({ owner: 'second', quota: '12.50', validFrom: '2026-12-01' });
  expect(rows.has('D-1')).toBe(false);
  expect(rows.get('D-2')).toMatchObject({ owner: 'back again', note: null });
  const results = resultsOf(world);
  expect(['updated', 'created', 'deleted'].filter((result) => !results.has(result))).toEqual([]);
  expect(results.has('unchanged')).toBe(false);
});

function resultsOf(world: CapWorld): ReadonlySet<string> {
  return new Set(world.outcomes().flatMap(({ data }) => data.assignments.map(({ result }) => result)));
}

/** Everything in it has to be escaped somewhere. */
const AWKWARD_ID = "N'1, /é%+&";

function creationsAndDeletions(): readonly PublishedChange[] {
  const change = (id: string, territoryId: string, assignment: PublishedChange['assignments'][number]) => ({
    id,
    source: SOURCE,
    territoryId,
    assignments: [assignment],
  });
  const fields = { territory: 'TER-0', owner: 'first', quota: 12.5 };
  return [
    change('new', 'TER-0', { id: AWKWARD_ID, operation: 'create', fields }),
    change('newer', 'TER-0', { id: AWKWARD_ID, fields: { owner: 'second', validFrom: '2026-12-01' } }),
    change('gone', 'TER-5', { id: 'D-1', operation: 'delete' }),
    change('gone too', 'TER-6', { id: 'D-2', operation: 'delete' }),
    change('back', 'TER-6', { id: 'D-2', operation: 'create', fields: { owner: 'back again' } }),
  ];
}

test('whatever happens to a request on its way, before or after the write, each change has one effect and one outcome', async () => {
  const { world, changes } = await ownersWorld(180, { TERRITORY_TIMEOUT_MS: '400' });
  const plans: readonly FaultPlan[] = [
    { kind: 'unavailable', times: 2 },
    { kind: 'throttled', times: 1 },
    { kind: 'cut-before', times: 2 },
    { kind: 'cut-after', times: 2 },
    { kind: 'failed-after', times: 2 },
    { kind: 'late', times: 2, delayMs: 600 },
  ];
  for (const [index, plan] of plans.entries()) {
    world.proxy.inject({ ...plan, on: 'write' });
    changes.slice(index * 30, index * 30 + 30).forEach((change) => world.publish(change));
    await world.untilEnded(index * 30 + 30, 10_000);
    expect(world.proxy.hits[plan.kind]).toBe(plan.times);
  }
  await world.proxy.untilIdle();
  expect(await world.findings(changes)).toEqual(flawless(180));
  // Nobody else wrote: what is found as wanted is our own write, and has to be told of as such.
  expect(resultsOf(world)).toEqual(new Set(['updated']));
});

test('other writers of other fields and of the same ones lose nothing, and nothing of the service is lost to them', async () => {
  // Some way to the API, so that others find the time to come in between on any machine.
  const { world, ids, changes } = await ownersWorld(160, {}, { latencyMs: 10 });
  const fields = ['note', 'owner', 'territory'];
  const writers = world.startForeignWriters({ writers: 6, everyMs: 60, records: ids.slice(0, 20), fields });
  await inHandfuls(world, changes, () => undefined);
  await world.untilEnded(160, 15_000);
  await writers.stop();

  expect(await world.findings(changes, writers)).toEqual(flawless(160));
  expect(writers.writes.length).toBeGreaterThan(20);
  expect(world.outcomes().reduce((sum, { data }) => sum + data.conflicts, 0)).toBeGreaterThan(0);
});

/** Each handful when half of the one before has ended, so that the flights spread over what others do meanwhile. */
async function inHandfuls(
  world: CapWorld,
  changes: readonly PublishedChange[],
  before: (handful: number) => void,
): Promise<void> {
  for (let from = 0; from < changes.length; from += 20) {
    before(from / 20);
    changes.slice(from, from + 20).forEach((change) => world.publish(change));
    await world.untilEnded(from + 10, 15_000);
  }
}

test('with faults of every kind and foreign writers at once, only a lost answer lets an effect come again', async () => {
  const { world, ids, changes } = await ownersWorld(140, { TERRITORY_TIMEOUT_MS: '300' });
  const fields = ['note', 'owner'];
  const writers = world.startForeignWriters({ writers: 6, everyMs: 100, records: ids, fields });
  const kinds = ['cut-after', 'late', 'unavailable', 'failed-after', 'cut-before', 'throttled'] as const;
  for (const kind of kinds.slice(0, -1)) {
    world.proxy.inject({ kind, share: 0.02, delayMs: 400 });
  }
  await inHandfuls(world, changes, (handful) => {
    const kind = kinds[handful % kinds.length] ?? 'cut-after';
    world.proxy.inject({ kind, on: 'write', times: 1, delayMs: 400 });
  });
  await world.untilEnded(140, 15_000);
  world.proxy.heal();
  await writers.stop();
  await world.proxy.untilIdle();

  // The API keeps no idempotency keys: where an answer was lost, the change may win once more over a later foreign write.
  const excused = { repeatedOverForeign: expect.any(Number) };
  expect(await world.findings(changes, writers)).toEqual({ ...flawless(140), ...excused });
  expect(kinds.filter((kind) => world.proxy.hits[kind] === 0)).toEqual([]);
});

test('under review, a field that somebody else has set is a dead letter, and the other value stays', async () => {
  const { world, changes } = await ownersWorld(2, { ON_OVERLAP: 'review' });
  await world.writeAs({ writer: 'somebody', assignment: 'A-0', field: 'owner', value: 'somebody' });
  for (const { assignments, ...change } of changes) {
    const before = { owner: 'nobody' };
    world.publish({ ...change, assignments: assignments.map((assignment) => ({ ...assignment, before })) });
  }
  await world.untilEnded(2, 10_000);

  const outcomes = new Map(world.outcomes().map(({ data }) => [data.change.id, data]));
  expect(outcomes.get('change-0')).toMatchObject({ outcome: 'failed', reason: { code: 'OVERLAP' } });
  expect(outcomes.get('change-1')).toMatchObject({ outcome: 'applied' });
  expect((await cap.server.rows()).get('A-0')).toMatchObject({ owner: 'somebody' });
  // Held by the service's second receiver, which lists it, or on the way to it.
  const { ready, unsettled } = world.mesh.depth(world.queues.deadLetters);
  expect(ready + unsettled).toBe(1);
});
