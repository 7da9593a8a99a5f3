/** What the PostgreSQL journal forgets, and when; on a database whose time the tests let pass. */
import { beforeEach, expect, it } from 'vitest';
import { BATCH } from '../../srv/journal/postgres/retention.ts';
import { createPostgresJournal, type PostgresJournal } from '../../srv/journal/postgres/index.ts';
import type { ChangeArrival, RetentionRules, Tidied } from '../../srv/journal/port.ts';
import { retentionRules } from '../../srv/lanes/retention-rules.ts';
import { flown, letterOf, replayOf } from '../contract/journal/dead-letters.ts';
import { kinds } from '../contract/journal/questions.ts';
import { appendNew, change, claimOnly, sendAll, unreadable } from '../contract/journal/samples.ts';
import { closedAfterEach } from '../system/closing.ts';
import { journalOptions } from './journal-options.ts';
import { databaseForEach, describeOnPostgres } from './postgres-tests.ts';

const DAY_MS = 86_400_000;
const RULES = retentionRules({
  retention: { payloadDays: 7, historyDays: 30, deadLetterDays: 90 },
  mesh: { queueTtlS: 604_800 },
});

describeOnPostgres('The PostgreSQL journal forgets', () => {
  const database = databaseForEach('slow');
  let journal: PostgresJournal;
  const open = closedAfterEach();

  beforeEach(async () => {
    journal = await instance();
  });

  const instance = async (): Promise<PostgresJournal> => {
    const made = createPostgresJournal(journalOptions(database, { poolSize: 3 }));
    open.push(() => made.close());
    await made.start();
    return made;
  };
  const { signal } = new AbortController();
  /** Lets so many days pass, and a turn be taken. */
  const after = async (days: number, rules: RetentionRules = RULES): Promise<Tidied> => {
    await database.pass(days * DAY_MS + 60_000);
    const tidied = await journal.tidy(rules, signal);
    if (!tidied) throw new Error('it was not our turn');
    return tidied;
  };
  const end = async (...arrivals: readonly ChangeArrival[]): Promise<void> => {
    await appendNew(journal, arrivals);
    await journal.complete([flown(await claimOnly(journal))]);
    await sendAll(journal);
  };
  const rowOf = async (id: string) =>
    (await database.query('select kept, change, body, history, digest from changes where id = $1', [id]))[0];

  it('values and bytes of ended changes first, then the whole change; never a pending one', async () => {
    await end(change('ended', 'EMEA', { records: ['T1', 'T2'] }));
    await appendNew(journal, [change('pending', 'EMEA')]);
    expect(await after(6)).toMatchObject({ payloads: 0, changes: 0 });
    expect(await after(2)).toMatchObject({ payloads: 1, changes: 0 });
    expect(await rowOf('ended')).toMatchObject({
      kept: 1,
      body: Buffer.alloc(0),
      change: {
        id: 'ended',
        territoryId: 'EMEA',
        assignments: [
          { id: 'T1', operation: 'update', fields: { owner: null } },
          { id: 'T2', operation: 'update', fields: { owner: null } },
        ],
      },
      history: [{ step: 'claimed' }, { step: 'conflict' }],
    });
    expect(await after(23)).toMatchObject({ changes: 1, histories: 0 });
    expect(await rowOf('ended')).toBeUndefined();
    expect(await after(1000)).toMatchObject({ payloads: 0, changes: 0 });
    expect((await claimOnly(journal)).changes[0]?.change.assignments[0]?.fields).toEqual({
      owner: 'pending',
    });
  });

  it('no key as long as the mesh can deliver the event again, however short the history', async () => {
    const rules = retentionRules({
      retention: { payloadDays: 1, historyDays: 1, deadLetterDays: 1 },
      mesh: { queueTtlS: 604_800 },
    });
    const once = change('once', 'EMEA');
    await end(once);
    expect(await after(7, rules)).toMatchObject({ payloads: 1, histories: 1, changes: 0 });
    expect(await rowOf('once')).toMatchObject({ kept: 0, history: [], digest: 'payload of once' });
    expect(await kinds(journal, [once])).toEqual(['duplicate']);
    expect(await kinds(journal, [change('once', 'EMEA', { digest: 'another' })])).toEqual(['clash']);
    expect(await after(2, rules)).toMatchObject({ changes: 1 });
    expect(await kinds(journal, [once])).toEqual(['appended']);
  });

  it('nothing that the replay of an earlier dead letter must not undo', async () => {
    const dead = change('dead', 'EMEA', { records: ['T1', 'BAD2'] });
    await end(dead);
    await end(change('later', 'EMEA'));
    expect(await after(60)).toMatchObject({ payloads: 1, changes: 0, expired: [] });
    await journal.append([replayOf(dead)]);
    // While it runs too.
    expect(await after(1)).toMatchObject({ changes: 0 });
    const [replayed] = (await claimOnly(journal)).changes;
    expect(replayed?.later?.get('T1')).toEqual({ fields: new Set(['owner']), deleted: false });
    expect(replayed?.change.assignments).toEqual(dead.change.assignments);
  });

  it('dead letters that nobody decided, foretold a week and a day before, once by all instances', async () => {
    const other = await instance();
    await end(change('dead', 'EMEA', { records: ['BAD1'] }));
    const id = letterOf('dead');
    expect(await after(82)).toMatchObject({ expiring: [] });
    expect(await after(2)).toMatchObject({ expiring: [{ withinDays: 7, ids: [id] }], expired: [] });
    await database.pass(60_000);
    expect(await other.tidy(RULES, signal)).toMatchObject({ expiring: [] });
    expect(await after(5.5)).toMatchObject({ expiring: [{ withinDays: 1, ids: [id] }], expired: [] });
    expect(await after(1)).toMatchObject({ expired: [id], payloads: 1, changes: 1, expiring: [] });
    expect(await journal.deadLetter(id)).toBeUndefined();
  });

  it('a dead letter with one warning where nobody looked before its last day', async () => {
    await end(change('dead', 'EMEA', { records: ['BAD1'] }));
    const expiring = [{ withinDays: 1, ids: [letterOf('dead')] }];
    expect(await after(89.5)).toMatchObject({ expiring });
    expect(await after(0.1)).toMatchObject({ expiring: [] });
  });

  it('no dead letter that holds its lane: that is a person’s to decide', async () => {
    await end(change('dead', 'EMEA', { records: ['BAD1'] }));
    await database.query('update changes set holds = true');
    expect(await after(1000)).toMatchObject({ expired: [], expiring: [], changes: 0 });
  });

  it('no change of which a message is still to be sent', async () => {
    await appendNew(journal, [change('untold', 'EMEA')]);
    await journal.complete([flown(await claimOnly(journal))]);
    expect(await after(100)).toMatchObject({ payloads: 1, changes: 0 });
    await sendAll(journal);
    expect(await after(0)).toMatchObject({ changes: 1 });
  });

  it('decisions, what could not be read and parked messages, when no copy can come back', async () => {
    await end(change('dead', 'EMEA', { records: ['BAD1'] }));
    const dead = { deadLetterId: letterOf('dead'), ref: change('dead', 'EMEA').change, messages: [] };
    await journal.discard(dead);
    await journal.append([unreadable('x')]);
    await journal.park((await journal.takeUnsent(10)).map(({ id }) => id));
    expect(await after(89)).toMatchObject({ others: 0 });
    expect(await journal.discard(dead)).toBe('decided');
    expect(await after(2)).toMatchObject({ others: 3 });
  });

  it('what could not be read as any dead letter: foretold, then gone undecided, and the row with the last copy', async () => {
    await journal.append([unreadable('x')]);
    await sendAll(journal);
    await database.query(`update unreadable set dead_letter_id = 'letter x', received_at = now()`);
    expect(await after(84)).toMatchObject({
      expiring: [{ withinDays: 7, ids: ['letter x'] }],
      expired: [],
    });
    expect(await after(5.5)).toMatchObject({
      expiring: [{ withinDays: 1, ids: ['letter x'] }],
      expired: [],
    });
    expect(await after(1)).toMatchObject({ expired: ['letter x'], expiring: [], others: 1 });
    expect(await database.query('select 1 from unreadable')).toEqual([]);
  });

  it('when outcomes were published with the history that tells of it', async () => {
    const published = () => database.query('select 1 from publications');
    await end(change('short', 'EMEA'));
    expect(await published()).toHaveLength(1);
    expect(await after(29)).toMatchObject({ payloads: 1, changes: 0 });
    expect(await published()).toHaveLength(1);
    expect(await after(2)).toMatchObject({ changes: 1 });
    expect(await published()).toEqual([]);
    const rules = retentionRules({
      retention: { payloadDays: 1, historyDays: 1, deadLetterDays: 1 },
      mesh: { queueTtlS: 604_800 },
    });
    await end(change('key', 'EMEA'));
    expect(await after(2, rules)).toMatchObject({ histories: 1, changes: 0 });
    expect(await published()).toEqual([]);
  });

  it('nothing of its tables in the long run', async () => {
    const dead = change('dead', 'L1', { records: ['BAD1'] });
    await end(change('ended', 'L2'));
    await end(dead);
    await journal.append([unreadable('x')]);
    await sendAll(journal);
    await journal.discard({ deadLetterId: letterOf('dead'), ref: dead.change, messages: [] });
    await journal.quota.report(5);
    await journal.quota.pause(1000);
    await database.query(`insert into instances values ('killed', now())`);
    const other = await instance();
    await after(100);
    await after(100);
    await other.quota.report(0);
    await instance();
    await expect.poll(() => database.query('select 1 from lanes'), { timeout: 10_000 }).toEqual([]);
    const rows = await Promise.all(
      ['changes', 'unreadable', 'decisions', 'outbox', 'publications', 'expiry_warnings', 'api_requests'].map(
        async (table) => [table, (await database.query(`select 1 from ${table}`)).length],
      ),
    );
    expect(rows.filter(([, count]) => count !== 0)).toEqual([]);
    expect(await database.query(`select 1 from instances where instance = 'killed'`)).toEqual([]);
  });

  it('more than a batch in one turn', async () => {
    const arrivals = Array.from({ length: BATCH + 1 }, (_, index) => change(`c${index}`, 'EMEA'));
    await appendNew(journal, arrivals);
    await database.query(
      `update changes set outcome = 'applied', ended_at = now(); update lanes set pending = 0`,
    );
    expect(await after(8)).toMatchObject({ payloads: BATCH + 1 });
    expect(await after(23)).toMatchObject({ changes: BATCH + 1 });
  });

  it('on one instance at a time, and once a minute', async () => {
    const other = await instance();
    await database.pass(60_000);
    const both = await Promise.all([journal.tidy(RULES, signal), other.tidy(RULES, signal)]);
    expect(both.filter((tidied) => tidied !== undefined)).toHaveLength(1);
    expect(await other.tidy(RULES, signal)).toBeUndefined();
    await database.pass(60_000);
    expect(await other.tidy(RULES, signal)).toBeDefined();
  });

  it('a lane without anything to remember, and its successor’s numbers go on', async () => {
    const [before = 0] = await appendNew(journal, [change('a', 'EMEA')]);
    const lane = await claimOnly(journal);
    await journal.complete([flown(lane)]);
    await database.query(`delete from lanes where territory_id = 'EMEA' and pending = 0`);
    const [behind = 0] = await appendNew(journal, [change('b', 'EMEA')]);
    expect(behind).toBeGreaterThan(before);
    expect((await claimOnly(journal)).fence).toBeGreaterThan(lane.fence);
  });
});
