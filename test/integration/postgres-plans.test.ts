/**
 * What operators ask must not cost more with what has ended: no list or look-up reads a whole table. And no statement that was planned
 * while the tables were empty reads one as a whole when they have filled: a prepared statement keeps its plan.
 */
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PLANNING } from '../../srv/journal/postgres/database.ts';
import { readStatements, type StatementName } from '../../srv/journal/postgres/statements.ts';
import { databaseForAll, describeOnPostgres } from './postgres-tests.ts';

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

/** What grows with the traffic, or with what has been. */
const LARGE = ['lanes', 'changes', 'outbox', 'publications'];

/** Indexes of open dead letters, which are few among all changes. */
const OF_LETTERS = /^changes_letters/;

/** Statements that may read one of them as a whole index, and why. */
const WHOLE: Readonly<Partial<Record<StatementName, string>>> = {
  'figures/figures': 'counts what the indexes hold; the age of the oldest is the first entry',
  'outbox/take': 'in order, as far as the page',
  'due/next-due': 'in order, the first one',
  'due/forget-lanes': 'looks for what is idle among all lanes, now and then',
  'operated/lanes': 'in order, as far as the page',
  'operated/trails': 'asked for by a person',
  'letters/counts': 'counts what the indexes hold',
  'letters/one': 'asked for by a person',
  'erase/lanes': 'looks for a person in all that lanes remember',
};

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly Plans?: readonly Plan[];
}

describeOnPostgres('On a filled database', () => {
  const database = databaseForAll('running');
  let client: pg.Client;
  beforeAll(async () => {
    client = new pg.Client({ connectionString: database.credentials.uri });
    await client.connect();
    await client.query(FILL);
  }, 60_000);
  afterAll(() => client?.end());

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

describeOnPostgres('Planned while empty', () => {
  const database = databaseForAll('running');
  /** Index to its first column. */
  let firstColumns: ReadonlyMap<string, string>;
  beforeAll(async () => {
    const rows = await database.query(`
      select pg_get_indexdef(indexrelid, 1, true) as first, class.relname as name
      from pg_index join pg_class as class on class.oid = indexrelid`);
    firstColumns = new Map(rows.map(({ name, first }) => [String(name), String(first)]));
  }, 60_000);

  for (const state of ['never analyzed', 'vacuumed'] as const) {
    it(`no statement reads a large table, or a whole index of it (${state})`, async () => {
      if (state === 'vacuumed') await database.query('vacuum analyze');
      const options = `${PLANNING} -c plan_cache_mode=force_generic_plan`;
      const client = new pg.Client({ connectionString: database.credentials.uri, options });
      await client.connect();
      try {
        const found: Record<string, readonly string[]> = {};
        for (const [name, text] of Object.entries(readStatements())) {
          const whole = wholesIn(await planOf(client, name, text), firstColumns);
          if (whole.length > 0) found[name] = whole;
        }
        const unexpected = Object.entries(found).filter(([name]) => !(name in WHOLE));
        expect(Object.fromEntries(unexpected)).toEqual({});
      } finally {
        await client.end();
      }
    });
  }
});

/** The plan that every later execution has, whatever its values. */
async function planOf(client: pg.Client, name: string, text: string): Promise<Plan> {
  await client.query(`prepare "${name}" as ${text}`);
  const { rows } = await client.query<{ count: number }>(
    'select cardinality(parameter_types) as count from pg_prepared_statements where name = $1',
    [name],
  );
  const values = Array.from({ length: rows[0]?.count ?? 0 }, () => 'null').join(',');
  const explained = await client.query<{ 'QUERY PLAN': readonly { readonly Plan: Plan }[] }>(
    `explain (format json) execute "${name}"${values && `(${values})`}`,
  );
  const plan = explained.rows[0]?.['QUERY PLAN'][0]?.Plan;
  if (!plan) throw new Error(`no plan for ${name}`);
  return plan;
}

/** Whatever reads a large table from one end to the other, its indexes too: without a condition on an index's first column. */
function wholesIn(plan: Plan, firstColumns: ReadonlyMap<string, string>, table?: string): readonly string[] {
  const { 'Node Type': kind, 'Relation Name': relation = table ?? '', 'Index Name': index = '' } = plan;
  const condition = plan['Index Cond'] ?? '';
  const isLookUp = kind.includes('Index') && condition.includes(firstColumns.get(index) ?? '?');
  const isOfLarge = LARGE.includes(relation) && !OF_LETTERS.test(index);
  const reads = (kind.includes('Index') || kind === 'Seq Scan') && isOfLarge && !isLookUp;
  const own = reads ? [`${kind} ${index || relation} ${condition}`.trim()] : [];
  return [...own, ...(plan.Plans ?? []).flatMap((part) => wholesIn(part, firstColumns, relation))];
}

function scansIn(plan: Plan): readonly string[] {
  const { 'Node Type': kind, 'Relation Name': table = '' } = plan;
  const own = kind.includes('Seq Scan') && TABLES.includes(table) ? [table] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(scansIn)];
}
