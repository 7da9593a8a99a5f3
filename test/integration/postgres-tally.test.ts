/** What all instances counted, in PostgreSQL itself; time is the test's own. */
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Availability } from '../../srv/journal/postgres/availability.ts';
import { Database } from '../../srv/journal/postgres/database.ts';
import { readEndpoint } from '../../srv/journal/postgres/settings.ts';
import { PostgresTally } from '../../srv/journal/postgres/tally.ts';
import type { Tally } from '../../srv/journal/port.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { databaseForAll, describeOnPostgres } from './postgres-tests.ts';

const MINUTE_MS = 60_000;
const NOTHING: Tally = {
  received: 0,
  applied: 0,
  unchanged: 0,
  superseded: 0,
  failed: 0,
  writes: 0,
  conflicts: 0,
};

describeOnPostgres('the tally in PostgreSQL', () => {
  const own = databaseForAll('stopped');
  let databases: readonly Database[];
  let one: PostgresTally;
  let two: PostgresTally;

  beforeAll(async () => {
    databases = ['one', 'two'].map(
      (applicationName) =>
        new Database({
          endpoint: readEndpoint('test', own.credentials),
          clock: systemClock,
          availability: new Availability(systemClock, createRecordingLog()),
          poolSize: 2,
          statementTimeoutMs: 10_000,
          applicationName,
        }),
    );
    [one, two] = databases.map((database) => new PostgresTally(database)) as [PostgresTally, PostgresTally];
  });
  afterAll(async () => {
    for (const database of databases ?? []) await database.close();
  });
  beforeEach(async () => {
    await own.empty();
    // At the start of a minute, so that what a test adds lies where it says.
    await own.query("update ours.time set at = date_trunc('minute', at) + interval '1 hour'");
  });

  it('adds up what the instances count, in one row for ten seconds', async () => {
    await Promise.all([
      one.add({ ...NOTHING, received: 2, writes: 10, conflicts: 1 }, 7),
      two.add({ ...NOTHING, applied: 3, writes: 30, conflicts: 2 }, undefined),
    ]);
    expect(await own.query('select count(*)::int as n from tallies')).toEqual([{ n: 1 }]);
    const { window, minutes } = await two.read(1440, 300);
    expect(window).toEqual({ writes: 40, conflicts: 3 });
    expect(minutes).toMatchObject([{ received: 2, applied: 3, writes: 40, conflicts: 3, backlog: 7 }]);
  });

  it('knows a window that ends now, to ten seconds', async () => {
    await one.add({ ...NOTHING, writes: 100, conflicts: 100 }, undefined);
    await own.pass(290_000);
    await one.add({ ...NOTHING, writes: 1 }, undefined);
    expect((await one.read(1, 300)).window).toEqual({ writes: 101, conflicts: 100 });
    await own.pass(10_000);
    expect((await one.read(1, 300)).window).toEqual({ writes: 1, conflicts: 0 });
  });

  it('gives the minutes that are asked for, oldest first, with the backlog as last seen', async () => {
    await one.add({ ...NOTHING, received: 1 }, 5);
    await own.pass(20_000);
    await two.add({ ...NOTHING, received: 1 }, 9);
    await own.pass(2 * MINUTE_MS);
    await one.add({ ...NOTHING, received: 4 }, undefined);
    const all = (await one.read(1440, 300)).minutes;
    expect(all.map(({ received, backlog }) => [received, backlog])).toEqual([
      [2, 9],
      [4, undefined],
    ]);
    expect((all[1]?.at ?? 0) - (all[0]?.at ?? 0)).toBe(2 * MINUTE_MS);
    expect((await one.read(2, 300)).minutes).toHaveLength(1);
  });

  it('forgets what is older than a day and an hour', async () => {
    await one.add({ ...NOTHING, received: 1 }, 1);
    await own.pass(24 * 60 * MINUTE_MS);
    await one.forget();
    expect((await own.query('select 1 from tallies')).length).toBe(1);
    await own.pass(61 * MINUTE_MS);
    await one.forget();
    expect(await own.query('select 1 from tallies')).toEqual([]);
  });
});
