/** What operators ask must not cost more with what has ended: no list or look-up reads a whole table. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readStatements, type StatementName } from '../../srv/journal/postgres/statements.ts';
import { makeTemplate, whyNoServer, type OwnDatabase } from './postgres-server.ts';

const missing = await whyNoServer();
if (missing !== undefined) console.log(`Skipped: the plans of operators' statements, since ${missing}`);

/** Mostly ended changes and idle lanes, and of everything that is listed a small part. */
const FILL = `
  insert into lanes (territory_id, pending, paused, held, waiting_for, not_before)
    select 'L' || n, case when n % 20 = 0 then 1 else 0 end, n % 400 = 1, case when n % 400 = 20 then 1 else 0 end,
           case when n % 60 = 0 then 'retrying' end, now() + interval '1 hour'
    from generate_series(1, 8000) as n;
  insert into changes (position, territory_id, source, id, digest, change, body, received_at, open_records, outcome, reason,
                       ended_at, dead_letter_id)
    select n, 'L' || n % 8000, '/s', 'c' || n, 'd', '{}', '', now(), '{}',
           case when n % 40 = 0 then 'failed' when n > 1000 then 'applied' end,
           case when n % 40 = 0 then '{"code":"OVERLAP","message":"m"}'::json end, now() - n * interval '1 second',
           case when n % 40 = 0 then 'letter ' || n end
    from generate_series(1, 20000) as n;
  insert into unreadable (source, id, digest, body, received_at, dead_letter_id, code)
    select '/s', 'u' || n, 'd', '', now() - n * interval '1 minute', case when n % 20 = 0 then 'u' || n end, 'INVALID_EVENT'
    from generate_series(1, 8000) as n;
  insert into decisions (dead_letter_id, action, territory_id, source, change_id, failed_at, code, position)
    select 'old ' || n, 'replay', 'L' || n, '/s', 'c' || n, now() - n * interval '1 hour', 'OVERLAP', n
    from generate_series(1, 8000) as n;
  insert into publications (position) select n from generate_series(1, 20000) as n;
  analyze`;

const TABLES = ['lanes', 'changes', 'unreadable', 'decisions', 'publications'];

/** Each with values as an operator would give them, in SQL. */
const ASKED: Readonly<Partial<Record<StatementName, string>>> = {
  'letters/all': `null, '', 51`,
  'letters/of-territory': `null, '', 51, 'L40', null`,
  'letters/of-code': `null, '', 51, 'OVERLAP'`,
  'letters/open': `null, 'OVERLAP', null, 1000`,
  'letters/counts': '',
  'letters/one': `'letter 40'`,
  'letters/decision': `'letter 40'`,
  'operated/lanes': `null, 'held', 51`,
  'operated/lane': `'L20'`,
  'operated/lane-changes': `'L20', 200`,
  'operated/trails': `'c40', null`,
  'operated/unreadable-trails': `'u40', null`,
  'operated/dead-letter': `'letter 40'`,
};

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Plan[];
}

describe('On a filled database', { skip: missing !== undefined && process.env['CI'] !== 'true' }, () => {
  let database: OwnDatabase;
  let client: pg.Client;
  beforeAll(async () => {
    if (missing !== undefined) throw new Error(`CI needs a PostgreSQL, but ${missing}`);
    const template = await makeTemplate('running');
    database = await template.copy();
    await template.drop();
    client = new pg.Client({ connectionString: database.credentials.uri });
    await client.connect();
    await client.query(FILL);
  }, 60_000);
  afterAll(async () => {
    await client?.end();
    await database?.drop();
  });

  const statements = readStatements();
  for (const [name, values] of Object.entries(ASKED)) {
    it(`${name} reads no whole table`, async () => {
      const prepared = `"${name}"`;
      await client.query(`prepare ${prepared} as ${statements[name as StatementName]}`);
      const call = values === '' ? prepared : `${prepared}(${values})`;
      const { rows } = await client.query<{ 'QUERY PLAN': readonly { readonly Plan: Plan }[] }>(
        `explain (format json) execute ${call}`,
      );
      const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
      expect(plan && scansIn(plan)).toEqual([]);
    });
  }
});

function scansIn(plan: Plan): readonly string[] {
  const { 'Node Type': kind, 'Relation Name': table = '' } = plan;
  const own = kind.includes('Seq Scan') && TABLES.includes(table) ? [table] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(scansIn)];
}
