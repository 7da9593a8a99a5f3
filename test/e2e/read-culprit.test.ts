import { expect, test } from 'vitest';
import { setField } from '../system/published-change.ts';
import { fastWorld, startFastService } from './fast-world.ts';
import { HUNDREDTH, publishChanges } from './unharmed.ts';

test('a record with which every request fails, reads too, holds up its own territory only', async () => {
  const world = await fastWorld({ api: HUNDREDTH.api });
  await startFastService(world, HUNDREDTH.settings);
  world.api.faults.inject({ kind: 'status', status: 500, records: (id) => id === 'broken' });
  world.api.seedRecords([{ territoryId: 'TER-X', id: 'broken', fields: { owner: 'nobody' } }]);
  world.publish(setField('broken', 'TER-X', 'broken', 'owner', 'new'));
  const changes = publishChanges(world, 'good', 100);
  await world.mesh.until((mesh) => mesh.depth(world.queues.outcomes).ready >= changes.length, 5_000);
  expect(
    world.outcomes().filter(({ data }) => data.outcome !== 'applied' && data.change.id !== 'broken'),
  ).toEqual([]);
});
