/**
 * During a deployment two versions share one database, and the newer one may write changes in a form that the older one does not know. The
 * adapter is loaded twice, once with the next format number: the older leaves alone whatever lane the newer has written to.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPostgresJournal, type PostgresJournal } from '../../srv/journal/postgres/index.ts';
import { FORMAT } from '../../srv/journal/postgres/format.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { systemRandom } from '../../srv/platform/random.ts';
import { territories } from '../contract/journal/questions.ts';
import { appendNew, change, claimOnly, completion, idsOf } from '../contract/journal/samples.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { makeTemplate, whyNoServer, type OwnDatabase, type Template } from './postgres-server.ts';

const missing = await whyNoServer();
if (missing !== undefined) console.log(`Skipped: two formats in one PostgreSQL, since ${missing}`);

type Create = typeof createPostgresJournal;

async function createNewer(): Promise<Create> {
  vi.resetModules();
  vi.doMock('../../srv/journal/postgres/format.ts', () => ({ FORMAT: FORMAT + 1 }));
  const { createPostgresJournal: create } = await import('../../srv/journal/postgres/index.ts');
  vi.doUnmock('../../srv/journal/postgres/format.ts');
  return create;
}

describe(
  'Two versions at one database',
  { skip: missing !== undefined && process.env['CI'] !== 'true' },
  () => {
    let template: Template;
    let database: OwnDatabase;
    let older: PostgresJournal;
    let newer: PostgresJournal;
    const open: PostgresJournal[] = [];

    beforeAll(async () => {
      if (missing !== undefined) throw new Error(`CI needs a PostgreSQL, but ${missing}`);
      template = await makeTemplate('slow');
    });
    afterAll(() => template?.drop());
    beforeEach(async () => {
      database = await template.copy();
      older = await started(createPostgresJournal);
      newer = await started(await createNewer());
    });
    afterEach(async () => {
      for (const journal of open.splice(0)) await journal.close();
      await database.drop();
    });

    async function started(create: Create): Promise<PostgresJournal> {
      const journal = create({
        binding: { name: 'test', credentials: database.credentials },
        clock: systemClock,
        random: systemRandom,
        log: createRecordingLog(),
        instance: systemRandom.uuid(),
        poolSize: 3,
        statementTimeoutMs: 1000,
      });
      open.push(journal);
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
  },
);
