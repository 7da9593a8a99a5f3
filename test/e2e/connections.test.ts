/** What the program spends on the way to the API beside the requests themselves: a connection for each flight at a time, and no more. */
import { expect, test } from 'vitest';
import { fastWorld, ownerChanges, startFastService } from './fast-world.ts';

const FLIGHTS = 4;

test.each(['rest', 'odata-v4'])(
  'over %s all flights use one connection for each that may be in the air, and every request is a read or a write of records',
  async (protocol) => {
    const world = await fastWorld({ api: { latency: { baseMs: 20 } } });
    const changes = ownerChanges(world, { territories: 200, assignments: 2, count: 600 });
    await startFastService(world, {
      TERRITORY_PROTOCOL: protocol,
      TERRITORY_CONCURRENCY: String(FLIGHTS),
      BATCH_SIZE: '10',
      BATCH_SIZE_MAX: '10',
    });
    changes.forEach((change) => world.publish(change));
    await world.untilEnded(changes.length, 30_000);
    const { connections, requests, readRequests, writeRequests } = world.api.stats();
    expect(requests).toBeGreaterThan(20 * FLIGHTS);
    expect(connections).toBeGreaterThan(1);
    expect(connections).toBeLessThanOrEqual(FLIGHTS);
    expect(readRequests + writeRequests).toBe(requests);
    expect(world.api.requests().filter(({ headers }) => 'x-csrf-token' in headers)).toEqual([]);
  },
);
