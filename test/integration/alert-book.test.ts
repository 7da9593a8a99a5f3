/** Every book of alerts keeps the same promises; the one in PostgreSQL for all instances at once, and memory while it is away. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EnduringAlertBook } from '../../srv/alerts/enduring-book.ts';
import { MemoryAlertBook } from '../../srv/alerts/memory-book.ts';
import type { AlertBook, AlertRecord } from '../../srv/alerts/port.ts';
import { createPostgresJournal, type PostgresJournal } from '../../srv/journal/postgres/index.ts';
import { gone, seen, told } from '../../srv/monitor/alerts/record.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { journalOptions } from './journal-options.ts';
import { newDatabase, type OwnDatabase } from './postgres-server.ts';
import { wayTo, type Way } from './postgres-outage.ts';
import { describeOnPostgres } from './postgres-tests.ts';

const LEASE_MS = 60_000;
const KEY = 'TerritorySyncX';

const sighting = (instance: string) => ({
  key: KEY,
  eventType: KEY,
  instance,
  detail: '',
  figures: {},
  mark: '',
  times: 1,
  updateEveryMs: 3_600_000,
});
const raise = (book: AlertBook, instance = 'one') =>
  book.revise(KEY, (known, nowMs) => seen(known, sighting(instance), nowMs));
const recover = (book: AlertBook, instance = 'one') =>
  book.revise(KEY, (known, nowMs) => known && gone(known, instance, nowMs));
const tell = async (book: AlertBook, { key, version }: AlertRecord) => {
  await book.revise(key, (known, nowMs) => known && told(known, version, nowMs));
  await book.giveBack(key);
};
const versions = (records: readonly AlertRecord[]) => records.map(({ version }) => version);

function promises(open: () => AlertBook): void {
  test('what is raised is told once, an update when it is due, the recovery at once, and then it is gone', async () => {
    const book = open();
    await raise(book);
    const [first] = await book.take(10, LEASE_MS);
    expect(first).toMatchObject({ key: KEY, status: 'raised', version: 1 });
    expect(await book.take(10, LEASE_MS)).toEqual([]);
    if (first) await tell(book, first);
    expect(await book.take(10, LEASE_MS)).toEqual([]);
    await raise(book);
    expect(versions(await book.all())).toEqual([2]);
    expect(await book.take(10, LEASE_MS)).toEqual([]);
    await recover(book);
    const [last] = await book.take(10, LEASE_MS);
    expect(last).toMatchObject({ status: 'recovered', version: 3 });
    if (last) await tell(book, last);
    expect(await book.all()).toEqual([]);
  });

  test('what could not be told is taken again when it was given back, or its lease has ended', async () => {
    const book = open();
    await raise(book);
    expect(await book.take(10, LEASE_MS)).toHaveLength(1);
    await book.giveBack(KEY);
    expect(await book.take(10, 0)).toHaveLength(1);
    await expect.poll(() => book.take(10, LEASE_MS)).toHaveLength(1);
  });
}

describe('The book in memory', () => promises(() => new MemoryAlertBook(systemClock)));

describeOnPostgres('The book in PostgreSQL', () => {
  let database: OwnDatabase;
  let way: Way;
  let journal: PostgresJournal;
  let second: PostgresJournal;
  const open = (at: { readonly credentials: { readonly uri: string } }) =>
    createPostgresJournal(journalOptions(at, { instance: 'alerts' }));
  beforeAll(async () => {
    database = await newDatabase();
    way = await wayTo(database.credentials.uri);
    [journal, second] = [open(database), open(way)];
    await Promise.all([journal.start(), second.start()]);
  });
  afterAll(async () => {
    await Promise.all([journal.close(), second.close()]);
    await way.stop();
    await database.drop();
  });
  beforeEach(async () => {
    await database.query('delete from alerts');
  });

  promises(() => journal.alerts);

  test('two instances that see the same at once raise it once, and one of them tells it', async () => {
    const books = [journal.alerts, second.alerts];
    await Promise.all(books.map((book, index) => raise(book, `instance ${index}`)));
    const [record] = await journal.alerts.all();
    expect(Object.keys(record?.holders ?? {}).sort()).toEqual(['instance 0', 'instance 1']);
    const taken = await Promise.all(books.map((book) => book.take(10, LEASE_MS)));
    expect(taken.flat()).toHaveLength(1);
  });

  test('while it is away alerts are kept in memory, until they have recovered and that was told', async () => {
    const memory = new MemoryAlertBook(systemClock);
    const log = createRecordingLog();
    const clock = { monotonicMs: () => nowMs };
    let nowMs = 0;
    const book = new EnduringAlertBook({ shared: second.alerts, memory, clock, log });
    way.close();
    await raise(book);
    expect(memory.has(KEY)).toBe(true);
    const [first] = await book.take(10, LEASE_MS);
    expect(first).toMatchObject({ status: 'raised' });
    if (first) await tell(book, first);
    way.open();
    nowMs = 10_000;
    await expect.poll(() => second.alerts.all().then(versions, () => undefined)).toEqual([]);
    await recover(book);
    const [last] = await book.take(10, LEASE_MS);
    expect(last).toMatchObject({ status: 'recovered' });
    if (last) await tell(book, last);
    expect(await book.all()).toEqual([]);
    nowMs = 20_000;
    await raise(book);
    expect(versions(await journal.alerts.all())).toEqual([1]);
    expect(log.lines).toEqual([]);
  });
});
