/** The shape in which the program sees the settings, with the defaults that follow from the binding and from each other. */
import { defaultPath } from '../territory-api/settings.ts';
import type { SettingValues } from './settings-table.ts';

/** What the settings depend on besides the environment. */
export interface SettingsContext {
  /** Cloud Foundry or Kubernetes runs the program: it listens on all addresses. */
  readonly deployed: boolean;
  /** A PostgreSQL journal is bound. */
  readonly postgres: boolean;
  /** Namespace from the mesh's binding. */
  readonly meshNamespace?: string;
  /** URL of the application's first route. */
  readonly applicationUrl?: string;
}

/** All settings, in groups; units are last in the names; frozen to the bottom. */
export type Settings = DeepReadonly<ReturnType<typeof group>>;

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

const DEFAULT_NAMESPACE = 'default/territory/sync';

/** The values in groups, derived defaults filled in. Not frozen yet, and not checked. */
export function group(values: SettingValues, context: SettingsContext) {
  const namespace = values.MESH_NAMESPACE ?? context.meshNamespace ?? DEFAULT_NAMESPACE;
  const named = (name: string) => name.replaceAll('{namespace}', namespace);
  const prefix = values.EVENT_TYPE_PREFIX;
  const topicPrefix = prefix.replaceAll('.', '/');
  const path = values.TERRITORY_PATH ?? defaultPath(values.TERRITORY_PROTOCOL);
  return {
    http: {
      port: values.PORT,
      host: values.BIND_HOST ?? (context.deployed ? '0.0.0.0' : '127.0.0.1'),
      consoleUrl: values.CONSOLE_URL ?? context.applicationUrl,
    },
    log: { level: values.LOG_LEVEL },
    /** Share of the traces that begin here; 0: nothing is traced. */
    traces: { sampling: values.TRACE_SAMPLING },
    shutdown: { timeoutS: values.SHUTDOWN_TIMEOUT_S },
    start: { paused: values.START_PAUSED },
    territory: {
      destination: values.TERRITORY_DESTINATION,
      protocol: values.TERRITORY_PROTOCOL,
      path,
      /** Without a slash at its end. */
      serviceRoot: values.TERRITORY_SERVICE_ROOT,
      key: values.TERRITORY_KEY,
      keyType: values.TERRITORY_KEY_TYPE,
      lookup: values.TERRITORY_LOOKUP,
      fieldTypes: values.TERRITORY_FIELD_TYPES,
      atomic: values.TERRITORY_ATOMIC,
      concurrency: values.TERRITORY_CONCURRENCY,
      timeoutMs: values.TERRITORY_TIMEOUT_MS,
      dailyBudget: values.API_DAILY_BUDGET,
      probeIntervalMs: values.API_PROBE_INTERVAL_MS,
      cacheFreshValues: [...values.CACHE_FRESH_VALUES],
    },
    batch: { size: values.BATCH_SIZE, sizeMax: values.BATCH_SIZE_MAX },
    retry: {
      limit: values.RETRY_LIMIT,
      firstDelayMs: values.RETRY_FIRST_DELAY_MS,
      maxDelayMs: values.RETRY_MAX_DELAY_MS,
    },
    /** Both 0: the API has no late caches, every read is proof. */
    propagation: { minMs: values.PROPAGATION_MIN_MS, maxMs: values.PROPAGATION_MAX_MS },
    policy: { onOverlap: values.ON_OVERLAP, onDeadLetter: values.ON_DEAD_LETTER },
    conflicts: { alertRate: values.CONFLICT_ALERT_RATE, windowS: values.CONFLICT_WINDOW_S },
    lock: { ttlS: values.LOCK_TTL_S },
    lease: { ttlS: values.LEASE_TTL_S },
    /** Also the limit of the dead letters that are held for listing. */
    intake: { window: values.INTAKE_WINDOW, windowBytes: values.INTAKE_WINDOW_MB * 1_048_576 },
    takeover: { waitMs: values.TAKEOVER_WAIT_MS },
    events: {
      /** First part of all event types. */
      typePrefix: prefix,
      inboundType: `${prefix}.assignments.changed.v1`,
      successType: `${prefix}.sync.succeeded.v1`,
      failureType: `${prefix}.sync.failed.v1`,
      mappings: values.EVENT_MAPPINGS,
    },
    alerts: {
      /** Of the events on the mesh. */
      eventType: `${prefix}.sync.alert.v1`,
      credentialNames: values.ALERT_CREDENTIAL_NAMES,
    },
    retention: {
      payloadDays: values.PAYLOAD_RETENTION_DAYS,
      historyDays: values.HISTORY_RETENTION_DAYS,
      deadLetterDays: values.DEAD_LETTER_RETENTION_DAYS,
    },
    mesh: {
      namespace,
      queue: named(values.MESH_QUEUE),
      subscriptions: (values.MESH_SUBSCRIPTIONS ?? [`+/+/+/ce/${topicPrefix}/assignments/changed/v1`]).map(
        (topic) => named(topic),
      ),
      successTopic: named(values.MESH_SUCCESS_TOPIC ?? `{namespace}/ce/${topicPrefix}/sync/succeeded/v1`),
      failureTopic: named(values.MESH_FAILURE_TOPIC ?? `{namespace}/ce/${topicPrefix}/sync/failed/v1`),
      deadLetterQueue: named(values.MESH_DEAD_LETTER_QUEUE),
      setup: values.MESH_SETUP,
      queueTtlS: values.MESH_QUEUE_TTL_S,
      disconnectedAlertS: values.MESH_DISCONNECTED_ALERT_S,
    },
  };
}
