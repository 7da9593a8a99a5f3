/**
 * The condition of each alert: what is bad and what is good about the state of the program. Pure, one function an alert. Between
 * bad and good there is a middle that leaves an alert as it is, so that a figure that swings around one limit raises one alert.
 */
import type { AlertFigures } from '../../alerts/port.ts';
import type { AvailabilityCheck } from '../../platform/availability.ts';
import type { ApiTrouble } from '../../territory-api/port.ts';
import type { AlertName } from './catalogue.ts';
import type { Happened, Observed } from './observed.ts';

export interface Finding {
  readonly verdict: 'bad' | 'good' | 'unknown';
  /** One line for people. */
  readonly detail: string;
  readonly figures: AlertFigures;
  /** Another one than before is worth an update of a raised alert. */
  readonly mark: string;
  /** How often it has happened since the last look; 0 for what lasts. */
  readonly times: number;
  /** Of an alert about a territory. */
  readonly territory?: string;
}

/** An alert about territories has a finding for each that is bad, every other alert has one. */
export type Condition = (observed: Observed) => readonly Finding[];

/** Trouble that does not pass by itself: rights, credentials, path or the destination have to be set right. */
const NEEDS_A_PERSON: readonly ApiTrouble['reason'][] = [
  'unauthorized',
  'forbidden',
  'destination',
  'not-an-answer',
];
const BUDGET = { bad: 0.9, good: 0.85 };
const GROWN_MINUTES = 5;
const OLD_MS = 10 * 60_000;
const MINUTE_MS = 60_000;

export const CONDITIONS: Readonly<Record<AlertName, Condition>> = {
  ConflictRateHigh: ({ conflicts: { alert, rate, writes, conflicted, windowSeconds } }) => [
    finding(
      alert ? 'bad' : 'good',
      `${conflicted} of ${writes} writes were refused within ${windowSeconds} s`,
      {
        ratePercent: Math.round(rate * 1000) / 10,
        writes,
        conflicted,
      },
    ),
  ],
  DeadLetter: ({ deadLetters, happened }) => [
    {
      ...happening(happened.DeadLetter, deadLetters),
      detail: `${deadLetters ?? 'An unknown number of'} dead letters are open${latest(happened.DeadLetter)}`,
      figures: openFigures(deadLetters),
    },
  ],
  DeadLetterExpiring: ({ deadLetters, happened }) => [
    {
      ...happening(happened.DeadLetterExpiring, deadLetters),
      // Which of the open ones were meant is not asked: it is over when none is open.
      verdict: deadLetters === 0 ? 'good' : 'unknown',
    },
  ],
  OutcomeRefused: ({ happened }) => [{ ...happening(happened.OutcomeRefused, 0), verdict: 'good' }],
  ApiUnavailable: ({ api }) => [troubled(api, (reason) => !NEEDS_A_PERSON.includes(reason))],
  ConfigurationSuspect: ({ api }) => [
    // Where reads succeed and writes do not, flights start again and again.
    api.state === 'closed' && api.refusesWrites
      ? troubleFinding(api.refusesWrites)
      : troubled(api, (reason) => NEEDS_A_PERSON.includes(reason)),
  ],
  ApiQuotaExhausted: ({ api, budget: { limit, used } }) => {
    const isSpent = limit !== undefined && used >= limit;
    const verdict = isSpent || api.state === 'quota' ? 'bad' : api.state === 'closed' ? 'good' : 'unknown';
    const why = isSpent
      ? `${used} of API_DAILY_BUDGET ${limit} requests are spent`
      : (api.trouble?.message ?? 'the API has asked for a long wait');
    return [finding(verdict, why, { used, ...(limit !== undefined && { limit }) })];
  },
  ApiBudget: ({ budget: { limit, used } }) => {
    if (limit === undefined) return [finding('good', 'no budget is set')];
    const ratio = used / limit;
    const verdict = ratio >= BUDGET.bad ? 'bad' : ratio < BUDGET.good ? 'good' : 'unknown';
    return [finding(verdict, `${used} of ${limit} requests within 24 h`, { used, limit })];
  },
  MeshDisconnected: ({ mesh: { state, reason } }) => {
    // A renewal of the token is over in milliseconds and planned.
    if (state === 'open' || state === 'renewing') return [finding('good', 'connected')];
    const isEnding = state === 'stopping' || state === 'stopped' || state === 'idle';
    return [finding(isEnding ? 'unknown' : 'bad', reason ?? 'it is being connected to')];
  },
  MessageUnreadable: ({ mesh: { state, unreadable } }) => {
    if (unreadable)
      return [finding('bad', unreadable.message, { times: unreadable.times }, unreadable.queues.join(','))];
    return [finding(state === 'open' ? 'good' : 'unknown', 'the connection lasts')];
  },
  LockStoreUnavailable: ({ lock }) => [availability(lock)],
  JournalUnavailable: ({ journal }) => [availability(journal)],
  QueueNotExclusive: ({ queue }) => [availability(queue)],
  BacklogGrowing: ({ backlog }) => [backlogFinding(backlog)],
  LaneHeld: ({ held }) =>
    (held?.territories ?? []).map((territory) => ({
      ...finding('bad', `${held?.count} territories are held at a dead letter`, { held: held?.count ?? 0 }),
      territory,
    })),
};

function finding(
  verdict: Finding['verdict'],
  detail: string,
  figures: AlertFigures = {},
  mark = '',
): Finding {
  return { verdict, detail, figures, mark, times: 0 };
}

/** @param open of what it left behind: 0 is good, undefined is not known */
function happening({ times, detail }: Happened, open: number | undefined): Finding {
  const verdict = open === undefined ? 'unknown' : open > 0 ? 'bad' : 'good';
  return { verdict, detail, figures: {}, mark: '', times };
}

function openFigures(open: number | undefined): AlertFigures {
  return open === undefined ? {} : { open };
}

function latest({ detail }: Happened): string {
  return detail === '' ? '' : `; the latest: ${detail}`;
}

function availability(check: AvailabilityCheck | undefined): Finding {
  if (check === undefined || check.status === 'UP') return finding('good', 'it answers');
  return finding('bad', check.reason ?? 'it does not answer');
}

/** Trouble of another kind than `isOurs` leaves the alert as it is, and so does a probe under way. */
function troubled(
  { state, trouble }: Observed['api'],
  isOurs: (reason: ApiTrouble['reason']) => boolean,
): Finding {
  if (state === 'closed') return finding('good', 'it answers');
  if (state !== 'open' || trouble === undefined || !isOurs(trouble.reason))
    return finding('unknown', 'it is looked at');
  return troubleFinding(trouble);
}

function troubleFinding({ reason, status, message }: ApiTrouble): Finding {
  return finding(
    'bad',
    message,
    { reason, ...(status !== undefined && { status }) },
    `${reason} ${status ?? ''}`,
  );
}

/** Bad: each of five whole minutes ended with more than the one before, and the oldest waits for more than ten. */
function backlogFinding({ minutes, oldestAgeMs }: Observed['backlog']): Finding {
  const levels = minutes.slice(0, -1).map(({ backlog }) => backlog);
  const last = levels.slice(-(GROWN_MINUTES + 1));
  const isOld = oldestAgeMs !== undefined && oldestAgeMs > OLD_MS;
  const hasGrown =
    last.length > GROWN_MINUTES && last.every((level, at) => at === 0 || level > (last[at - 1] ?? 0));
  const [first = 0, newest = 0] = [last[0], last.at(-1)];
  const verdict = isOld && hasGrown ? 'bad' : !isOld || newest < first ? 'good' : 'unknown';
  return finding(verdict, `${newest} changes are pending, ${newest - first} more than 5 minutes before`, {
    pending: newest,
    oldestMinutes: Math.floor((oldestAgeMs ?? 0) / MINUTE_MS),
  });
}
