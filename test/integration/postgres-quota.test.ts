/** What instances use up together at the territory API, on a real database. */
import { beforeEach, expect, it } from 'vitest';
import { createPostgresJournal } from '../../srv/journal/postgres/index.ts';
import type { SharedQuota } from '../../srv/journal/port.ts';
import { closedAfterEach } from '../system/closing.ts';
import { journalOptions } from './journal-options.ts';
import { databaseForEach, describeOnPostgres } from './postgres-tests.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const STEP_MS = 600_000;

describeOnPostgres('The quota of all instances', () => {
  const database = databaseForEach('stopped');
  const open = closedAfterEach();

  beforeEach(async () => {
    // At the start of a stretch of ten minutes.
    await database.query(`update ours.time set at = date_trunc('hour', at)`);
  });

  const instance = async (): Promise<SharedQuota> => {
    const journal = createPostgresJournal(journalOptions(database, { poolSize: 3 }));
    open.push(() => journal.close());
    await journal.start();
    return journal.quota;
  };

  it('adds up what each of them sends, for a day and no longer', async () => {
    const [one, two] = [await instance(), await instance()];
    expect(await one.report(0)).toEqual({ spent: [], pausedForMs: 0 });
    await one.report(5);
    expect((await two.report(7)).spent).toEqual([{ requests: 12, freesInMs: DAY_MS + STEP_MS }]);
    await database.pass(HOUR_MS);
    const expected = [
      { requests: 12, freesInMs: DAY_MS + STEP_MS - HOUR_MS },
      { requests: 1, freesInMs: DAY_MS + STEP_MS },
    ];
    expect((await one.report(1)).spent).toEqual(expected);
    const later = await instance();
    expect((await later.report(0)).spent).toEqual(expected);
    await database.pass(DAY_MS + STEP_MS - HOUR_MS);
    expect((await two.report(0)).spent).toEqual([{ requests: 1, freesInMs: HOUR_MS }]);
    expect(await database.query('select 1 from api_requests')).toHaveLength(1);
  });

  it('loses no request of reports that come at the same moment', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, instance));
    await Promise.all(all.flatMap((quota) => [quota.report(1), quota.report(1), quota.report(1)]));
    expect((await all[0]?.report(0))?.spent).toMatchObject([{ requests: 12 }]);
  });

  it('pauses all of them for the longest wait that one was told, also those that start later, until it is lifted', async () => {
    const [one, two] = [await instance(), await instance()];
    let heard = 0;
    const stop = two.onPaused(() => (heard += 1));
    await expect.poll(() => heard, { timeout: 5000 }).toBeGreaterThan(0);
    const before = heard;
    await one.pause(2 * HOUR_MS);
    await two.pause(HOUR_MS);
    await expect.poll(() => heard, { timeout: 5000 }).toBeGreaterThan(before);
    stop();
    await database.pass(HOUR_MS);
    expect((await (await instance()).report(0)).pausedForMs).toBe(HOUR_MS);
    await two.lift();
    expect((await one.report(0)).pausedForMs).toBe(0);
    await one.pause(HOUR_MS);
    await database.pass(HOUR_MS);
    expect((await one.report(0)).pausedForMs).toBe(0);
  });
});
