/** What an adapter does with the statements, in the fewest words: appends, claims and completes. */
import type { Row, Values } from '../postgres-database.ts';

/** Runs one statement of that version. */
export type Run = (statement: `${string}/${string}`, values?: Values) => Promise<Row[]>;

export const LEASE_MS = 60_000;

export interface Event {
  readonly id: string;
  readonly lane: string;
  readonly digest?: string;
  readonly records?: readonly string[];
}

export interface Lane {
  readonly lane: string;
  readonly fence: string;
}

/** What an adapter does for one batch of changes; answers position or kind, one per event. */
export async function append(run: Run, events: readonly Event[]): Promise<(number | string)[]> {
  const column = (of: (event: Event) => unknown) => events.map(of);
  await run('append/lock-lanes', [column(({ lane }) => lane)]);
  const inserted = await run('append/insert-changes', [
    1,
    column(({ lane }) => lane),
    column(() => '/test'),
    column(({ id }) => id),
    column(({ id, digest }) => digest ?? id),
    column(({ id }) => JSON.stringify({ id })),
    column(({ id }) => Buffer.from(id)),
    column(() => 'application/json'),
    column(() => 1_795_338_000_123),
    column(({ records }) => JSON.stringify(records ?? ['T1'])),
  ]);
  const answer = new Map<number, number | string>(
    inserted.map((row) => [int(row['index']) - 1, int(row['position'])]),
  );
  const old = events.flatMap((event, index) => (answer.has(index) ? [] : [{ event, index }]));
  const known = await run('append/known-changes', [old.map(() => '/test'), old.map(({ event }) => event.id)]);
  for (const [at, { event, index }] of old.entries()) {
    const row = known.find((one) => one['index'] === at + 1);
    const same = row?.['digest'] === (event.digest ?? event.id);
    const kind = row?.['pending'] === true ? 'pending' : 'duplicate';
    answer.set(index, same ? kind : 'clash');
  }
  return events.map((_, index) => answer.get(index) ?? 'lost');
}

export async function claim(run: Run, records = 100, leaseMs = LEASE_MS): Promise<Lane[]> {
  const rows = await run('claim/claim', claimValues(records, leaseMs));
  return rows.map((row) => ({ lane: String(row['territory_id']), fence: String(row['fence']) }));
}

/** Values of a claim without a limit on flights. */
export const claimValues = (records: number, leaseMs: number, lanes = 100) => [
  records,
  leaseMs,
  'this instance',
  1,
  1000,
  lanes,
  null,
  'a flight',
];

/** The lanes' pending changes, as ids in order. */
export async function changesOf(run: Run, lanes: readonly Lane[]): Promise<string[]> {
  const rows = await run('claimed-changes/claimed-changes', [lanes.map(({ lane }) => lane), 1000]);
  return rows.map((row) => (row['change'] as { id: string }).id);
}

/** Ends these positions, and gives the lane back. */
export async function complete(
  run: Run,
  { lane, fence }: Lane,
  made: {
    ended?: readonly number[];
    wait?: string;
    delayMs?: number;
    alsoRest?: readonly string[];
    memory?: object;
  } = {},
): Promise<boolean> {
  const { ended = [], wait = null, delayMs = 0, alsoRest = [], memory } = made;
  const held = await run('complete/lock-lanes', [[lane], [fence], alsoRest]);
  if (held.length === 0) return false;
  const each = <T>(value: T) => ended.map(() => value);
  await run('complete/record-progress', [ended, each('[{}]'), each('[]'), each(1), each(0), each('[]')]);
  await run('complete/record-outcomes', [ended, each('applied'), each(null), each(null)]);
  const text = memory ? JSON.stringify(memory) : null;
  await run('complete/give-back', [[lane], [text], [null], [wait], [delayMs], [1]]);
  await run('complete/also-rest', [alsoRest, alsoRest.map(() => 5000)]);
  return true;
}

export const int = (value: unknown) => Number(value);
export const lanesOf = (lanes: readonly Lane[]) => lanes.map(({ lane }) => lane).toSorted();
export const event = (id: string, lane = 'EMEA'): Event => ({ id, lane });
