/** What the journal asks of its connections: no more than it was given, none that works for ever, and patience with a server that is starting. */
import net from 'node:net';
import { expect, it } from 'vitest';
import { createPostgresJournal, type PostgresJournal } from '../../srv/journal/postgres/index.ts';
import { Availability } from '../../srv/journal/postgres/availability.ts';
import { Database } from '../../srv/journal/postgres/database.ts';
import { migrate } from '../../srv/journal/postgres/migrate.ts';
import { readEndpoint } from '../../srv/journal/postgres/settings.ts';
import { JournalUnavailable } from '../../srv/journal/port.ts';
import { systemClock, type Clock } from '../../srv/platform/clock.ts';
import { change } from '../contract/journal/samples.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { closedAfterEach } from '../system/closing.ts';
import { journalOptions } from './journal-options.ts';
import { newDatabase, type OwnDatabase } from './postgres-server.ts';
import { describeOnPostgres } from './postgres-tests.ts';

const LEASE_MS = 60_000;
/** After five executions PostgreSQL may keep a prepared statement's plan, whatever its values. */
const PLANNED_FOR_GOOD = 7;

describeOnPostgres('The journal’s connections', () => {
  const open = closedAfterEach();

  const own = async (): Promise<OwnDatabase> => {
    const database = await newDatabase();
    open.push(() => database.drop());
    return database;
  };
  const journalAt = (
    credentials: { readonly uri: string },
    limits: { readonly poolSize?: number; readonly statementTimeoutMs?: number } = {},
    clock: Clock = systemClock,
  ): PostgresJournal => {
    const journal = createPostgresJournal(
      journalOptions({ credentials }, { clock, instance: 'connected', ...limits }),
    );
    open.push(() => journal.close());
    return journal;
  };
  const connections = async (database: OwnDatabase): Promise<number> => {
    const rows = await database.query(
      `select from pg_stat_activity where application_name = 'territory-sync connected' and datname = current_database()`,
    );
    return rows.length;
  };

  it('are as many as it was given and the one that listens, however much is asked at a time', async () => {
    const database = await own();
    const poolSize = 3;
    const journal = journalAt(database.credentials, { poolSize });
    await journal.start();
    const appends = Array.from({ length: 40 }, (_, index) =>
      journal.append([change(`c${index}`, `T${index}`)]),
    );
    let most = 0;
    const over = new AbortController();
    const looking = (async () => {
      while (!over.signal.aborted) most = Math.max(most, await connections(database));
    })();
    await Promise.all(appends);
    over.abort();
    await looking;
    expect(most).toBe(poolSize + 1);
  });

  it('work on no statement for longer than its time-out, and can be used again', async () => {
    const database = await own();
    const journal = journalAt(database.credentials, { statementTimeoutMs: 300 });
    await journal.start();
    await journal.append([change('a', 'EMEA')]);
    // Held by somebody else for longer.
    const holding = database.query(`begin; lock table lanes; select pg_sleep(1.5); commit`);
    const locked = () =>
      database.query(
        `select from pg_locks where relation = 'lanes'::regclass and mode = 'AccessExclusiveLock' and granted`,
      );
    await expect.poll(locked, { interval: 5 }).toHaveLength(1);
    const error: unknown = await journal
      .claim({ records: 1, leaseMs: LEASE_MS })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(JournalUnavailable);
    expect(String(error)).toMatch(/57014/);
    expect(await locked()).toHaveLength(1);
    await holding;
    const [lane] = await journal.claim({ records: 1, leaseMs: LEASE_MS });
    expect(lane?.territoryId).toBe('EMEA');
  });

  it('keep no plan, made while a table was empty, that reads the whole of it for each row', async () => {
    const held = await own();
    const query = (sql: string) => held.query(sql);
    const log = createRecordingLog();
    const database = new Database({
      endpoint: readEndpoint('test', held.credentials),
      clock: systemClock,
      availability: new Availability(systemClock, log),
      poolSize: 1,
      statementTimeoutMs: 10_000,
      applicationName: 'planning',
    });
    open.push(() => database.close());
    await migrate(database, log);
    // Nothing but the plan decides then: statistics would have the statement planned again.
    await query(`alter table outbox set (autovacuum_enabled = off)`);
    await query(`vacuum analyze outbox`);
    const take = () => database.run('outbox/take', [100, 60_000, null]);
    for (let time = 0; time < PLANNED_FOR_GOOD; time += 1) expect(await take()).toEqual([]);
    await query(
      `insert into outbox (message_id, kind, envelope, body) select 'm' || n, 'outcome', '{}', '' from generate_series(1, 5000) as n`,
    );
    const plan = () =>
      query(`select seq_tup_read::int as read from pg_stat_user_tables where relname = 'outbox'`);
    const [before] = await plan();
    expect(await take()).toHaveLength(100);
    // Told a moment after the connection is idle, at the latest when it ends.
    await database.close();
    await expect
      .poll(async () =>
        Number(
          (await query(`select idx_scan::int as n from pg_stat_user_tables where relname = 'outbox'`))[0]?.[
            'n'
          ],
        ),
      )
      .toBeGreaterThan(100);
    expect(await plan()).toEqual([before]);
  });

  it('wait for a server that is starting up (57P03), whether the journal starts or runs', async () => {
    const database = await own();
    const gate = await startingUp(database.credentials.uri);
    open.push(() => gate.stop());
    // Waits a twentieth as long.
    const quick: Clock = { ...systemClock, after: (delayMs, act) => systemClock.after(delayMs / 20, act) };
    const journal = journalAt(gate.credentials, {}, quick);
    let isStarted = false;
    const started = journal.start().then(() => (isStarted = true));
    await expect.poll(() => gate.refused(), { interval: 5 }).toBeGreaterThanOrEqual(2);
    expect(isStarted).toBe(false);
    expect(journal.check()).toMatchObject({ status: 'DOWN', reason: expect.stringMatching(/57P03/) });
    gate.isUp = true;
    await started;
    await journal.append([change('a', 'EMEA')]);

    gate.isUp = false;
    gate.endAll();
    const refusedBefore = gate.refused();
    await expect.poll(() => gate.refused(), { timeout: 5000, interval: 5 }).toBeGreaterThan(refusedBefore);
    expect(journal.check()).toMatchObject({ status: 'DOWN', reason: expect.stringMatching(/57P03/) });
    gate.isUp = true;
    await expect.poll(() => journal.check().status, { timeout: 5000 }).toBe('UP');
    await journal.append([change('b', 'EMEA')]);
  });
});

/** A server that says of itself what a real one does in the seconds after its start, until it is up. */
async function startingUp(uri: string) {
  const at = new URL(uri);
  const fields = ['SFATAL', 'VFATAL', 'C57P03', 'Mthe database system is starting up'];
  const body = Buffer.from(`${fields.map((field) => `${field}\0`).join('')}\0`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  const answer = Buffer.concat([Buffer.from('E'), length, body]);
  const sockets = new Set<net.Socket>();
  let refused = 0;
  const gate = {
    isUp: false,
    refused: () => refused,
    endAll: () => sockets.forEach((socket) => socket.destroy()),
    credentials: { uri: '' },
    stop() {
      gate.endAll();
      server.close();
    },
  };
  const server = net.createServer((near) => {
    near.on('error', () => undefined);
    if (!gate.isUp) {
      near.once('data', () => {
        refused += 1;
        near.end(answer);
      });
      return;
    }
    const far = net.connect(Number(at.port), at.hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        (socket === near ? far : near).destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = new URL(uri);
  own.hostname = '127.0.0.1';
  own.port = String((server.address() as net.AddressInfo).port);
  gate.credentials.uri = own.href;
  return gate;
}
