import { expect, test } from 'vitest';
import { setField } from '../system/published-change.ts';
import { fastWorld, ownerChanges, startFastService } from './fast-world.ts';

test('a conflict that outlasts every retry ends on the dead-letter queue with reason and history, and its lane goes on', async () => {
  const world = await fastWorld();
  const [change] = ownerChanges(world, { territories: 1, assignments: 2, count: 1 });
  if (!change) throw new Error('no change');
  const refused = world.api.faults.inject({
    kind: 'record-status',
    status: 412,
    on: 'write',
    records: (id) => id === 'A-0',
  });
  await startFastService(world);
  world.publish(change);
  world.publish(setField('next', change.territoryId, 'A-1', 'owner', 'next'));
  await world.untilEnded(2, 20_000);

  const failed = world.outcomes().find(({ data }) => data.change.id === change.id);
  expect(failed).toMatchObject({
    type: 'cx.territory.sync.failed.v1',
    causationid: change.id,
    data: {
      outcome: 'failed',
      reason: { code: 'CONFLICT_LIMIT' },
      attempts: 6,
      conflicts: 6,
      assignments: [{ id: 'A-0', result: 'failed', error: { status: 412, code: 'CONFLICT_LIMIT' } }],
    },
  });
  expect(refused.hits).toBe(6);
  const [letter] = world.mesh.peek(world.queues.deadLetters);
  expect(letter?.properties).toMatchObject({
    deadLetterId: failed?.data.deadLetterId,
    decision: 0,
    reason: 'CONFLICT_LIMIT',
    source: change.source,
    id: change.id,
    territoryId: change.territoryId,
    attempts: 6,
  });
  expect(JSON.parse(letter?.body.toString() ?? '')).toMatchObject({ id: change.id });
  const history = JSON.parse(String(letter?.properties['history'])) as { step: string }[];
  expect(history.filter(({ step }) => step === 'conflict')).toHaveLength(6);
  expect(world.api.record(change.territoryId, 'A-1')?.fields['owner']).toBe('next');
});

test('a message that cannot be read becomes a dead letter with its bytes, and the good ones around it go through', async () => {
  const world = await fastWorld();
  const changes = ownerChanges(world, { territories: 2, assignments: 2, count: 4 });
  await startFastService(world);
  changes.slice(0, 2).forEach((change) => world.publish(change));
  world.mesh.enqueue(world.queues.work, { body: Buffer.from([0xff, 0xfe, 0x00]), messageId: 'garbage' });
  changes.slice(2).forEach((change) => world.publish(change));
  await world.untilEnded(5, 15_000);
  const [letter] = world.mesh.peek(world.queues.deadLetters);
  expect(letter?.body).toEqual(Buffer.from([0xff, 0xfe, 0x00]));
  expect(letter?.properties).toMatchObject({
    reason: 'INVALID_EVENT',
    id: 'garbage',
    source: world.queues.work,
  });
  const failures = world.outcomes().filter(({ data }) => data.outcome === 'failed');
  expect(failures).toMatchObject([{ data: { territoryId: null, reason: { code: 'INVALID_EVENT' } } }]);
});

test('a known id with another payload is a dead letter of its own and leaves the first change alone', async () => {
  const world = await fastWorld();
  const [change] = ownerChanges(world, { territories: 1, assignments: 1, count: 1 });
  if (!change) throw new Error('no change');
  await startFastService(world);
  world.publish(change);
  world.publish(setField(change.id, change.territoryId, 'A-0', 'owner', 'impostor'));
  await world.mesh.until(() => world.outcomes().length === 2, 10_000);
  expect(
    world
      .outcomes()
      .map(({ data }) => data.outcome)
      .sort(),
  ).toEqual(['applied', 'failed']);
  expect(world.api.record(change.territoryId, 'A-0')?.fields['owner']).toBe('E0');
});
