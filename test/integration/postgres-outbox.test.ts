/** The outbox fills within a second after it was empty: what was planned on the empty table has to do for the full one. */
import { beforeAll, expect, it } from 'vitest';
import { createPostgresJournal, type PostgresJournal } from '../../srv/journal/postgres/index.ts';
import { systemClock, type Clock } from '../../srv/platform/clock.ts';
import { message, sendAll, unreadable } from '../contract/journal/samples.ts';
import { ManualClock } from '../doubles/manual-clock.ts';
import { closedAfterAll } from '../system/closing.ts';
import { journalOptions } from './journal-options.ts';
import { databaseForAll, describeOnPostgres } from './postgres-tests.ts';

const MESSAGES = 4000;
/** More than PostgreSQL runs before it keeps a plan. */
const CALLS = 8;
/** Blocks of the outbox and its indexes that a look at one message may need, at most. */
const BLOCKS_PER_MESSAGE = 100;

describeOnPostgres('The outbox in PostgreSQL', () => {
  const database = databaseForAll('running');
  let journal: PostgresJournal;
  const open = closedAfterAll();
  const start = async (clock: Clock, leaseMs?: number): Promise<PostgresJournal> => {
    const made = createPostgresJournal(
      journalOptions(database, {
        clock,
        instance: 'test',
        poolSize: 1,
        ...(leaseMs !== undefined && { leaseMs }),
      }),
    );
    open.push(() => made.close());
    await made.start();
    return made;
  };
  beforeAll(async () => {
    journal = await start(systemClock);
  });

  /** What reading the outbox has touched so far, as PostgreSQL counts. */
  const blocks = async (): Promise<number> => {
    const [row] = await database.query(
      `select (heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)::int as blocks
       from pg_statio_user_tables where relname = 'outbox'`,
    );
    return Number(row?.['blocks']);
  };
  /** The counts are told by the connection that counted, once it is idle for a second, or ends. */
  const reported = async (): Promise<number> => {
    await database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'territory-sync test'`,
    );
    let last = -1;
    await expect
      .poll(
        async () => {
          const before = last;
          last = await blocks();
          return last === before;
        },
        { interval: 300, timeout: 10_000 },
      )
      .toBe(true);
    return last;
  };

  it('costs a message the same when thousands are unsent', async () => {
    for (let call = 0; call < CALLS; call += 1) {
      await journal.append([unreadable(`first ${call}`)]);
      await sendAll(journal);
    }
    const messages = Array.from({ length: MESSAGES }, (_, index) => message(`m${index}`));
    await journal.append([unreadable('many', { messages })]);
    const taken = (await journal.takeUnsent(200)).map(({ id }) => id);
    expect(taken).toEqual(messages.slice(0, 200).map(({ id }) => id));
    await journal.markSent(taken.slice(0, 100));
    await journal.giveBack(taken.slice(100));
    expect((await journal.takeUnsent(1)).map(({ id }) => id)).toEqual(['m100']);
    expect(await reported()).toBeLessThan(BLOCKS_PER_MESSAGE * 1000 + 10 * MESSAGES);
  });

  /** Empties the outbox first. */
  const oneUnsent = async (id: string): Promise<void> => {
    await database.query('delete from outbox');
    await journal.append([unreadable(id, { messages: [message(id)] })]);
  };

  it('hands a message out again when its publisher is gone for a lease', async () => {
    await oneUnsent('orphan');
    // Its clock stands still, and so does all it would do later.
    const gone = await start(new ManualClock(), 200);
    expect((await gone.takeUnsent(1)).map(({ id }) => id)).toEqual(['orphan']);
    expect(await journal.takeUnsent(1)).toEqual([]);
    await expect
      .poll(async () => (await journal.takeUnsent(1)).map(({ id }) => id), { timeout: 20_000 })
      .toEqual(['orphan']);
  });

  it('leaves a message to its publisher for as long as that is there', async () => {
    await oneUnsent('slow');
    const slow = await start(systemClock, 900);
    await slow.takeUnsent(1);
    const takenUntil = async (): Promise<number> => {
      const [row] = await database.query('select taken_until from outbox');
      return Number(row?.['taken_until']);
    };
    const first = await takenUntil();
    await expect.poll(takenUntil, { timeout: 20_000 }).toBeGreaterThan(first + 900);
    await slow.markSent(['slow']);
    expect(await database.query('select from outbox')).toEqual([]);
  });
});
