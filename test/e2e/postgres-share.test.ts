/** Work is spread evenly over the processes on a database, within one limit for all; and goes over from an old one to a new one. */
import { expect, it } from 'vitest';
import { describeOnPostgres } from '../integration/postgres-tests.ts';
import { findingsOf, flawless } from '../system/findings.ts';
import type { PublishedChange } from '../system/published-change.ts';
import type { ServiceProcess } from '../system/service-process.ts';
import type { World } from '../system/world.ts';
import { order, summaryOf } from './asked.ts';
import { FAST_SETTINGS, fastWorld, ownerChanges } from './fast-world.ts';
import { mostAtATime, onOneDatabase } from './one-database.ts';

const CONCURRENCY = 6;
const SETTINGS = {
  ...FAST_SETTINGS,
  TERRITORY_CONCURRENCY: String(CONCURRENCY),
  BATCH_SIZE: '4',
  BATCH_SIZE_MAX: '8',
};
describeOnPostgres('Processes on one database', () => {
  const { makeDatabase, start } = onOneDatabase(SETTINGS);
  const expectFlawless = (world: World, published: readonly PublishedChange[]) => {
    expect(findingsOf(world, published)).toEqual(flawless(published.length));
    const written = world.api.history().map(({ fields }) => fields['owner']);
    expect(new Set(written).size).toBe(written.length);
  };

  it('share the flights evenly, and never fly more at a time than one may', async () => {
    const world = await fastWorld({ api: { latency: { baseMs: 120 } } });
    const database = await makeDatabase();
    const services = await Promise.all([1, 2, 3].map(() => start(world, database)));
    await world.untilReceiving();
    await Promise.all(services.map((service) => order(service, 'pause', 'flights')));
    const changes = ownerChanges(world, { territories: 60, assignments: 6, count: 360 });
    changes.forEach((change) => world.publish(change));
    const backlog = async () => (await summaryOf(services[0] as ServiceProcess)).backlog.changes;
    await expect.poll(backlog, { timeout: 30_000 }).toBe(changes.length);
    await order(services[0] as ServiceProcess, 'resume', 'flights');
    await world.untilEnded(changes.length, 60_000);
    const writes = await Promise.all(
      services.map(async (service) => {
        const { perMinute } = await summaryOf(service);
        return perMinute.reduce((sum, minute) => sum + minute.writes, 0);
      }),
    );
    const all = writes.reduce((sum, one) => sum + one, 0);
    console.log(
      `Shares of three processes: ${writes.map((one) => `${Math.round((100 * one) / all)} %`).join(', ')}`,
    );
    expect(Math.min(...writes) / all).toBeGreaterThan(0.2);
    expect(mostAtATime(world.api.requests())).toBeLessThanOrEqual(CONCURRENCY);
    expectFlawless(world, changes);
  }, 150_000);

  it('take over from each other: a new one waits while the old one works, and goes on where it ends', async () => {
    const world = await fastWorld({ api: { latency: { baseMs: 25 } } });
    const database = await makeDatabase();
    const old = await start(world, database);
    await world.untilReceiving();
    const changes = ownerChanges(world, { territories: 20, assignments: 2, count: 300 });
    changes.slice(0, 200).forEach((change) => world.publish(change));
    const next = await start(world, database, { START_PAUSED: 'true' });
    const readiness = async () => {
      const ready = await fetch(`${next.url}/health/ready`);
      return { status: ready.status, body: await ready.json() };
    };
    await expect
      .poll(readiness, { timeout: 10_000 })
      .toMatchObject({ status: 200, body: { receiver: 'paused' } });
    await world.untilEnded(1, 30_000);
    expect((await summaryOf(next)).perMinute.reduce((sum, { writes }) => sum + writes, 0)).toBe(0);
    const stopped = old.stop();
    changes.slice(200).forEach((change) => world.publish(change));
    expect(await stopped, old.output()).toBe(0);
    expect(world.outcomes().length).toBeLessThan(changes.length);
    await order(next, 'resume', 'all');
    await world.untilEnded(changes.length, 60_000);
    expectFlawless(world, changes);
  }, 150_000);
});
