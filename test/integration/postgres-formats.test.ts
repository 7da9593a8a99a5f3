/**
 * During a deployment two versions share one database, and the newer one may write changes in a form that the older one does not know. The
 * adapter is loaded twice, once with the next format number: the older leaves alone whatever lane the newer has written to.
 */
import { beforeEach, expect, it, vi } from 'vitest';
import { createPostgresJournal, type PostgresJournal } from '../../srv/journal/postgres/index.ts';
import { FORMAT } from '../../srv/journal/postgres/format.ts';
import { territories } from '../contract/journal/questions.ts';
import { appendNew, change, claimOnly, completion, idsOf } from '../contract/journal/samples.ts';
import { closedAfterEach } from '../system/closing.ts';
import { journalOptions } from './journal-options.ts';
import { databaseForEach, describeOnPostgres } from './postgres-tests.ts';

type Create = typeof createPostgresJournal;

async function createNewer(): Promise<Create> {
  vi.resetModules();
  vi.doMock('../../srv/journal/postgres/format.ts', () => ({ FORMAT: FORMAT + 1 }));
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
    newer = await started(await createNewer());
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
});
