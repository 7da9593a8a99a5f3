/**
 * Mesh and territory API in a process of their own, so that what they cost is not taken for the service's. Each order has one change
 * of each record published, and is answered when all of them have ended and, where the order names an address, the metrics of the
 * service were read from there.
 */
import { setField } from '../../system/published-change.ts';
import { series } from '../../system/prometheus.ts';
import { startWorld } from '../../system/world.ts';

export type Order = { readonly what: 'publish'; readonly metricsUrl?: string } | { readonly what: 'stop' };

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
process.on('message', (order: Order) => void follow(order));
process.send?.(world.env({ PROPAGATION_MIN_MS: '0', PROPAGATION_MAX_MS: '0' }));

async function follow(order: Order): Promise<void> {
  if (order.what === 'stop') {
    await world.stop();
    process.disconnect();
    return;
  }
  await world.untilReceiving();
  rounds += 1;
  for (const [index, { territoryId, id }] of ids.entries()) {
    world.publish(setField(`change-${rounds}-${index}`, territoryId, id, 'owner', `E${rounds}`));
  }
  const { mesh, queues } = world;
  await mesh.until(
    (now) => now.depth(queues.outcomes).ready >= rounds * changes && now.depth(queues.work).unsettled === 0,
    LIMIT_MS,
  );
  if (order.metricsUrl !== undefined) await scrape(order.metricsUrl);
  process.send?.('ended');
}

/** @throws where the metrics do not tell of every change: then it was not measured what they cost */
async function scrape(url: string): Promise<void> {
  const answer = await fetch(url);
  const { territory_sync_changes_received_total: received } = series(await answer.text());
  if (received !== rounds * changes) {
    throw new Error(`the metrics tell of ${received} changes received, not of ${rounds * changes}`);
  }
}
