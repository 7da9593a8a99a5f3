/**
 * Every metric that the program has: name, kind, unit, meaning and labels. The only such list: instruments are made from it,
 * documentation and tests go by it. Names of our own are the same in Prometheus and over OTLP; `messaging.*` are those of
 * OpenTelemetry's semantic conventions. No label ever holds the id of a territory, record or change: each of its values would
 * be a time series for ever.
 */

export interface MetricEntry {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** UCUM, as OpenTelemetry wants it: `s`, `1`, or what is counted in braces. */
  readonly unit: string;
  readonly description: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, in the unit. */
  readonly buckets?: readonly number[];
}

/** From a local answer to a request that ran into its time-out. */
const SHORT_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;
/** From a flight of one record to a search for a culprit. */
const FLIGHT_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300] as const;
/** From a change that flies at once to one that waited for an outage to end. */
const CHANGE_S = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400] as const;
const PROPAGATION_S = [0.1, 0.25, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30] as const;
const LOCK_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 4, 8, 16, 32, 60, 120, 300] as const;

export const METRICS = {
  territory_sync_changes_received_total: counter('{change}', 'Changes new in the journal, readable or not'),
  territory_sync_changes_completed_total: counter('{change}', 'Changes ended, by outcome', 'outcome'),
  territory_sync_writes_total: counter(
    '{record}',
    'Record writes sent, by what came of them; trouble: the API did not act on it; in-doubt: it may have',
    'result',
  ),
  territory_sync_conflicts_total: counter(
    '{record}',
    'Record writes refused since another writer was faster',
  ),
  territory_sync_conflict_rate: gauge('1', 'Conflicted share of the record writes of the window'),
  territory_sync_backlog_changes: gauge('{change}', 'Changes pending in the journal'),
  territory_sync_lanes: gauge(
    '{lane}',
    'Territories with pending changes, and those held or paused, by state',
    'state',
  ),
  territory_sync_dead_letters: gauge('{letter}', 'Open dead letters'),
  territory_sync_batch_size: gauge('{record}', 'Records that a flight takes at most, now'),
  territory_sync_flight_duration_seconds: histogram('s', 'One visit to the territory API', FLIGHT_S),
  territory_sync_change_duration_seconds: histogram('s', 'From receipt to outcome of a change', CHANGE_S),
  territory_sync_api_requests_total: counter(
    '{request}',
    'Requests to the territory API, by HTTP status, or timeout, or network',
    'status',
  ),
  territory_sync_lock_wait_seconds: histogram(
    's',
    'From wanting the lock of a territory to having it',
    LOCK_S,
  ),
  territory_sync_outbox_unsent: gauge('{message}', 'Messages that the mesh has not accepted yet'),
  territory_sync_breaker_state: gauge('1', '0 closed, 1 probing, 2 open, 3 quota pause'),
  territory_sync_propagation_seconds: histogram(
    's',
    'From a write to the read that showed it: at most so long the cache of the API took',
    PROPAGATION_S,
  ),
  territory_sync_cache_status_total: counter(
    '{request}',
    'Reads answered with an X-Cache-Status, by its value; other: one that is not common',
    'value',
  ),
  territory_sync_api_budget_used_ratio: gauge(
    '1',
    'Requests of the last 24 h ÷ API_DAILY_BUDGET, where one is set',
  ),
  'messaging.client.consumed.messages': counter('{message}', 'Messages taken from the queue', ...messaging()),
  'messaging.client.sent.messages': counter(
    '{message}',
    'Messages sent, refused and unconfirmed ones included',
    ...messaging('error.type'),
  ),
  'messaging.client.operation.duration': histogram(
    's',
    "From sending a message to the broker's word",
    SHORT_S,
    ...messaging('error.type'),
  ),
  'messaging.process.duration': histogram(
    's',
    'From receipt of a message until its change is in the journal',
    SHORT_S,
    ...messaging(),
  ),
} as const satisfies Readonly<Record<string, MetricEntry>>;

export type MetricName = keyof typeof METRICS;

/** The metrics of one kind. */
export type NamesOf<Kind extends MetricEntry['kind']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];

function messaging(...more: readonly string[]): readonly string[] {
  return ['messaging.system', 'messaging.operation.name', 'messaging.destination.name', ...more];
}

function counter(unit: string, description: string, ...labels: readonly string[]) {
  return { kind: 'counter', unit, description, labels } as const;
}

function gauge(unit: string, description: string, ...labels: readonly string[]) {
  return { kind: 'gauge', unit, description, labels } as const;
}

function histogram(
  unit: string,
  description: string,
  buckets: readonly number[],
  ...labels: readonly string[]
) {
  return { kind: 'histogram', unit, description, labels, buckets } as const;
}
