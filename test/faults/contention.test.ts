import { expect, test } from 'vitest';
import { capForAll } from '../independent/cap-tests.ts';
import { assignmentsOf, ownerChanges, type CapWorld } from '../independent/cap-world.ts';
import { flawless } from '../independent/commit-judge.ts';

/**
 * A hundred other programs write the records that the service is about to write, through a server that nobody of this
 * project wrote. SHORT=1 takes a fifth of the changes and shows that the test runs; the figures are the long form's.
 */
const SHORT = process.env['SHORT'] === '1';
const CHANGES = SHORT ? 200 : 1000;
const PER_SECOND = SHORT ? 40 : 20;
const WRITERS = 100;
const EVERY_MS = 5_000;
const RECORDS = { territories: 40, each: 5 };

/** As shipped, but for what this API is and is not. */
const AS_SHIPPED = {
  RETRY_LIMIT: '5',
  RETRY_FIRST_DELAY_MS: '2000',
  RETRY_MAX_DELAY_MS: '32000',
  API_PROBE_INTERVAL_MS: '5000',
};

const cap = capForAll();

/** Each way: none, and as between two data centres. A record can change under the service for twice that and its own time. */
test.each(SHORT ? [50] : [0, 50])(
  'a hundred foreign writers on the same records cost retries but no update and no dead letter (%i ms each way)',
  async (latencyMs) => {
    const world = await cap.startWorld({ latencyMs });
    const records = assignmentsOf(RECORDS.territories, RECORDS.each);
    await cap.server.seed(records.map((record) => ({ ...record, owner: 'nobody' })));
    await world.startService(AS_SHIPPED);
    const changes = ownerChanges(records, CHANGES);
    const ids = records.map(({ id }) => id);
    const fields = ['owner', 'note'];
    const writers = world.startForeignWriters({ writers: WRITERS, everyMs: EVERY_MS, records: ids, fields });

    const startedAt = performance.now();
    for (const [index, change] of changes.entries()) {
      await until(startedAt + (index * 1000) / PER_SECOND);
      world.publish(change);
    }
    await world.untilEnded(CHANGES, 120_000);
    const seconds = (performance.now() - startedAt) / 1000;
    await writers.stop();

    const found = await world.findings(changes, writers);
    report(world, latencyMs, seconds, writers);
    expect(found).toEqual(flawless(CHANGES));
    expect(world.mesh.depth(world.queues.deadLetters).ready).toBe(0);
    // Without any, nothing was shown; the short form may meet none.
    if (!SHORT && latencyMs > 0) expect(conflictsOf(world)).toBeGreaterThan(0);
    // Each of them writes at least once in every pace and a half.
    expect(writers.writes.length).toBeGreaterThan((seconds / (EVERY_MS / 1000) / 1.5 - 1) * WRITERS);
  },
);

/** Due times, so that a busy machine does not lower the rate. */
function until(dueMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
}

function conflictsOf(world: CapWorld): number {
  return world.outcomes().reduce((sum, { data }) => sum + data.conflicts, 0);
}

function report(
  world: CapWorld,
  latencyMs: number,
  seconds: number,
  writers: { readonly writes: readonly unknown[]; readonly conflicts: number },
): void {
  const told = world.outcomes().map(({ data }) => data);
  const conflicts = conflictsOf(world);
  const worst = Math.max(...told.map((data) => data.conflicts));
  const requests = world.proxy.requests;
  console.log(
    [
      `${latencyMs} ms each way: ${told.length} changes in ${seconds.toFixed(1)} s against ${WRITERS} foreign writers`,
      `  foreign writes         ${writers.writes.length}, refused and tried again ${writers.conflicts}`,
      `  conflicts of changes   ${conflicts}, ${(conflicts / told.length).toFixed(4)} per change, at most ${worst}`,
      `  changes with conflicts ${told.filter((data) => data.conflicts > 0).length}`,
      `  API requests           ${requests.reads} reads, ${requests.writes} writes in bulk`,
    ].join('\n'),
  );
}
