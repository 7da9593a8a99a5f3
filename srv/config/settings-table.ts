/**
 * Every setting that the environment can give: name, what is allowed, default, meaning. The only such list: what is
 * read, refused, suggested for a misspelt name and printed as help comes from here. No setting is a secret; secrets
 * come in bindings.
 */
import { ALERT_CREDENTIALS } from '../alerts/endpoint.ts';
import { PROTOCOLS } from '../territory-api/settings.ts';
import {
  aliases,
  choice,
  decimal,
  flag,
  integer,
  list,
  oneLine,
  pairs,
  text,
  webUrl,
} from './setting-kinds.ts';
import type { Kind } from './setting-kinds.ts';

export interface Setting<T> {
  readonly kind: Kind<Exclude<T, undefined>>;
  /** What counts where nothing is set. */
  readonly fallback: T;
  /** The default in words. */
  readonly defaultText: string;
  readonly meaning: string;
}

/** What a field of an assignment is to the API's OData types; fields without an entry are sent as JSON has them. */
const FIELD_TYPES = [
  'string',
  'int',
  'int64',
  'decimal',
  'double',
  'boolean',
  'date',
  'datetime',
  'datetimeoffset',
  'time',
  'guid',
] as const;

const milliseconds = integer(0, 3_600_000);
const days = integer(1, 3650);
const property = text(/^[A-Za-z_][A-Za-z0-9_.]{0,127}$/, 'a property name (letters, digits, _ and .)');
const path = text(
  /^(?=.{2,500}$)(\/(?:[^\s?#/{}]|\{territoryId\})+)+$/,
  'a path that begins with /, ends without, and has no ?, no #, no blank and no placeholder but {territoryId}',
);
// Names on the mesh: the limits of SAP Event Mesh, with the characters that the other brokers' names need.
const queueName = text(
  /^(?=.{1,164}$)(?:[\w.\-/:~$]|\{namespace\})+$/,
  'a queue name of at most 164 characters (letters, digits, _ . - / : ~ $) that may contain {namespace}',
);
const topicName = text(
  /^(?=.{1,150}$)(?:[\w.\-~$]|\{namespace\})+(?:\/(?:[\w.\-~$]|\{namespace\})+)*$/,
  'a topic of at most 150 characters, segments parted by /, that may contain {namespace} but no wildcard',
);
const topicPattern = text(
  /^(?=.{1,150}$)(?:(?:\+|(?:[\w.\-~$]|\{namespace\})+)\/)*(?:\+|\*|(?:[\w.\-~$]|\{namespace\})+)$/,
  'a topic in which a whole segment may be + and the last one *, and that may contain {namespace}',
);

/** The settings by name; `fallback` undefined means: derived, or nothing. */
export const SETTINGS = {
  PORT: setting(integer(0, 65_535), 4004, 'HTTP port; 0 takes a free one'),
  BIND_HOST: derived(oneLine(255), 'loopback unless deployed', 'address that the HTTP server binds'),
  CONSOLE_URL: derived(webUrl, "the application's first route", 'link in alerts'),
  LOG_LEVEL: setting(choice('error', 'warn', 'info', 'debug'), 'info', 'lowest level that is logged'),
  TRACE_SAMPLING: setting(decimal(0, 1), 0, 'share of the traces that begin here; 0: nothing is traced'),
  SHUTDOWN_TIMEOUT_S: setting(integer(1, 600), 50, 'time to drain after SIGTERM'),
  START_PAUSED: setting(flag, false, 'receive nothing and start no flight until resumed (blue-green)'),

  TERRITORY_DESTINATION: setting(oneLine(200), 'TERRITORY_API', 'name of the SAP Cloud SDK destination'),
  TERRITORY_PROTOCOL: setting(choice(...PROTOCOLS), 'rest', 'protocol of the territory API'),
  TERRITORY_PATH: derived(path, 'per protocol', "collection, below the destination's URL"),
  TERRITORY_SERVICE_ROOT: derived(path, 'TERRITORY_PATH without its last segment', 'where $batch is'),
  TERRITORY_KEY: setting(property, 'id', 'key property of an assignment'),
  TERRITORY_KEY_TYPE: setting(choice('string', 'guid', 'int'), 'string', 'type of that key'),
  TERRITORY_LOOKUP: derived(
    property,
    'none',
    "property by which an event's id is found where it is not the key",
  ),
  TERRITORY_FIELD_TYPES: derived(
    pairs(property, choice(...FIELD_TYPES)),
    "the API's $metadata, else JSON as it is",
    'types of fields, for example validFrom:date,quota:decimal',
  ),
  TERRITORY_ATOMIC: setting(flag, false, "a change's records are one transaction (OData protocols only)"),
  TERRITORY_CONCURRENCY: setting(integer(1, 64), 4, 'flights at a time over all lanes and all instances'),
  TERRITORY_TIMEOUT_MS: setting(milliseconds, 30_000, 'time for one request'),
  API_DAILY_BUDGET: derived(
    integer(1, 1_000_000_000),
    'none',
    'requests per 24 h: alert at 90 %, pause at 100 %',
  ),
  API_PROBE_INTERVAL_MS: setting(milliseconds, 5000, 'time between probes while the API is in trouble'),
  CACHE_FRESH_VALUES: setting(
    list(oneLine(40), 20),
    ['MISS', 'BYPASS', 'REFRESH', 'REVALIDATED'],
    'values of X-Cache-Status that prove a fresh answer',
  ),
  BATCH_SIZE: setting(integer(1, 1000), 50, 'records per flight to start with'),
  BATCH_SIZE_MAX: setting(integer(1, 1000), 200, 'records per flight at most'),

  RETRY_LIMIT: setting(integer(0, 20), 5, 'retries after conflicts before the dead letter'),
  RETRY_FIRST_DELAY_MS: setting(milliseconds, 2000, 'wait before the first retry; it doubles from there'),
  RETRY_MAX_DELAY_MS: setting(milliseconds, 32_000, 'longest wait between retries'),
  PROPAGATION_MIN_MS: setting(milliseconds, 2000, 'rest of a lane after a write, at least'),
  PROPAGATION_MAX_MS: setting(milliseconds, 5000, 'and at most; both 0: the API has no late caches'),
  ON_OVERLAP: setting(
    choice('source-wins', 'review'),
    'source-wins',
    'when another writer set the same field',
  ),
  ON_DEAD_LETTER: setting(choice('skip', 'hold'), 'skip', 'what a lane does after a dead letter'),
  CONFLICT_ALERT_RATE: setting(
    decimal(0, 1),
    0.05,
    'conflicted share of the writes above which an alert is sent',
  ),
  CONFLICT_WINDOW_S: setting(integer(1, 86_400), 300, 'window of that share'),

  LOCK_TTL_S: setting(integer(1, 86_400), 300, 'life of the Redis lock of a territory unless renewed'),
  LEASE_TTL_S: setting(integer(1, 86_400), 60, "life of a lane's lease unless renewed"),
  INTAKE_WINDOW: setting(integer(1, 10_000), 1000, 'deliveries received and not yet settled'),
  INTAKE_WINDOW_MB: setting(integer(1, 4096), 64, 'and their megabytes; a larger one is received alone'),
  TAKEOVER_WAIT_MS: setting(
    milliseconds,
    0,
    'embedded journal: wait before the first write after taking over',
  ),

  EVENT_TYPE_PREFIX: setting(
    text(/^(?=.{1,60}$)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/, 'words of letters, digits and - parted by dots'),
    'cx.territory',
    'first part of the event types, and of the topics that follow from them',
  ),
  EVENT_MAPPINGS: derived(
    oneLine(100_000),
    'none',
    'mappings of foreign events: not built yet, refused where it is set',
  ),
  PAYLOAD_RETENTION_DAYS: setting(days, 7, 'payloads of ended changes are kept'),
  HISTORY_RETENTION_DAYS: setting(days, 30, 'their history is kept'),
  DEAD_LETTER_RETENTION_DAYS: setting(days, 90, 'dead letters are kept'),

  MESH_NAMESPACE: derived(
    text(/^(?=.{1,63}$)[\w.-]+(\/[\w.-]+)*$/, 'segments of letters, digits, _ . and - parted by /'),
    'from the binding, else default/territory/sync',
    'prefix of the names on the mesh',
  ),
  MESH_QUEUE: setting(queueName, '{namespace}/territory/changes', 'queue that is consumed'),
  MESH_SUBSCRIPTIONS: derived(
    list(topicPattern, 100),
    '+/+/+/ce/cx/territory/assignments/changed/v1',
    'its topics',
  ),
  MESH_SUCCESS_TOPIC: derived(topicName, '{namespace}/ce/cx/territory/sync/succeeded/v1', 'outcomes'),
  MESH_FAILURE_TOPIC: derived(topicName, '{namespace}/ce/cx/territory/sync/failed/v1', 'failed outcomes'),
  MESH_DEAD_LETTER_QUEUE: setting(
    queueName,
    '{namespace}/territory/deadletter',
    'copies of the dead letters',
  ),
  MESH_SETUP: setting(flag, false, 'create queues and subscriptions at start'),
  MESH_QUEUE_TTL_S: setting(integer(0, 2_592_000), 604_800, 'life of a message on the queues; 0: no end'),
  MESH_DISCONNECTED_ALERT_S: setting(integer(0, 86_400), 60, 'alert when the mesh is away for longer'),

  ALERT_CREDENTIAL_NAMES: derived(
    aliases(ALERT_CREDENTIALS, oneLine(100)),
    'the usual names',
    'names in the binding of SAP Alert Notification, for example client_id:id,private_key:pkey',
  ),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type SettingName = keyof typeof SETTINGS;

/** The value of every setting; undefined where it is to be derived. */
export type SettingValues = {
  readonly [N in SettingName]: (typeof SETTINGS)[N] extends Setting<infer T> ? T : never;
};

function setting<T>(kind: Kind<T>, fallback: NoInfer<T>, meaning: string): Setting<T> {
  const defaultText = Array.isArray(fallback) ? fallback.join(',') : String(fallback);
  return { kind: kind as Kind<Exclude<T, undefined>>, fallback, defaultText, meaning };
}

function derived<T>(kind: Kind<T>, defaultText: string, meaning: string): Setting<T | undefined> {
  return { kind: kind as Kind<Exclude<T, undefined>>, fallback: undefined, defaultText, meaning };
}
