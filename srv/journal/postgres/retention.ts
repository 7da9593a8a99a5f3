/**
 * One turn of forgetting. Small batches with pauses: each takes a few hundred row locks for some milliseconds, and the
 * pauses leave the database to those who work. What a turn does not get to is left to the next one.
 */
import type { RetentionRules, Tidied } from '../port.ts';
import type { Run } from './database.ts';
import type { StatementName } from './statements.ts';

/** At most one turn in that time over all instances. */
const TURN_MS = 60_000;
/** No new batch after so much of it, so that turns do not overlap. */
const WORK_MS = 40_000;
export const BATCH = 500;
const PAUSE_MS = 50;
const DAY_MS = 86_400_000;
/** The end of a dead letter is foretold so many days ahead. The later warning first: it stands for the earlier one. */
const WARNINGS_DAYS = [1, 7] as const;
/** A warning is given again when the dead letter is still there after so long: one that holds its lane. */
const WARNED_MS = 30 * DAY_MS;

export interface Pace {
  /** Ends at once when it is time to stop. */
  pause(ms: number): Promise<void>;
  monotonicMs(): number;
  readonly signal: AbortSignal;
}

/** @returns undefined where another instance has the turn */
export async function tidyOnce(run: Run, rules: RetentionRules, pace: Pace): Promise<Tidied | undefined> {
  const { payloadMs, historyMs, deadLetterMs, identityMs } = rules;
  if ((await run('retention/take-turn', [TURN_MS])).length === 0) return undefined;
  const untilMs = pace.monotonicMs() + WORK_MS;
  const goesOn = (): boolean => !pace.signal.aborted && pace.monotonicMs() < untilMs;

  /** Runs batches until one is not full. */
  const batches = async (batch: () => Promise<number>): Promise<number> => {
    let total = 0;
    for (let rows = BATCH; rows === BATCH && goesOn();) {
      rows = await batch();
      total += rows;
      if (rows > 0) await pace.pause(PAUSE_MS);
    }
    return total;
  };
  const older = (statement: StatementName, ageMs: number): Promise<number> =>
    batches(async () => rowsOf((await run(statement, [ageMs, BATCH]))[0]));
  const changes = async (kept: number): Promise<number> => {
    let last: readonly unknown[] = ['-infinity', 0];
    return batches(async () => {
      const values = [kept, historyMs, identityMs, deadLetterMs, BATCH, ...last];
      const [row] = await run('retention/changes', values);
      if (row) last = [row['ended_at'], row['position']];
      return rowsOf(row);
    });
  };

  /** The dead letters that a statement answers, batch by batch. */
  const letters = async (
    statement: StatementName,
    ...values: readonly unknown[]
  ): Promise<readonly string[]> => {
    const ids: string[] = [];
    await batches(async () => {
      const rows = await run(statement, [...values, BATCH]);
      ids.push(...rows.map((row) => row['dead_letter_id'] as string));
      return rows.length;
    });
    return ids;
  };

  const expired = [
    ...(await letters('retention/letters', deadLetterMs)),
    ...(await letters('retention/unreadable-letters', deadLetterMs)),
  ];
  const expiring = [];
  for (const withinDays of WARNINGS_DAYS) {
    const values = [deadLetterMs - withinDays * DAY_MS, withinDays];
    const ids = [
      ...(await letters('retention/warn', ...values)),
      ...(await letters('retention/warn-unreadable', ...values)),
    ];
    if (ids.length > 0) expiring.push({ withinDays, ids });
  }
  // Values first: they are what must not stay. Then whole rows, so that histories are taken out of those only that stay.
  const payloads = await older('retention/payloads', payloadMs);
  const gone = (await changes(1)) + (await changes(0));
  const keptLonger = identityMs > historyMs || deadLetterMs > historyMs;
  const histories = keptLonger ? await older('retention/histories', historyMs) : 0;
  const longestMs = Math.max(deadLetterMs, identityMs);
  const others =
    (await older('retention/unreadable', longestMs)) +
    (await older('retention/decisions', longestMs)) +
    (await older('retention/parked', deadLetterMs));
  await older('retention/warnings', WARNED_MS);
  return { payloads, histories, changes: gone, others, expired, expiring };
}

function rowsOf(row: { readonly [name: string]: unknown } | undefined): number {
  return (row?.['rows'] as number | undefined) ?? 0;
}
