/** Several processes of the service on one exclusive queue and one database. */
import { expect, it, onTestFinished } from 'vitest';
import { wayTo } from '../integration/postgres-outage.ts';
import { type OwnDatabase } from '../integration/postgres-server.ts';
import { describeOnPostgres } from '../integration/postgres-tests.ts';
import { findingsOf, flawless } from '../system/findings.ts';
import type { ServiceProcess } from '../system/service-process.ts';
import type { World } from '../system/world.ts';
import { FAST_SETTINGS, fastWorld, ownerChanges } from './fast-world.ts';
import { mostAtATime, onOneDatabase } from './one-database.ts';

/** A lease that ends within the test; few records a flight, so that there is work for both. */
const SETTINGS = {
  ...FAST_SETTINGS,
  TERRITORY_TIMEOUT_MS: '1500',
  LEASE_TTL_S: '2',
  BATCH_SIZE: '4',
  BATCH_SIZE_MAX: '8',
};
const API = { caches: { minLagMs: 40, maxLagMs: 100 }, latency: { baseMs: 25 } };

describeOnPostgres('Instances on one database', () => {
  const { makeDatabase, start: startOne } = onOneDatabase(SETTINGS);
  const start = (
    world: World,
    database: Pick<OwnDatabase, 'credentials'>,
    index: number,
    more = {},
  ): Promise<ServiceProcess> => startOne(world, database, { ...more, CF_INSTANCE_INDEX: String(index) });

  /** Instances that have had a lane, as far as somebody who looks now and then can see. */
  const watchOwners = (database: OwnDatabase) => {
    const seen = new Set<string>();
    return async (): Promise<ReadonlySet<string>> => {
      const rows = await database.query(
        `select distinct split_part(owner, ' ', 2) as owner from lanes where owner is not null`,
      );
      for (const row of rows) seen.add(row['owner'] as string);
      return seen;
    };
  };

  const expectOneEffectEach = (world: World) => {
    const written = world.api.history().map(({ fields }) => fields['owner']);
    expect(new Set(written).size).toBe(written.length);
  };

  it('start at once on an empty database, share the work, and lose nothing when the receiver is killed', async () => {
    const world = await fastWorld({ api: API });
    const database = await makeDatabase();
    const changes = ownerChanges(world, { territories: 20, assignments: 4, count: 400 });
    const services = await Promise.all([start(world, database, 0), start(world, database, 1)]);
    await world.untilReceiving();
    const owners = watchOwners(database);
    changes.slice(0, 300).forEach((change) => world.publish(change));
    await expect.poll(owners, { timeout: 15_000, interval: 20 }).toEqual(new Set(['0', '1']));
    await (await receiverOf(services)).kill();
    expect(world.outcomes().length).toBeLessThan(300);
    changes.slice(300).forEach((change) => world.publish(change));
    await world.untilEnded(changes.length, 25_000);
    expect(findingsOf(world, changes)).toEqual(flawless(400));
    expectOneEffectEach(world);
  });

  it('go on by themselves when the database has ended all their connections', async () => {
    const world = await fastWorld({ api: API });
    const database = await makeDatabase();
    const changes = ownerChanges(world, { territories: 20, assignments: 4, count: 300 });
    const [service] = await Promise.all([start(world, database, 0), start(world, database, 1)]);
    await world.untilReceiving();
    for (const turn of [0, 1, 2]) {
      const before = world.outcomes().length;
      changes.slice(100 * turn, 100 * turn + 100).forEach((change) => world.publish(change));
      await expect.poll(() => world.outcomes().length, { timeout: 15_000 }).toBeGreaterThan(before + 5);
      await database.endConnections();
    }
    await world.untilEnded(changes.length, 25_000);
    expect(findingsOf(world, changes)).toEqual(flawless(300));
    expectOneEffectEach(world);
    const ready = await (await fetch(`${service.url}/health/ready`)).json();
    expect(ready).toMatchObject({
      mode: 'journal',
      checks: expect.arrayContaining([{ name: 'journal', status: 'UP', since: expect.any(String) }]),
    });
  });

  it('are delivered nothing again and again while the database is away, and go on where they were', async () => {
    const world = await fastWorld({ api: API });
    const way = await wayTo((await makeDatabase()).credentials.uri);
    onTestFinished(() => way.stop());
    await start(world, way, 0);
    await world.untilReceiving();
    const changes = ownerChanges(world, { territories: 20, assignments: 4, count: 101 });
    const publish = (from: number, to: number) =>
      changes.slice(from, to).forEach((change) => world.publish(change));
    // It receives nothing before it has learned from the database whether receiving is paused.
    publish(0, 1);
    await world.untilEnded(1, 15_000);
    const { attaches } = world.mesh.counters;
    way.close();
    publish(1, 51);
    // The first append fails; the link is given up, and attached again without credit.
    const { work } = world.queues;
    await world.mesh.until(
      (mesh) =>
        mesh.counters.attaches > attaches &&
        mesh.consumers(work).active === 1 &&
        mesh.depth(work).unsettled === 0,
      40_000,
    );
    publish(51, 101);
    await expect.poll(() => world.mesh.depth(work), { timeout: 5000 }).toEqual({ ready: 100, unsettled: 0 });
    way.open();
    await world.untilEnded(changes.length, 30_000);
    expect(findingsOf(world, changes)).toEqual(flawless(101));
    expect(world.mesh.counters.redeliveries).toBeLessThanOrEqual(50);
  }, 120_000);

  it('never have more requests under way together than TERRITORY_CONCURRENCY allows one of them', async () => {
    const world = await fastWorld({ api: { ...API, latency: { baseMs: 60 } } });
    const database = await makeDatabase();
    const changes = ownerChanges(world, { territories: 120, assignments: 1, count: 120 });
    const limited = { TERRITORY_CONCURRENCY: '2' };
    await Promise.all([0, 1, 2].map((index) => start(world, database, index, limited)));
    await world.untilReceiving();
    const owners = watchOwners(database);
    changes.forEach((change) => world.publish(change));
    const sharing = async () => (await owners()).size;
    await expect.poll(sharing, { timeout: 15_000, interval: 20 }).toBeGreaterThan(1);
    await world.untilEnded(changes.length, 25_000);
    expect(mostAtATime(world.api.requests())).toBe(2);
  });

  it('leave their lanes at once to the others when told to stop', async () => {
    const world = await fastWorld({ api: { ...API, latency: { baseMs: 300 } } });
    const database = await makeDatabase();
    const changes = ownerChanges(world, { territories: 20, assignments: 1, count: 40 });
    const services = [await start(world, database, 0), await start(world, database, 1)];
    await world.untilReceiving();
    const owners = watchOwners(database);
    changes.forEach((change) => world.publish(change));
    await expect.poll(owners, { timeout: 15_000, interval: 20 }).toContain('0');
    expect(await services[0]?.stop()).toBe(0);
    expect(await database.query(`select 1 from lanes where owner like 'instance 0 %'`)).toEqual([]);
    await world.untilEnded(changes.length, 25_000);
    expect(findingsOf(world, changes)).toEqual(flawless(40));
  });
});

/** The mesh gives an exclusive queue to one of them. */
async function receiverOf(services: readonly ServiceProcess[]): Promise<ServiceProcess> {
  for (const service of services) {
    const ready = (await (await fetch(`${service.url}/health/ready`)).json()) as {
      readonly receiver: string;
    };
    if (ready.receiver === 'active') return service;
  }
  throw new Error('no instance receives');
}
