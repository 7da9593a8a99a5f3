/** A person is taken out of the PostgreSQL journal: by the command line, beside a journal at work. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { ERASED } from '../../srv/events/erased.ts';
import {
  createPostgresJournal,
  erasePersonIn,
  type PostgresJournal,
} from '../../srv/journal/postgres/index.ts';
import type { ChangeArrival } from '../../srv/journal/port.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { systemRandom } from '../../srv/platform/random.ts';
import { flown, letterOf, replayOf } from '../contract/journal/dead-letters.ts';
import { appendNew, change, claimOnly, intent, message, unreadable } from '../contract/journal/samples.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { journalOptions } from './journal-options.ts';
import { databaseForAll, describeOnPostgres } from './postgres-tests.ts';

const COMMAND = fileURLToPath(new URL('../../scripts/territory-sync.mjs', import.meta.url));
const PERSON = 'E4711';

/** A change that sets the person; its bytes say so as well. */
function about(id: string, territoryId: string, records: readonly string[] = ['T1']): ChangeArrival {
  const plain = change(id, territoryId, { records });
  const assignments = records.map((record) => ({
    id: record,
    operation: 'update' as const,
    fields: { owner: PERSON, size: 3 },
    before: { owner: 'E1' },
  }));
  const body = Buffer.from(JSON.stringify({ territoryId, assignments }));
  return { ...plain, change: { ...plain.change, assignments }, payload: { ...plain.payload, body } };
}

describeOnPostgres('Erasing a person', () => {
  const folder = mkdtempSync(join(tmpdir(), 'territory-sync-erase-'));
  const database = databaseForAll('running');
  let journal: PostgresJournal;
  beforeAll(async () => {
    journal = createPostgresJournal(journalOptions(database));
    await journal.start();
  });
  afterAll(async () => {
    await journal?.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => database.empty());

  const run = async (...args: readonly string[]) => {
    const services = [
      {
        name: 'mesh',
        label: 'user-provided',
        tags: ['mesh'],
        credentials: { uri: 'amqp://u:p@127.0.0.1:1', dialect: 'rabbitmq' },
      },
      { name: 'database', label: 'user-provided', tags: ['postgres'], credentials: database.credentials },
    ];
    const child = spawn(process.execPath, [COMMAND, 'erase', ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', VCAP_SERVICES: JSON.stringify({ 'user-provided': services }) },
    });
    const code = new Promise((resolve) => {
      child.on('close', resolve);
    });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, out, err };
  };
  const erase = (person: string, manner: 'erase' | 'count' = 'erase') =>
    erasePersonIn(
      {
        binding: { name: 'test', credentials: database.credentials },
        clock: systemClock,
        random: systemRandom,
        log: createRecordingLog(),
      },
      { person, by: 'a test', manner },
    );
  const end = async (arrival: ChangeArrival): Promise<void> => {
    await appendNew(journal, [arrival]);
    await journal.complete([flown(await claimOnly(journal))]);
  };
  /** Every place in which the id stands. */
  const placesOf = async (person: string): Promise<unknown[]> => {
    const rows = await database.query(
      `select 'change ' || id as place, concat(change, results, history, replay, encode(body, 'escape')) as said from changes
       union all select 'unreadable ' || id, concat(message, envelope, encode(body, 'escape')) from unreadable
       union all select 'decision', concat(decided_by, note, message, history) from decisions
       union all select 'message ' || message_id, concat(envelope, encode(body, 'escape')) from outbox
       union all select 'erasure', concat(erased_by, counts) from erasures
       order by place`,
    );
    return rows.filter(({ said }) => String(said).includes(person)).map(({ place }) => place);
  };

  it('takes the person out of what has ended, names what is pending, and finishes when that has ended', async () => {
    await end(about('ended', 'L1'));
    await end(about('dead', 'L2', ['BAD1']));
    await end(change('innocent', 'L3'));
    await journal.append([
      {
        ...unreadable('x', {
          messages: [
            {
              ...message('copy of x', 'dead-letter'),
              message: { ...message('copy of x').message, body: Buffer.from(`{"owner":"${PERSON}"`) },
            },
          ],
        }),
        payload: { body: Buffer.from(`{"owner":"${PERSON}"`), digest: 'x' },
      },
    ]);
    const [position = 0] = await appendNew(journal, [about('waiting', 'L4')]);
    expect(await placesOf(PERSON)).toEqual([
      'change dead',
      'change ended',
      'change waiting',
      'message copy of x',
      'unreadable x',
    ]);

    const counted = await erase(PERSON, 'count');
    expect(await placesOf(PERSON)).toHaveLength(5);
    const first = await run('--person', PERSON, '--json');
    const report = {
      erased: { changes: 1, deadLetters: 1, unreadable: 1, messages: 1 },
      pending: {
        count: 1,
        first: [{ ref: { source: '/default/crm/test', id: 'waiting' }, territoryId: 'L4', position }],
      },
      territoriesInDoubt: [],
      messagesUnderWay: 0,
      meshCopies: { queue: 'default/territory/sync/territory/deadletter', endAfterDays: 30 },
    };
    expect({ ...counted, meshCopies: report.meshCopies }).toEqual(report);
    expect(JSON.parse(first.out)).toEqual({
      ok: false,
      dryRun: false,
      reference: expect.any(String),
      ...report,
    });
    expect(first.code).toBe(1);
    expect(await placesOf(PERSON)).toEqual(['change waiting']);

    const lane = await claimOnly(journal);
    expect(lane.changes[0]?.change.assignments[0]?.fields).toEqual({ owner: PERSON, size: 3 });
    await journal.complete([flown(lane)]);
    const second = await run('--person', PERSON);
    expect(second.code).toBe(0);
    expect(second.out).toMatch(
      /^Erased from 1 ended changes, 0 dead letters, 0 unreadable messages, 0 unsent messages\.\n/,
    );
    expect(second.err).toMatch(/copies of dead letters on the queue .* are not reached/);
    expect(await placesOf(PERSON)).toEqual([]);
    expect(await database.query('select erased_by, counts from erasures')).toHaveLength(2);
    const [kept] = await database.query(`select change from changes where id = 'ended'`);
    expect(kept?.['change']).toMatchObject({
      assignments: [{ id: 'T1', fields: { owner: ERASED, size: 3 }, before: { owner: 'E1' } }],
    });
  });

  it('lets nobody write the marker: a replay as it stands is refused, one with new assignments runs', async () => {
    const dead = about('dead', 'L1', ['BAD1']);
    await end(dead);
    await erase(PERSON);
    const [row] = await database.query(`select change from changes where id = 'dead'`);
    const erased = { ...dead, change: row?.['change'] as ChangeArrival['change'] };
    expect(await journal.append([replayOf(erased)])).toEqual([
      { kind: 'refused', reason: 'a value in it was erased: give new assignments' },
    ]);
    expect(await journal.deadLetter(letterOf('dead'))).toBeDefined();
    expect(await journal.append([replayOf(change('dead', 'L1'))])).toMatchObject([{ kind: 'appended' }]);
  });

  it('names a territory whose request in doubt holds the person: it has to be repeated to the byte', async () => {
    const [position = 0] = await appendNew(journal, [change('a', 'L"1')]);
    const lane = await claimOnly(journal);
    const doubtful = intent('L"1', 'T1', [position]);
    const intents = [{ ...doubtful, request: { ...doubtful.request, fields: { owner: 'E"4' } } }];
    await journal.storeIntents([{ ...lane, intents }]);
    expect((await erase('E"4')).territoriesInDoubt).toEqual(['L"1']);
    expect((await erase('E')).territoriesInDoubt).toEqual([]);
  });

  it('takes the person out of decisions, and out of what is kept beside an unreadable message', async () => {
    await end(about('dead', 'L1', ['BAD1']));
    await journal.append([unreadable('x')]);
    await database.query(
      `update changes set history = '[{"at":1,"step":"refused","detail":"${PERSON}"}]', reason = '{"code":"API_ERROR","message":"${PERSON}"}'`,
    );
    await database.query(
      `update unreadable set message = $1, envelope = json_build_object('properties', json_build_object('owner', $1::text))`,
      [PERSON],
    );
    await journal.discard({
      deadLetterId: letterOf('dead'),
      ref: change('dead', 'L1').change,
      messages: [],
      decider: { by: PERSON, note: `asked by ${PERSON}, by telephone` },
    });
    expect(await placesOf(PERSON)).toEqual(['change dead', 'decision', 'unreadable x']);
    expect((await erase(PERSON)).erased).toMatchObject({ changes: 1, deadLetters: 1, unreadable: 1 });
    expect(await placesOf(PERSON)).toEqual([]);
    expect(await database.query('select decided_by, note, history from decisions')).toMatchObject([
      { decided_by: ERASED, note: ERASED, history: [{ at: 1, step: 'refused', detail: ERASED }] },
    ]);
    expect((await erase(PERSON.slice(0, 3))).erased).toMatchObject({ deadLetters: 0, unreadable: 0 });
  });

  it('needs an id', async () => {
    expect(await run('--person', ' ')).toEqual({
      code: 2,
      out: '',
      err: 'territory-sync: --person must be 1 to 256 characters: give the id as the events write it\n',
    });
  });
});
