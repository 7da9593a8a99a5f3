/** One correlation id leads from an event to the requests that were made for it, to the lines of the log, and to its outcome. */
import { expect, it } from 'vitest';
import type { ServiceProcess } from '../system/service-process.ts';
import { startService } from '../system/service-process.ts';
import type { World } from '../system/world.ts';
import { FAST_SETTINGS, fastWorld, ownerChanges, startFastService } from './fast-world.ts';

/** As deployed, with a line for each request. */
const LOGGING = { NODE_ENV: 'production', LOG_LEVEL: 'debug' };

interface Line {
  readonly msg: string;
  readonly correlation_id?: string;
  readonly changes?: string;
}

function lines(service: ServiceProcess): readonly Line[] {
  const written = service.output().split('\n');
  return written.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line);
}

/** The different ids that went to the API. */
function sentIds(world: World): readonly (string | undefined)[] {
  const sent = world.api.requests().map(({ headers }) => headers['x-correlationid']);
  return [...new Set(sent)];
}

it.each([
  ['its own', 'order-4711', 'order-4711'],
  ['that of its event, where it has none', undefined, 'change-0'],
])('a change that flies alone has one correlation id: %s', async (_, correlationId, expected) => {
  const world = await fastWorld();
  const [change] = ownerChanges(world, { territories: 1, assignments: 1, count: 1 });
  const service = await startFastService(world, LOGGING);
  if (change) world.publish({ ...change, ...(correlationId && { correlationId }) });
  await world.untilEnded(1, 20_000);

  expect(sentIds(world)).toEqual([expected]);
  const logged = lines(service).filter(({ msg }) => msg === 'territory API request');
  expect(logged).toHaveLength(world.api.requests().length);
  expect(new Set(logged.map((line) => line.correlation_id))).toEqual(new Set([expected]));
  const [outcome] = world.outcomes();
  expect(outcome?.causationid).toBe('change-0');
  expect(outcome?.correlationid).toBe(correlationId);
});

it('changes that fly together share one, and the log says which they are', async () => {
  const world = await fastWorld();
  const changes = ownerChanges(world, { territories: 6, assignments: 1, count: 6 });
  for (const change of changes) world.publish(change);
  const service = await startService(world.env({ ...FAST_SETTINGS, ...LOGGING }));
  try {
    await world.untilEnded(changes.length, 20_000);
    const together = lines(service).filter(({ msg }) => msg === 'Changes fly together');
    expect(together.length).toBeGreaterThan(0);
    const sent = sentIds(world);
    for (const { correlation_id: id } of together) expect(sent).toContain(id);
    // Whoever flew alone was sent under the id of its event.
    const found = sent.flatMap(
      (id) => together.find((line) => line.correlation_id === id)?.changes?.split(' ') ?? [id],
    );
    expect(new Set(found)).toEqual(new Set(changes.map(({ id }) => id)));
    expect(found).toHaveLength(changes.length);
  } finally {
    await service.kill();
  }
});

it('what a flight only wakes is not done under its correlation id', async () => {
  const world = await fastWorld();
  const [change] = ownerChanges(world, { territories: 1, assignments: 1, count: 1 });
  const service = await startFastService(world, LOGGING);
  const outage = world.api.faults.inject({ kind: 'status', status: 503 });
  if (change) world.publish(change);
  await expect.poll(() => world.api.requests().length, { timeout: 10_000 }).toBeGreaterThan(5);
  outage.remove();
  await world.untilEnded(1, 20_000);
  // The requests of its flights have it, the probes of the API between them have none.
  expect(new Set(sentIds(world))).toEqual(new Set(['change-0', undefined]));
  const others = lines(service).filter(({ msg }) => /breaker|Alert|in trouble|answers again/.test(msg));
  expect(others.length).toBeGreaterThan(0);
  expect(others.filter((line) => line.correlation_id !== undefined)).toEqual([]);
});

it('changes of one correlation id fly under it together', async () => {
  const world = await fastWorld();
  const changes = ownerChanges(world, { territories: 4, assignments: 1, count: 4 });
  for (const change of changes) world.publish({ ...change, correlationId: 'reorganisation-7' });
  const service = await startService(world.env({ ...FAST_SETTINGS, ...LOGGING }));
  try {
    await world.untilEnded(changes.length, 20_000);
    expect(sentIds(world)).toEqual(['reorganisation-7']);
    const outcomes = world.outcomes().map(({ correlationid }) => correlationid);
    expect(new Set(outcomes)).toEqual(new Set(['reorganisation-7']));
  } finally {
    await service.kill();
  }
});
