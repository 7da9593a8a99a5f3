/**
 * Takes a person out of changes that have ended, dead letters and messages. What is pending stays, and is named: to write
 * another value, or none, would be a change that nobody ordered.
 */
import type { TerritoryChange } from '../../events/change.ts';
import {
  assignmentsWithoutPerson,
  bytesWithoutPerson,
  mentions,
  withoutPerson,
  wordsWithoutPerson,
} from '../../events/erased.ts';
import type { ErasureOrder, ErasureReport, PendingMention } from '../erasure.ts';
import type { Database, Row, Run } from './database.ts';

/** Rows of a transaction. */
const PAGE = 1000;
/** Pending changes that are named. */
const NAMED = 100;

/**
 * @param reference names the erasure in its record
 * @throws JournalUnavailable: what was erased stays so, and another run goes on
 */
export async function erasePerson(
  database: Database,
  order: ErasureOrder,
  reference: string,
): Promise<ErasureReport> {
  const changes = await eraseChanges(database, order);
  const unreadable = await eraseUnreadable(database, order);
  const messages = await eraseMessages(database, order);
  const erased = {
    changes: changes.ended,
    deadLetters: changes.dead + (await eraseDecisions(database, order)),
    unreadable,
    messages: messages.erased,
  };
  if (order.manner === 'erase') {
    await database.run('erase/record', [reference, order.by, JSON.stringify(erased)]);
  }
  return {
    ...(order.manner === 'erase' && { reference }),
    erased,
    pending: { count: changes.pending.length, first: changes.pending.slice(0, NAMED) },
    territoriesInDoubt: await territoriesInDoubt(database.run, order.person),
    messagesUnderWay: messages.underWay,
  };
}

interface ErasedChanges {
  readonly ended: number;
  readonly dead: number;
  readonly pending: readonly PendingMention[];
}

async function eraseChanges(database: Database, order: ErasureOrder): Promise<ErasedChanges> {
  let [ended, dead, after] = [0, 0, 0];
  const pending: PendingMention[] = [];
  for (;;) {
    const [page] = await database.run('erase/page-of-changes', [after, PAGE]);
    if (page?.['last'] == null) return { ended, dead, pending };
    const upTo = Number(page['last']);
    const found = await database.transaction(async ({ run }) => {
      const values = [after, upTo, inJson(order.person), Buffer.from(order.person)];
      const rows = (await run('erase/changes', values)).flatMap((row) => {
        const rewritten = rewrittenChange(row, order.person);
        return rewritten ? [{ row, rewritten }] : [];
      });
      const over = rows.filter(({ row }) => row['pending'] !== true);
      await rewrite(
        run,
        'erase/rewrite-changes',
        order,
        over.map(({ rewritten }) => rewritten),
      );
      return { over, left: rows.filter(({ row }) => row['pending'] === true) };
    });
    dead += found.over.filter(({ row }) => row['dead'] === true).length;
    ended += found.over.filter(({ row }) => row['dead'] !== true).length;
    pending.push(...found.left.map(({ row }) => mentionOf(row)));
    after = upTo;
  }
}

/** The row's values for `rewrite-changes`; undefined where the person is not in it. */
function rewrittenChange(row: Row, person: string): readonly unknown[] | undefined {
  const { assignments = [], ...rest } = row['change'] as Partial<TerritoryChange>;
  const values = assignments.map(({ fields, before }) => [fields, before]);
  const told = [row['results'], row['history'], row['reason'], row['replay']];
  const body = bytesWithoutPerson(row['body'] as Buffer, person);
  if (body === undefined && !mentions(values, person) && !mentions(told, person)) return undefined;
  const change = { ...rest, assignments: assignmentsWithoutPerson(assignments, person) };
  return [
    row['position'],
    JSON.stringify(change),
    body ?? row['body'],
    ...told.map((value) => (value === null ? null : JSON.stringify(withoutPerson(value, person)))),
  ];
}

function mentionOf(row: Row): PendingMention {
  return {
    ref: { source: row['source'] as string, id: row['id'] as string },
    territoryId: row['territory_id'] as string,
    position: Number(row['position']),
  };
}

async function eraseUnreadable(database: Database, order: ErasureOrder): Promise<number> {
  let erased = 0;
  let after: readonly unknown[] = ['', '', ''];
  for (;;) {
    const [rows, rewritten] = await database.transaction(async ({ run }) => {
      const page = await run('erase/page-of-unreadable', [...after, PAGE]);
      const bodies = page.flatMap((row) => {
        const { source, id, digest, envelope } = row;
        const body = bytesWithoutPerson(row['body'] as Buffer, order.person);
        const message = wordsWithoutPerson(row['message'] as string | null, order.person);
        if (!body && message === row['message'] && !mentions(envelope, order.person)) return [];
        return [[source, id, digest, body ?? row['body'], message, jsonWithout(envelope, order.person)]];
      });
      await rewrite(run, 'erase/rewrite-unreadable', order, bodies);
      return [page, bodies] as const;
    });
    erased += rewritten.length;
    const last = rows.at(-1);
    if (!last) return erased;
    after = [last['source'], last['id'], last['digest']];
  }
}

/** Dead letters that were decided, as they are kept with the decision. */
async function eraseDecisions(database: Database, order: ErasureOrder): Promise<number> {
  let erased = 0;
  let after: unknown = '';
  for (;;) {
    const [rows, rewritten] = await database.transaction(async ({ run }) => {
      const page = await run('erase/page-of-decisions', [after, PAGE]);
      const holding = page.flatMap((row) => {
        const said = ['decided_by', 'note', 'message'].map((name) => row[name] as string | null);
        const left = said.map((words) => wordsWithoutPerson(words, order.person));
        const isNamed =
          left.some((words, at) => words !== said[at]) || mentions(row['history'], order.person);
        return isNamed ? [[row['dead_letter_id'], ...left, jsonWithout(row['history'], order.person)]] : [];
      });
      await rewrite(run, 'erase/rewrite-decisions', order, holding);
      return [page, holding.length] as const;
    });
    erased += rewritten;
    const last = rows.at(-1);
    if (!last) return erased;
    after = last['dead_letter_id'];
  }
}

async function eraseMessages(
  database: Database,
  order: ErasureOrder,
): Promise<{ readonly erased: number; readonly underWay: number }> {
  let [erased, underWay] = [0, 0];
  let after: unknown = 0;
  for (;;) {
    const [rows, rewritten, left] = await database.transaction(async ({ run }) => {
      const page = await run('erase/page-of-messages', [after, PAGE]);
      const holding = page.flatMap((row) => {
        const body = bytesWithoutPerson(row['body'] as Buffer, order.person);
        if (body === undefined && !mentions(row['envelope'], order.person)) return [];
        const envelope = JSON.stringify(withoutPerson(row['envelope'], order.person));
        return [{ row, values: [row['seq'], body ?? row['body'], envelope] }];
      });
      const free = holding.filter(({ row }) => row['under_way'] !== true);
      await rewrite(
        run,
        'erase/rewrite-messages',
        order,
        free.map(({ values }) => values),
      );
      return [page, free.length, holding.length - free.length] as const;
    });
    erased += rewritten;
    underWay += left;
    const last = rows.at(-1);
    if (!last) return { erased, underWay };
    after = last['seq'];
  }
}

async function territoriesInDoubt(run: Run, person: string): Promise<readonly string[]> {
  const rows = await run('erase/lanes', [inJson(person), inJson(inJson(person))]);
  return rows
    .filter((row) => {
      const intents = Object.values(row['intents'] as Readonly<Record<string, string>>);
      return mentions([row['memory'], ...intents.map((text) => JSON.parse(text) as unknown)], person);
    })
    .map((row) => row['territory_id'] as string);
}

/** @param rows of values; the statement takes them column by column */
async function rewrite(
  run: Run,
  statement: `erase/rewrite-${'changes' | 'unreadable' | 'decisions' | 'messages'}`,
  { manner }: ErasureOrder,
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const [first] = rows;
  if (!first || manner === 'count') return;
  await run(
    statement,
    first.map((_, column) => rows.map((values) => values[column])),
  );
}

/** A JSON value as text for a column that may be null. */
function jsonWithout(value: unknown, person: string): string | null {
  return value === null ? null : JSON.stringify(withoutPerson(value, person));
}

/** As it stands between the quotes of a JSON string. */
function inJson(person: string): string {
  return JSON.stringify(person).slice(1, -1);
}
