/**
 * Every alert that the program knows: what it is called, how grave it is, how long its cause has to last and to be gone, how often
 * it is updated, and what to do. README.md and docs/deployment.md show this table; a test holds them against it.
 */
import type { AlertSeverity } from '../../alerts/port.ts';

export interface AlertKind {
  readonly severity: AlertSeverity;
  /** What is wrong, in a few words. */
  readonly title: string;
  readonly action: string;
  /** The cause has to be there for so long before the alert is raised. */
  readonly raiseAfterMs: number;
  /** And to be gone for so long before it has recovered: an alert that flaps is one alert. */
  readonly recoverAfterMs: number;
  /** Updates of a raised alert are at least so far apart. */
  readonly updateEveryMs: number;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Of a store or a peer that is away: over at once is no alert, back for a moment is no recovery. */
const OUTAGE = {
  severity: 'ERROR',
  raiseAfterMs: 15 * SECOND_MS,
  recoverAfterMs: 30 * SECOND_MS,
  updateEveryMs: 15 * MINUTE_MS,
} as const;
/** Of a level that has its own hysteresis. */
const LEVEL = {
  severity: 'WARNING',
  raiseAfterMs: 0,
  recoverAfterMs: 0,
  updateEveryMs: 15 * MINUTE_MS,
} as const;
/** Of something that happens. */
const INCIDENT = {
  severity: 'ERROR',
  raiseAfterMs: 0,
  recoverAfterMs: 0,
  updateEveryMs: MINUTE_MS,
} as const;

export const ALERTS = {
  ConflictRateHigh: {
    ...LEVEL,
    title: 'Many writes are refused as conflicts',
    action:
      'Another program writes the same assignments: find it and have it take the territory lock, or lower TERRITORY_CONCURRENCY.',
  },
  DeadLetter: {
    ...INCIDENT,
    title: 'Changes need a person',
    action: 'Look at the dead letters: correct the cause, then replay or discard each.',
  },
  DeadLetterExpiring: {
    ...INCIDENT,
    severity: 'WARNING',
    updateEveryMs: HOUR_MS,
    title: 'Dead letters expire soon and are then gone',
    action: 'Replay or discard them before they expire.',
  },
  ApiUnavailable: {
    ...OUTAGE,
    title: 'The territory API does not answer',
    action: 'Look at the state of SAP CX and at the network. Nothing is lost: work goes on when it answers.',
  },
  ApiQuotaExhausted: {
    ...OUTAGE,
    raiseAfterMs: 0,
    title: 'The quota of the territory API is exhausted',
    action: 'Wait until it frees, or have the quota (or API_DAILY_BUDGET) raised. Nothing is lost.',
  },
  ApiBudget: {
    ...LEVEL,
    title: '90 % of API_DAILY_BUDGET is used',
    action:
      'Raise API_DAILY_BUDGET if the contract allows it: at 100 % flights pause until the window frees.',
  },
  MeshDisconnected: {
    ...OUTAGE,
    title: 'The mesh cannot be reached',
    action:
      'Look at the state of SAP Event Mesh and at its binding. Nothing is lost: the queue keeps what comes.',
  },
  MessageUnreadable: {
    ...OUTAGE,
    raiseAfterMs: 0,
    title: 'A message ends the connection to the mesh each time it is delivered',
    action: 'Look at the oldest message of the named queue and move it away: nothing behind it is received.',
  },
  LockStoreUnavailable: {
    ...OUTAGE,
    title: 'The lock store does not answer',
    action: 'Look at Redis and its binding. Nothing is lost: flights wait until it answers.',
  },
  JournalUnavailable: {
    ...OUTAGE,
    title: 'The journal does not answer',
    action: 'Look at PostgreSQL and its binding. Nothing is lost: the queue keeps what comes.',
  },
  QueueNotExclusive: {
    ...OUTAGE,
    raiseAfterMs: 0,
    recoverAfterMs: 0,
    title: 'The work queue is not as it has to be',
    action:
      'Set the access type of the queue to EXCLUSIVE, or run `territory-sync mesh setup`: order is at risk.',
  },
  BacklogGrowing: {
    ...LEVEL,
    title: 'More changes come than are applied',
    action:
      'Look at the rates and at the API; raise TERRITORY_CONCURRENCY or BATCH_SIZE where the API allows it.',
  },
  LaneHeld: {
    ...LEVEL,
    title: 'A territory is held at a dead letter',
    action: 'Decide its dead letter: until then no change of this territory is applied.',
  },
  ConfigurationSuspect: {
    ...OUTAGE,
    title: 'The territory API refuses everything, or every write',
    action:
      'Check destination, credentials, rights and TERRITORY_PATH: nothing is written until they are right.',
  },
  OutcomeRefused: {
    ...INCIDENT,
    recoverAfterMs: HOUR_MS,
    title: 'The mesh refuses outcome events for good',
    action:
      'Check the topic rules of the mesh binding for MESH_SUCCESS_TOPIC and MESH_FAILURE_TOPIC: these events are parked.',
  },
} as const satisfies Readonly<Record<string, AlertKind>>;

/** The event type without its first part, `TerritorySync`. */
export type AlertName = keyof typeof ALERTS;

export const ALERT_NAMES = Object.keys(ALERTS) as readonly AlertName[];

const PREFIX = 'TerritorySync';

/** As SAP Alert Notification and the log know it. */
export function eventTypeOf(name: AlertName): string {
  return `${PREFIX}${name}`;
}
