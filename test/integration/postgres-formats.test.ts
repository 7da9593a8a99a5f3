/**
 * During a deployment two versions share one database, and the newer one may write changes in a form that the older one does not know. The
 * adapter is loaded twice, once with another format number: the older leaves alone whatever lane the newer has written to.
 */
import { beforeEach, expect, it, vi } from 'vitest';
import { createPostgresJournal, type PostgresJournal } from '../../srv/journal/postgres/index.ts';
import { FORMAT } from '../../srv/journal/postgres/format.ts';
import { NEW_RECORD, type ClaimedLane, type RecordMemory } from '../../srv/journal/port.ts';
import { territories } from '../contract/journal/questions.ts';
import {
  appendNew,
  change,
  claimOnly,
  completion,
  idsOf,
  intent,
  RECEIVED_AT,
} from '../contract/journal/samples.ts';
import { closedAfterEach } from '../system/closing.ts';
import { journalOptions } from './journal-options.ts';
import { databaseForEach, describeOnPostgres } from './postgres-tests.ts';

type Create = typeof createPostgresJournal;

/** A version that understands forms up to this number and writes all in it. */
async function createOf(format: number): Promise<Create> {
  vi.resetModules();
  vi.doMock('../../srv/journal/postgres/format.ts', () => ({
    FORMAT: format,
    CHANGE_FORMAT: format,
    formatOf: () => format,
  }));
  const { createPostgresJournal: create } = await import('../../srv/journal/postgres/index.ts');
  vi.doUnmock('../../srv/journal/postgres/format.ts');
  return create;
}

describeOnPostgres('Two versions at one database', () => {
  const database = databaseForEach('slow');
  let older: PostgresJournal;
  let newer: PostgresJournal;
  const open = closedAfterEach();

  beforeEach(async () => {
    older = await started(createPostgresJournal);
    newer = await started(await createOf(FORMAT + 1));
  });

  async function started(create: Create): Promise<PostgresJournal> {
    const journal = create(journalOptions(database, { poolSize: 3, statementTimeoutMs: 1000 }));
    open.push(() => journal.close());
    await journal.start();
    return journal;
  }

  it('go on side by side: the older with its own, the newer with whatever there is', async () => {
    await appendNew(newer, [change('n', 'NEWER')]);
    await appendNew(older, [change('o', 'OLDER'), change('p', 'OTHER')]);
    expect(await territories(older, 1)).toEqual(['OLDER']);
    expect((await territories(newer, 100)).toSorted()).toEqual(['NEWER', 'OTHER']);
  });

  it('leave a lane to the newer once it has appended to it, with what the older appended before', async () => {
    await appendNew(older, [change('a', 'EMEA')]);
    await appendNew(newer, [change('b', 'EMEA')]);
    await appendNew(older, [change('c', 'EMEA')]);
    expect(await territories(older, 100)).toEqual([]);
    expect(await older.nextDueMs()).toBeUndefined();
    expect(idsOf(await claimOnly(newer))).toEqual(['a', 'b', 'c']);
  });

  it('let the older end the flight during which the newer has appended, and no other', async () => {
    await appendNew(older, [change('a', 'EMEA')]);
    const lane = await claimOnly(older);
    await appendNew(newer, [change('b', 'EMEA')]);
    expect(await older.complete([completion(lane)])).toEqual(new Set(['EMEA']));
    expect(await territories(older, 100)).toEqual([]);
    expect(idsOf(await claimOnly(newer))).toEqual(['b']);
  });

  it('keep the older from a lane of which the newer remembers something', async () => {
    await appendNew(newer, [change('a', 'EMEA')]);
    const lane = await claimOnly(newer);
    await newer.complete([completion(lane)]);
    await appendNew(older, [change('b', 'EMEA')]);
    expect(await territories(older, 100)).toEqual([]);
    expect(idsOf(await claimOnly(newer))).toEqual(['b']);
  });

  const whole = (lane: ClaimedLane) =>
    intent(
      'EMEA',
      'T1',
      lane.changes.map(({ position }) => position),
    );
  /** A flight of ours that ends nothing and leaves this of a record. */
  const remembering = async (record: (lane: ClaimedLane) => Partial<RecordMemory>): Promise<void> => {
    const lane = await claimOnly(older);
    const records = new Map([['T1', { ...NEW_RECORD, ...record(lane) }]]);
    await older.complete([completion(lane, { begins: 2, ends: 0, memory: { records } })]);
  };

  it('share lanes of which this one remembers nothing but what the one before knows', async () => {
    const before = await started(await createOf(1));
    await appendNew(older, [change('a', 'EMEA'), change('b', 'EMEA')]);
    await remembering((lane) => ({ doubt: 'sent', intent: whole(lane), waits: 1, waitedOut: true }));
    expect(idsOf(await claimOnly(before))).toEqual(['a', 'b']);
  });

  it('leave to this one a merged write that is told apart, of which the one before would repeat a part', async () => {
    const before = await started(await createOf(1));
    await appendNew(older, [change('a', 'EMEA'), change('b', 'EMEA')]);
    await remembering((lane) => ({ doubt: 'refused', intent: whole(lane), toldApart: 'once' }));
    expect(await territories(before, 100)).toEqual([]);
    const lane = await claimOnly(older);
    const [first = 0] = lane.changes.map(({ position }) => position);
    const part = { ...intent('EMEA', 'T1', [first]), partOf: whole(lane) };
    await older.storeIntents([{ ...lane, intents: [part] }]);
    await older.complete([completion(lane, { ends: 0, memory: lane.memory })]);
    expect(await territories(before, 100)).toEqual([]);
    await older.complete([completion(await claimOnly(older))]);
    // Nothing of it is left.
    await appendNew(before, [change('c', 'EMEA')]);
    expect(idsOf(await claimOnly(before))).toEqual(['c']);
  });

  it('leave to this one a record of which a request that was given up may land', async () => {
    const before = await started(await createOf(1));
    await appendNew(older, [change('a', 'EMEA'), change('b', 'EMEA')]);
    await remembering((lane) => ({ doubt: 'sent', intent: whole(lane), givenUpUntil: RECEIVED_AT }));
    expect(await territories(before, 100)).toEqual([]);
    expect(idsOf(await claimOnly(older))).toEqual(['a', 'b']);
  });
});
