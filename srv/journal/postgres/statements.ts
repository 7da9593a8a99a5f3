/**
 * The statements as files: a `.sql` file opens with why it is shaped so, then holds one or more statements, each under a line
 * `-- :name its-name`. Nothing else is generated or put together from parts: what stands there is what runs.
 */
import { readFileSync } from 'node:fs';

const DIRECTORY = new URL('statements/', import.meta.url);
const MARK = /^-- :name ([a-z-]+)$/gm;

/** Every statement that the program runs: file and name. */
const NAMES = [
  'alerts/all',
  'alerts/lock',
  'alerts/write',
  'alerts/remove',
  'alerts/take',
  'alerts/give-back',
  'append/lock-lanes',
  'append/insert-changes',
  'append/known-changes',
  'append/lock-unreadable',
  'append/known-unreadable',
  'append/insert-unreadable',
  'append/unreadable-again',
  'claim/claim',
  'claimed-changes/claimed-changes',
  'claimed-changes/later-changes',
  'complete/lock-lanes',
  'complete/changes-of',
  'complete/record',
  'complete/give-back',
  'complete/also-rest',
  'complete/hold',
  'complete/free-slots',
  'decide/lane-of',
  'decide/lock-letters',
  'decide/decide',
  'decide/decided',
  'decide/dead-change',
  'decide/close-letter',
  'decide/release-lane',
  'decide/run-again',
  'decide/run-new',
  'decide/link-decision',
  'decide/count-run',
  'due/next-due',
  'due/forget-lanes',
  'erase/page-of-changes',
  'erase/changes',
  'erase/rewrite-changes',
  'erase/page-of-unreadable',
  'erase/rewrite-unreadable',
  'erase/page-of-decisions',
  'erase/rewrite-decisions',
  'erase/page-of-messages',
  'erase/rewrite-messages',
  'erase/lanes',
  'erase/record',
  'figures/figures',
  'instance/make-slots',
  'instance/leave-lanes',
  'instance/announce',
  'instance/journal-id',
  'instance/seen',
  'instance/gone',
  'letters/all',
  'letters/of-territory',
  'letters/of-code',
  'letters/open',
  'letters/counts',
  'letters/one',
  'letters/decision',
  'operated/lanes',
  'operated/lane',
  'operated/lane-changes',
  'operated/pause',
  'operated/resume',
  'operated/trails',
  'operated/unreadable-trails',
  'operated/dead-letter',
  'outbox/add',
  'outbox/unsent-among',
  'outbox/take',
  'outbox/renew',
  'outbox/sent',
  'outbox/give-back',
  'outbox/park',
  'quota/report',
  'quota/pause',
  'quota/lift',
  'renew/renew',
  'renew/renew-slots',
  'retention/take-turn',
  'retention/payloads',
  'retention/histories',
  'retention/changes',
  'retention/letters',
  'retention/unreadable-letters',
  'retention/warn',
  'retention/warn-unreadable',
  'retention/warnings',
  'retention/unreadable',
  'retention/decisions',
  'retention/parked',
  'store-intents/store-intents',
  'tally/add',
  'tally/read',
  'tally/forget',
  'switches/switches',
  'switches/pause',
  'switches/resume',
] as const;

export type StatementName = (typeof NAMES)[number];

/** The statements of one file by name, in the order in which they stand there, comments included. */
export function statementsIn(sql: string): ReadonlyMap<string, string> {
  const marks = [...sql.matchAll(MARK)];
  return new Map(
    marks.map((mark, index) => {
      const start = mark.index + mark[0].length;
      return [mark[1] ?? '', sql.slice(start, marks[index + 1]?.index).trim()];
    }),
  );
}

/**
 * Reads all of them, at start rather than at first use: a file that the build forgot shows at once.
 * @throws Error if one is missing
 */
export function readStatements(): Readonly<Record<StatementName, string>> {
  const files = new Map<string, ReadonlyMap<string, string>>();
  const all = NAMES.map((name) => {
    const [file = '', statement = ''] = name.split('/');
    const known = files.get(file) ?? statementsIn(readFileSync(new URL(`${file}.sql`, DIRECTORY), 'utf8'));
    files.set(file, known);
    const sql = known.get(statement);
    if (sql === undefined) throw new Error(`The statement ${name} is missing in ${file}.sql`);
    return [name, sql] as const;
  });
  return Object.fromEntries(all) as Record<StatementName, string>;
}
