/**
 * Who needs several changes locks them in the order of their positions, as an erasure does, which takes a page of them at a time:
 * else each could wait for one that the other has.
 */
import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createPostgresJournal, type PostgresJournal } from '../../srv/journal/postgres/index.ts';
import { flown, replayOf } from '../contract/journal/dead-letters.ts';
import { appendNew, change, LEASE_MS } from '../contract/journal/samples.ts';
import { journalOptions } from './journal-options.ts';
import { databaseForEach, describeOnPostgres } from './postgres-tests.ts';

describeOnPostgres('While somebody has locked the first of two changes', () => {
  const database = databaseForEach('running');
  let journal: PostgresJournal;
  let holder: pg.Client;
  beforeEach(async () => {
    journal = createPostgresJournal(journalOptions(database));
    await journal.start();
    holder = new pg.Client({ connectionString: database.credentials.uri });
    await holder.connect();
  });
  afterEach(async () => {
    await holder?.end();
    await journal?.close();
  });

  const waiting = async () => {
    const [row] = await database.query(
      `select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    return row?.['n'];
  };
  /** Lets `work` wait for the first of these changes, and answers which of them are free meanwhile. */
  const freeDuring = async (
    work: () => Promise<unknown>,
    [first]: readonly number[],
  ): Promise<readonly number[]> => {
    await holder.query('begin');
    await holder.query('select from changes where position = $1 for update', [first]);
    const working = work();
    await expect.poll(waiting, { timeout: 5000 }).toBe(1);
    const free = await database.query('select position from changes order by 1 for update skip locked');
    await holder.query('commit');
    await working;
    return free.map(({ position }) => Number(position));
  };

  it('a completion has not locked the second, whichever lane it stands in', async () => {
    const positions = await appendNew(journal, [change('a', 'SECOND'), change('b', 'FIRST')]);
    const lanes = await journal.claim({ records: 100, leaseMs: LEASE_MS });
    const byName = lanes.toSorted((a, b) => (a.territoryId < b.territoryId ? -1 : 1));
    const complete = () => journal.complete(byName.map((lane) => flown(lane)));
    expect(await freeDuring(complete, positions)).toEqual(positions.slice(1));
  });

  it('replays that came together have not locked the second, whichever came first', async () => {
    const arrivals = ['a', 'b'].map((id) => change(id, 'EMEA', { records: ['BAD1'] }));
    const positions = await appendNew(journal, arrivals);
    const lanes = await journal.claim({ records: 100, leaseMs: LEASE_MS });
    await journal.complete(lanes.map((lane) => flown(lane)));
    const replay = () => journal.append(arrivals.toReversed().map((arrival) => replayOf(arrival)));
    expect(await freeDuring(replay, positions)).toEqual(positions.slice(1));
  });
});
