/**
 * Mesh and territory API in a process of their own, so that what they cost is not taken for the service's. Each order has one change
 * of each record published, and is answered when all of them have ended.
 */
import { setField } from '../../system/published-change.ts';
import { startWorld } from '../../system/world.ts';

const LIMIT_MS = 120_000;

const changes = Number(process.argv[2]);
// One node: no lane rests, so that the run is as short as the work.
const world = await startWorld({ api: { caches: 'off' } });
const ids = Array.from({ length: changes }, (_, index) => ({
  territoryId: `TER-${index}`,
  id: `A-${index}`,
}));
world.api.seedRecords(ids.map((ref) => ({ ...ref, fields: { owner: 'nobody' } })));
let rounds = 0;

// The benchmark failed, or was stopped.
process.once('disconnect', () => process.exit());
process.on('message', (order: 'publish' | 'stop') => void follow(order));
process.send?.(world.env({ PROPAGATION_MIN_MS: '0', PROPAGATION_MAX_MS: '0' }));

async function follow(order: 'publish' | 'stop'): Promise<void> {
  if (order === 'stop') {
    await world.stop();
    process.disconnect();
    return;
  }
  await world.untilReceiving();
  rounds += 1;
  for (const [index, { territoryId, id }] of ids.entries()) {
    world.publish(setField(`change-${rounds}-${index}`, territoryId, id, 'owner', `E${rounds}`));
  }
  await world.mesh.until(
    (mesh) =>
      mesh.depth(world.queues.outcomes).ready >= rounds * changes &&
      mesh.depth(world.queues.work).unsettled === 0,
    LIMIT_MS,
  );
  process.send?.('ended');
}
