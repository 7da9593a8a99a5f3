/** The PostgreSQL journal after a failover: its connections may lead to the former primary, which answers, and refuses to write. */
import { expect, it } from 'vitest';
import { createPostgresJournal } from '../../srv/journal/postgres/index.ts';
import { JournalUnavailable } from '../../srv/journal/port.ts';
import { systemClock, type Clock } from '../../srv/platform/clock.ts';
import { change } from '../contract/journal/samples.ts';
import { closedAfterEach } from '../system/closing.ts';
import { journalOptions } from './journal-options.ts';
import { wayTo } from './postgres-outage.ts';
import { newDatabase } from './postgres-server.ts';
import { describeOnPostgres } from './postgres-tests.ts';

const LEASE_MS = 60_000;

describeOnPostgres('After a failover', () => {
  const open = closedAfterEach();

  it('the journal leaves a server that only reads, as a former primary does, and goes on at one that writes', async () => {
    const database = await newDatabase();
    open.push(() => database.drop());
    const way = await wayTo(database.credentials.uri);
    open.push(() => way.stop());
    const name = new URL(database.credentials.uri).pathname.slice(1);
    const makeReadOnly = (mode: 'on' | 'off') =>
      database.query(
        `begin read write; alter database "${name}" set default_transaction_read_only = ${mode}; commit`,
      );
    // Looks twenty times as often.
    const quick: Clock = { ...systemClock, after: (delayMs, act) => systemClock.after(delayMs / 20, act) };
    const moved = createPostgresJournal(journalOptions(way, { clock: quick, instance: 'moved' }));
    open.push(() => moved.close());
    await moved.start();
    await moved.append([change('a', 'EMEA')]);
    await makeReadOnly('on');
    way.close();
    way.open();
    await expect
      .poll(() => moved.check(), { timeout: 5000 })
      .toMatchObject({
        status: 'DOWN',
        reason: expect.stringMatching(/25006|only reads/),
      });
    await expect(moved.claim({ records: 1, leaseMs: LEASE_MS })).rejects.toThrow(JournalUnavailable);
    // It listens there, too.
    const listening = () =>
      database.query(
        `select from pg_stat_activity where application_name = 'territory-sync moved' and query like 'listen %'`,
      );
    await expect.poll(listening, { timeout: 5000, interval: 10 }).toHaveLength(1);
    await makeReadOnly('off');
    const [row] = await database.query(`select clock_timestamp() as at`);
    await expect.poll(() => moved.check().status, { timeout: 5000 }).toBe('UP');
    const [lane] = await moved.claim({ records: 1, leaseMs: LEASE_MS });
    expect(lane?.territoryId).toBe('EMEA');
    // None of its connections stays there, the one that listens neither.
    const left = () =>
      database.query(
        `select pid from pg_stat_activity
         where datname = current_database() and application_name = 'territory-sync moved' and backend_start < $1`,
        [row?.['at']],
      );
    await expect.poll(left, { timeout: 10_000 }).toEqual([]);
  });
});
