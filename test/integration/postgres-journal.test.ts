import { readdirSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { createPostgresJournal, type PostgresJournal } from '../../srv/journal/postgres/index.ts';
import { JournalUnavailable, type ClaimedLane } from '../../srv/journal/port.ts';
import { systemClock, type Clock } from '../../srv/platform/clock.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import {
  appendNew,
  change,
  claimOnly,
  completion,
  idsOf,
  intent,
  LEASE_MS,
  message,
  unreadable,
} from '../contract/journal/samples.ts';
import { kinds, territories, unsent } from '../contract/journal/questions.ts';
import { closeAll, closedAfterEach } from '../system/closing.ts';
import { journalOptions } from './journal-options.ts';
import { wayTo, type Way } from './postgres-outage.ts';
import { newDatabase } from './postgres-server.ts';
import { databaseForEach, describeOnPostgres } from './postgres-tests.ts';

describeOnPostgres('The PostgreSQL journal', () => {
  const database = databaseForEach('slow');
  const open = closedAfterEach();
  const log = createRecordingLog();

  const instance = async ({
    credentials = database.credentials,
    ...limits
  }: {
    credentials?: { uri: string };
    concurrency?: number;
    clock?: Clock;
  } = {}): Promise<PostgresJournal> => {
    const journal = createPostgresJournal(
      journalOptions({ credentials }, { log, poolSize: 3, statementTimeoutMs: 1000, ...limits }),
    );
    open.push(() => journal.close());
    await journal.start();
    return journal;
  };

  const untilListening = (instances: number) =>
    expect
      .poll(
        async () => {
          const rows = await database.query(
            `select 1 from pg_stat_activity where datname = current_database() and query like 'listen %'`,
          );
          return rows.length;
        },
        { timeout: 5000 },
      )
      .toBe(instances);

  describe('shared by instances', () => {
    it('gives each lane to one of them, and hears at once what another one appended', async () => {
      const [one, two] = [await instance(), await instance()];
      await untilListening(2);
      let calls = 0;
      const stop = two.onWork(() => (calls += 1));
      await appendNew(
        one,
        ['L1', 'L2', 'L3'].map((id) => change(id, id)),
      );
      await expect.poll(() => calls, { timeout: 1000 }).toBeGreaterThan(0);
      stop();
      const all = [...(await territories(one, 2)), ...(await territories(two, 1000))];
      expect(all.toSorted()).toEqual(['L1', 'L2', 'L3']);
    });

    it('lets another one go on when the lease of a dead owner is over, with his intents, and refuses him then', async () => {
      const [dead, other] = [await instance(), await instance()];
      const [position = 0] = await appendNew(dead, [change('a', 'EMEA')]);
      const lane = await claimOnly(dead, 1000);
      const stored = intent('EMEA', 'T1', [position]);
      await dead.storeIntents([{ ...lane, intents: [stored] }]);
      expect(await territories(other, 1)).toEqual([]);
      await database.pass(1000);
      const taken = await claimOnly(other);
      expect(taken.memory.records.get('T1')).toMatchObject({ doubt: 'sent', intent: stored });
      expect(await dead.complete([completion(lane)])).toEqual(new Set());
      expect(await dead.renew([lane], LEASE_MS)).toEqual(new Set());
      expect(await dead.storeIntents([{ ...lane, intents: [] }])).toEqual(new Set());
      expect(await other.complete([completion(taken)])).toEqual(new Set(['EMEA']));
    });

    it('has lanes and messages of one that closes at once', async () => {
      const [leaving, other] = [await instance(), await instance()];
      await appendNew(leaving, [change('a', 'EMEA'), unreadable('x')]);
      const lane = await claimOnly(leaving);
      expect(await unsent(leaving, 10)).toEqual(['dead letter x']);
      expect(await territories(other, 1)).toEqual([]);
      await leaving.close();
      expect((await claimOnly(other)).fence).toBeGreaterThan(lane.fence);
      expect(await unsent(other, 10)).toEqual(['dead letter x']);
    });

    it('lets the others know at once what one that closes has given back', async () => {
      // Words are far apart here, so the last one of an instance that closes always follows too soon upon another.
      const slow: Clock = {
        ...systemClock,
        after: (delayMs, act) => systemClock.after(50 * delayMs, act),
      };
      const [leaving, other] = [await instance({ clock: slow }), await instance()];
      await untilListening(2);
      await appendNew(leaving, [change('a', 'EMEA')]);
      await claimOnly(leaving);
      await appendNew(leaving, [change('b', 'APAC')]);
      const got: string[] = [];
      other.onWork(() => {
        void territories(other, 2).then((ids) => got.push(...ids));
      });
      await leaving.close();
      await expect.poll(() => got.toSorted(), { timeout: 3000 }).toEqual(['APAC', 'EMEA']);
    });

    it('gives no lane to any of them while flights are paused, tells all of a switch, and keeps it', async () => {
      const [one, two] = [await instance(), await instance()];
      await untilListening(2);
      await appendNew(one, [change('a', 'EMEA')]);
      let heard = 0;
      const stop = two.switches.onSwitched(() => (heard += 1));
      await one.switches.setSwitches(['flights'], 'paused');
      await expect.poll(() => heard, { timeout: 1000 }).toBeGreaterThan(0);
      stop();
      expect(await two.switches.switches()).toMatchObject({
        intake: { paused: false },
        flights: { paused: true },
      });
      expect([await territories(one, 9), await territories(two, 9)]).toEqual([[], []]);
      expect(await two.nextDueMs()).toBeUndefined();
      await one.close();
      const later = await instance();
      expect(await territories(later, 9)).toEqual([]);
      let woken = 0;
      const unlisten = two.onWork(() => (woken += 1));
      await untilListening(2);
      await later.switches.setSwitches(['flights'], 'running');
      await expect.poll(() => woken, { timeout: 1000 }).toBeGreaterThan(0);
      unlisten();
      expect(await territories(two, 9)).toEqual(['EMEA']);
    });

    it('is known to be shared by those that live', async () => {
      const [one, two] = [await instance(), await instance()];
      expect((await one.figures()).instances).toBe(2);
      await two.close();
      expect((await one.figures()).instances).toBe(1);
      await database.query(`insert into instances values ('killed', now() - interval '31 seconds')`);
      expect((await one.figures()).instances).toBe(1);
    });

    it('hands out messages of a dead publisher again after a while', async () => {
      const [dead, other] = [await instance(), await instance()];
      await dead.append([unreadable('x')]);
      expect(await unsent(dead, 10)).toHaveLength(1);
      expect(await unsent(other, 10)).toEqual([]);
      await database.pass(200_000);
      expect(await unsent(other, 10)).toHaveLength(1);
    });

    it('keeps the limit on flights over all of them, until one ends, or its owner is gone', async () => {
      const [one, two] = [await instance({ concurrency: 2 }), await instance({ concurrency: 2 })];
      await appendNew(
        one,
        ['L1', 'L2', 'L3', 'L4'].map((id) => change(id, id)),
      );
      const [first] = await one.claim({ records: 1, leaseMs: 2000 });
      expect(await territories(two, 1)).toHaveLength(1);
      expect(await territories(one, 1)).toEqual([]);
      expect(await territories(two, 1)).toEqual([]);
      expect(await two.nextDueMs()).toBeGreaterThan(1000);
      await one.renew([first as ClaimedLane], 10_000);
      await database.pass(2000);
      expect(await territories(two, 1)).toEqual([]);
      await one.complete([completion(first as ClaimedLane)]);
      await database.pass(50);
      expect(await two.nextDueMs()).toBe(0);
      const [last] = await two.claim({ records: 1, leaseMs: 2000 });
      expect(last).toBeDefined();
      expect(await territories(one, 1)).toEqual([]);
      await database.pass(2000);
      expect(await territories(one, 1)).toHaveLength(1);
    });

    it('leaves a place that was just freed to whoever waits and has no more, but not for long', async () => {
      const [one, two] = [await instance({ concurrency: 3 }), await instance({ concurrency: 3 })];
      const lanes = Array.from({ length: 9 }, (_, index) => `L${index}`);
      await appendNew(
        one,
        lanes.map((id) => change(id, id)),
      );
      const claimOf = (journal: PostgresJournal) => journal.claim({ records: 1, leaseMs: LEASE_MS });
      const flights = [await claimOf(one), await claimOf(one), await claimOf(one)].flat();
      const end = async () => one.complete([completion(flights.pop() as ClaimedLane)]);
      expect(await claimOf(two)).toEqual([]);
      await end();
      expect(await claimOf(one)).toEqual([]);
      expect(await one.nextDueMs()).toBeGreaterThan(40);
      // Each has its turn: the third place goes to and fro.
      expect(await claimOf(two)).toHaveLength(1);
      await end();
      expect(await claimOf(one)).toEqual([]);
      expect(await claimOf(two)).toHaveLength(1);
      await end();
      expect(await claimOf(one)).toHaveLength(1);
    });

    it('gives a place that nobody takes to whoever asks for it, at once where nobody waits', async () => {
      const [one, two] = [await instance({ concurrency: 1 }), await instance({ concurrency: 1 })];
      await appendNew(
        one,
        ['L1', 'L2', 'L3'].map((id) => change(id, id)),
      );
      const claimOf = (journal: PostgresJournal) => journal.claim({ records: 1, leaseMs: LEASE_MS });
      const end = async ([lane]: readonly ClaimedLane[]) => one.complete([completion(lane as ClaimedLane)]);
      await end(await claimOf(one));
      const second = await claimOf(one);
      expect(second).toHaveLength(1);
      expect(await claimOf(two)).toEqual([]);
      await end(second);
      expect(await claimOf(one)).toEqual([]);
      await database.pass(50);
      expect(await claimOf(one)).toHaveLength(1);
    });
  });

  describe('without its database', () => {
    let way: Way;
    let journal: PostgresJournal;
    beforeEach(async () => {
      way = await wayTo(database.credentials.uri);
      open.push(() => way.stop());
      journal = await instance({ credentials: way.credentials });
    });

    it('takes nothing and says so, and goes on by itself when it is back', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      way.close();
      await expect(journal.claim({ records: 1, leaseMs: LEASE_MS })).rejects.toThrow(JournalUnavailable);
      expect(journal.check()).toMatchObject({ status: 'DOWN', reason: expect.any(String) });
      way.open();
      await expect.poll(() => journal.check().status, { timeout: 5000 }).toBe('UP');
      expect(await territories(journal, 1)).toEqual(['EMEA']);
    });

    it('waits a while with what may be done twice, so that a restart costs no flight and no delivery', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      const lane = await claimOnly(journal);
      way.close();
      const appended = journal.append([change('b', 'EMEA')]);
      const completed = journal.complete([completion(lane)]);
      await expect.poll(() => journal.check().status).toBe('DOWN');
      way.open();
      expect(await appended).toMatchObject([{ kind: 'appended' }]);
      expect(await completed).toEqual(new Set(['EMEA']));
      expect(idsOf(await claimOnly(journal))).toEqual(['b']);
    });

    it('gives up connections that are silent', async () => {
      way.freeze();
      await expect(journal.nextDueMs()).rejects.toThrow(JournalUnavailable);
      way.open();
      await expect.poll(() => journal.nextDueMs().catch(() => 'unavailable')).toBeUndefined();
    });

    it('hears the others again after it was deaf', async () => {
      const other = await instance();
      await untilListening(2);
      way.close();
      await untilListening(1);
      way.open();
      await untilListening(2);
      let calls = 0;
      const stop = journal.onWork(() => (calls += 1));
      await appendNew(other, [change('a', 'EMEA')]);
      await expect.poll(() => calls, { timeout: 1000 }).toBeGreaterThan(0);
      stop();
    });
  });

  describe('with values that PostgreSQL cannot hold', () => {
    const odd = (id: string, record: string) => change(id, 'EMEA', { records: [record] });

    it('finds the culprits, takes the others in their order, and buries what comes back as bytes', async () => {
      const journal = await instance();
      const batch = [
        odd('a', 'T1'),
        odd('b', 'nul \u0000'),
        odd('c', 'T1'),
        odd('half \ud800', 'T1'),
        odd('d', 'half \udc00'),
        odd('e', 'T1'),
      ];
      expect(await kinds(journal, batch)).toEqual([
        'appended',
        'refused',
        'appended',
        'refused',
        'refused',
        'appended',
      ]);
      expect(idsOf(await claimOnly(journal))).toEqual(['a', 'c', 'e']);
      const buried = unreadable('half \ud800', { messages: [message('nul \u0000')] });
      expect(await kinds(journal, [buried, buried])).toEqual(['appended', 'pending']);
      expect(await database.query('select body from unreadable')).toEqual([
        { body: Buffer.from([0xff, 0x00]) },
      ]);
      expect(await kinds(journal, [buried])).toEqual(['pending']);
    });
  });

  describe('at its start', () => {
    it('makes its tables once, however many start at the same time, and leaves newer ones alone', async () => {
      const empty = await newDatabase();
      try {
        const { credentials } = empty;
        const before = log.lines.length;
        const all = await Promise.all([1, 2, 3].map(() => instance({ credentials })));
        // None of them ran into another one, to try again.
        expect(log.lines.slice(before).filter(({ level }) => level !== 'info')).toEqual([]);
        await appendNew(all[0] as PostgresJournal, [change('a', 'EMEA')]);
        const files = readdirSync(new URL('../../srv/journal/postgres/migrations/', import.meta.url));
        expect(await empty.query('select name from territory_sync_migrations order by id')).toEqual(
          files.toSorted().map((file) => ({ name: file.replace('.sql', '') })),
        );
        // Whose fences they are, to those who see them beside those of another journal.
        expect(new Set(all.map(({ id }) => id))).toEqual(new Set([expect.stringMatching(/^[0-9a-f-]{36}$/)]));
        await empty.query(
          `insert into territory_sync_migrations (name, run_on) values ('9999_of_a_newer_version', now())`,
        );
        const later = await instance({ credentials });
        expect(idsOf(await claimOnly(later))).toEqual(['a']);
        expect(later.id).toBe(all[0]?.id);
        await closeAll(open);
      } finally {
        await empty.drop();
      }
    });

    it('waits for a database that does not answer yet', async () => {
      const way = await wayTo(database.credentials.uri);
      open.push(() => way.stop());
      way.close();
      let isStarted = false;
      const started = instance({ credentials: way.credentials }).then(() => (isStarted = true));
      await expect.poll(() => open.length).toBe(2);
      expect(isStarted).toBe(false);
      way.open();
      await started;
    });

    it('says what a person has to set right', async () => {
      const uri = database.credentials.uri.replace(/\/[^/]*$/, '/there_is_no_such_database');
      await expect(instance({ credentials: { uri } })).rejects.toThrow(/binding/);
    });
  });
});
