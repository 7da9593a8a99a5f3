/**
 * A territory API that nobody of this project wrote: SAP CAP over SQLite in memory (folder `cap`), as a process of its
 * own. What it accepts and refuses is CAP's decision; what it committed it tells itself.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Commit, Fields, Row } from './commit.ts';

const PROJECT = fileURLToPath(new URL('cap/', import.meta.url));
const SERVE = createRequire(import.meta.url).resolve('@sap/cds/bin/serve.js');

/** Below the server's URL. */
export const COLLECTION = '/territory-api/v1/assignments';

/** Lines of output kept for a failure's report. */
const OUTPUT_LINES = 100;

/** Most records and commits that CAP gives in one answer. */
const PAGE = 1000;

export interface CapServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** Forgets every record and every commit. */
  clear(): Promise<void>;
  /** Creates records, written by the user `seed`: they are part of the record of commits. */
  seed(rows: readonly ({ readonly id: string } & Fields)[]): Promise<void>;
  /** Every record as CAP gives it now, by id. */
  rows(): Promise<ReadonlyMap<string, Row>>;
  /** CAP's own record of all that it committed, in that order. */
  commits(): Promise<readonly Commit[]>;
  stop(): Promise<void>;
}

/** CAP ended before it listened, or answered what it should not. */
export class CapServerError extends Error {
  readonly code = 'CAP_SERVER';
}

/** The header by which CAP's mocked authentication knows this user; it knows every name and asks for no password. */
export function authorization(user: string): string {
  return `Basic ${Buffer.from(`${user}:`).toString('base64')}`;
}

/**
 * Starts CAP on a free port of this machine. Whoever starts it stops it.
 * @throws {CapServerError} with its output where it ends before it listens
 */
export async function startCapServer(): Promise<CapServer> {
  const child = spawn(process.execPath, [SERVE, 'all', '--port', '0'], {
    cwd: PROJECT,
    env: { PATH: process.env['PATH'] ?? '' },
    // Its standard input ends with this process, and it with its standard input.
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  const lines: string[] = [];
  const port = await Promise.race([listeningPort(child, lines), exited]);
  if (port === undefined) throw new CapServerError(`CAP ended before it listened:\n${lines.join('\n')}`);
  const url = `http://127.0.0.1:${port}`;

  return {
    url,
    async clear() {
      const answer = await post(`${url}/record/v1/clear`, {});
      if (!answer.ok) throw new CapServerError(`CAP answered ${answer.status} to being cleared`);
    },
    async seed(rows) {
      const requests = rows.map((body, index) => ({
        id: String(index),
        method: 'POST',
        url: 'assignments',
        headers: { 'content-type': 'application/json' },
        body,
      }));
      const answer = await post(`${url}/territory-api/v1/$batch`, { requests });
      const { responses } = (await answer.json()) as { responses?: { status: number }[] };
      const created = responses?.filter(({ status }) => status === 201).length;
      if (created !== rows.length) throw new CapServerError(`CAP took ${created} of ${rows.length} records`);
    },
    async rows() {
      const list = await readAll<Row>(`${url}${COLLECTION}`, 'id', "''");
      return new Map(list.map((row) => [row.id, row]));
    },
    async commits() {
      return (await readAll<CommitEntry>(`${url}/record/v1/commits`, 'seq', '0')).map(commitOf);
    },
    async stop() {
      // All it has is in memory: there is nothing to end in an orderly way.
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function post(url: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json', authorization: authorization('seed') };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** Page by page in the order of its key, so that what is committed meanwhile shifts nothing. */
async function readAll<T extends object>(collection: string, key: string, first: string): Promise<T[]> {
  const found: T[] = [];
  for (let after = first; ;) {
    const query = `$filter=${encodeURIComponent(`${key} gt ${after}`)}&$orderby=${key}&$top=${PAGE}`;
    const headers = { authorization: authorization('reader') };
    const answer = await fetch(`${collection}?${query}`, { headers });
    if (!answer.ok) throw new CapServerError(`CAP answered ${answer.status} to ${collection}`);
    const { value } = (await answer.json()) as { value: T[] };
    found.push(...value);
    const last = value.at(-1);
    if (value.length < PAGE || last === undefined) return found;
    const [, lastKey] = Object.entries(last).find(([name]) => name === key) ?? [];
    after = key === 'seq' ? String(lastKey) : `'${String(lastKey).replaceAll("'", "''")}'`;
  }
}

/** A commit as it travels: the images as JSON text. */
interface CommitEntry {
  readonly seq: string;
  readonly writer: string;
  readonly operation: Commit['operation'];
  readonly assignment: string;
  readonly ifMatch: string | null;
  readonly sent: string;
  readonly before: string;
  readonly after: string;
}

function commitOf({ seq, sent, before, after, ...entry }: CommitEntry): Commit {
  return {
    ...entry,
    seq: Number(seq),
    sent: JSON.parse(sent) as Fields,
    before: JSON.parse(before) as Row | null,
    after: JSON.parse(after) as Row | null,
  };
}

/** Resolves with the port that the line "server listening on" names. */
function listeningPort(child: ChildProcess, lines: string[]): Promise<number> {
  return new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        const parts = (rest + chunk).split('\n');
        rest = parts.pop() ?? '';
        for (const line of parts) {
          lines.push(line);
          if (lines.length > OUTPUT_LINES) lines.shift();
          const listening = /server listening on.*:(\d+)/.exec(line);
          if (listening) resolve(Number(listening[1]));
        }
      });
    }
  });
}
