/** Mesh and territory API on a thread of their own, so that what they cost is not taken for the service's. */
/* oxlint-disable unicorn/require-post-message-target-origin -- messages go to a thread, which has no origin */
import { parentPort, workerData } from 'node:worker_threads';
import { setField } from '../../system/published-change.ts';
import { startWorld } from '../../system/world.ts';

const LIMIT_MS = 60_000;

const { changes } = workerData as { readonly changes: number };
// One node: no lane rests, so that the run is as short as the work.
const world = await startWorld({ api: { caches: 'off' } });
const ids = Array.from({ length: changes }, (_, index) => ({
  territoryId: `TER-${index}`,
  id: `A-${index}`,
}));
world.api.seedRecords(ids.map((ref) => ({ ...ref, fields: { owner: 'nobody' } })));

parentPort?.on('message', (order: 'publish' | 'stop') => void follow(order));
parentPort?.postMessage(world.env({ PROPAGATION_MIN_MS: '0', PROPAGATION_MAX_MS: '0' }));

async function follow(order: 'publish' | 'stop'): Promise<void> {
  if (order === 'stop') {
    await world.stop();
    parentPort?.close();
    return;
  }
  await world.untilReceiving();
  for (const [index, { territoryId, id }] of ids.entries()) {
    world.publish(setField(`change-${index}`, territoryId, id, 'owner', 'E1'));
  }
  await world.mesh.until((mesh) => mesh.depth(world.queues.outcomes).ready >= changes, LIMIT_MS);
  parentPort?.postMessage('ended');
}
