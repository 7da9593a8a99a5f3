/** How the statements of retention run: by an index each, and beside those who work. */
import { expect, it } from 'vitest';
import { readStatements, type StatementName } from '../../srv/journal/postgres/statements.ts';
import { append, claim, event, lanesOf } from './postgres-calls.ts';
import { describeOnPostgres, statementsDatabase } from './postgres-tests.ts';

const ROWS = 8000;
const DAY_MS = 86_400_000;
const BATCH = 50;

/** Changes that ended over the last 40 days, some of which are dead letters, and everything else that has an age. */
const FILL = `
  insert into changes (position, territory_id, source, id, digest, change, body, received_at, appended_at, open_records,
                       outcome, ended_at, dead_letter_id, kept)
  select n, 'L' || n % 50, '/test', 'e' || n, 'd', '{"assignments":[{"id":"T1","operation":"update","fields":{"owner":"E1"}}]}', 'body',
         at, at, '{}', case when n % 100 = 0 then 'failed' else 'applied' end, at, case when n % 100 = 0 then 'letter ' || n end,
         case when n < ${ROWS / 2} then 1 else 2 end
  from generate_series(1, ${ROWS}) as n, lateral (select now() - make_interval(days => 40) * (1 - n / ${ROWS}.0) as at) as time;
  insert into unreadable (source, id, digest, body, received_at)
  select source, id, digest, body, received_at from changes;
  insert into decisions (dead_letter_id, action, position, decided_at) select 'decided ' || id, 'discard', position, ended_at from changes;
  insert into outbox (message_id, kind, envelope, body, position, parked_at)
  select id, 'outcome', '{}', body, position, ended_at from changes;
  insert into expiry_warnings (dead_letter_id, within_days, warned_at) select id, 7, ended_at from changes;`;

describeOnPostgres('retention in PostgreSQL', () => {
  const db = statementsDatabase();

  const statements = readStatements();
  const AGED: readonly (readonly [StatementName, readonly unknown[]])[] = [
    ['retention/payloads', [7 * DAY_MS, BATCH]],
    ['retention/histories', [30 * DAY_MS, BATCH]],
    ['retention/changes', [1, 30 * DAY_MS, 8 * DAY_MS, 90 * DAY_MS, BATCH, '-infinity', 0]],
    ['retention/letters', [39 * DAY_MS, BATCH]],
    ['retention/warn', [32 * DAY_MS, 7, BATCH]],
    ['retention/warnings', [39 * DAY_MS, BATCH]],
    ['retention/unreadable', [39 * DAY_MS, BATCH]],
    ['retention/decisions', [39 * DAY_MS, BATCH]],
    ['retention/parked', [39 * DAY_MS, BATCH]],
  ];

  it('reads each batch by an index, never a whole table', async () => {
    for (const sql of FILL.split(';').filter((part) => part.trim() !== '')) await db.query(sql);
    for (const table of ['changes', 'unreadable', 'decisions', 'outbox', 'expiry_warnings']) {
      await db.query(`analyze ${table}`);
    }
    for (const [name, values] of AGED) {
      const plan = await db.query(`explain ${statements[name]}`, values);
      const lines = plan.map((row) => String(row['QUERY PLAN']));
      expect([name, lines.filter((line) => line.includes('Seq Scan'))]).toEqual([name, []]);
      expect([name, lines.some((line) => line.includes('Index'))]).toEqual([name, true]);
    }
  });

  it('lets appends and claims through while a batch is under way, and passes over what others have locked', async () => {
    await db.within((run) => append(run, [event('old'), event('locked')]));
    await db.query(`update changes set outcome = 'applied', ended_at = now() - interval '8 days'`);
    await db.query('update lanes set pending = 0');
    const other = await db.begin();
    await other.run('decide/dead-change', ['none']);
    const batch = await db.begin();
    expect(await batch.run('retention/payloads', [7 * DAY_MS, 1])).toEqual([{ rows: 1 }]);
    await db.within((run) => append(run, [event('new')]));
    expect(lanesOf(await claim(db.run))).toEqual(['EMEA']);
    // Another batch at the same time takes the other one, and a third finds nothing.
    expect(await other.run('retention/payloads', [7 * DAY_MS, 5])).toEqual([{ rows: 1 }]);
    expect(await db.run('retention/payloads', [7 * DAY_MS, 5])).toEqual([{ rows: 0 }]);
    await batch.end('commit');
    await other.end('commit');
  });
});
