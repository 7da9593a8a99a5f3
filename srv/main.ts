/** The start: reads the environment, builds the program on its real adapters, and runs it until told to stop. */
import { disableExceptionLogger, setGlobalLogLevel } from '@sap-cloud-sdk/util';

import { createApp } from './app.ts';
import { createAlerting } from './app/alerting.ts';
import { openTelemetry } from './app/telemetry.ts';
import { readAlertBinding } from './config/alert-binding.ts';
import type { Application } from './config/application.ts';
import type { ServiceBinding } from './config/bindings.ts';
import { readConfiguration, type Configuration } from './config/configuration.ts';
import { readEnvironment } from './config/environment.ts';
import { ConfigurationError, EXIT_MISCONFIGURED } from './config/problems.ts';
import type { Settings } from './config/settings.ts';
import { unbuiltSettings } from './config/unbuilt.ts';
import type { Readiness } from './http/health.ts';
import { operationsExposure } from './http/operations/exposure.ts';
import { createHttpServer, HttpListenError } from './http/server.ts';
import { MemoryJournal } from './journal/memory/journal.ts';
import {
  createPostgresJournal,
  PostgresSettingsError,
  type PostgresJournal,
} from './journal/postgres/index.ts';
import { ApiBudget } from './lanes/api-budget.ts';
import { createRedisLocks, RedisSettingsError } from './lock/redis/index.ts';
import { createMesh, MeshEndpointError, unsettledLimit } from './mesh/index.ts';
import {
  createQueueAdministration,
  ManagementError,
  noManagement,
  planQueues,
  QueueWatch,
  setupAtStart,
} from './mesh/management/index.ts';
import { ActivityRecord, tellingBoth } from './monitor/activity.ts';
import { TelemetrySettingsError, type Telemetry } from './monitor/telemetry/index.ts';
import { systemClock as clock } from './platform/clock.ts';
import { correlatedLog } from './platform/correlation.ts';
import type { Log } from './platform/log.ts';
import { createLogger } from './platform/logger.ts';
import { systemRandom as random } from './platform/random.ts';
import { createShutdown } from './platform/shutdown.ts';
import { TerritoryApiSettingsError, type RequestObserved } from './territory-api/index.ts';
import { createLateTerritoryApi, type LateTerritoryApi } from './territory-api/late-binding.ts';

/** For intake, outbox, leases and operators. */
const CONNECTIONS_BESIDE_FLIGHTS = 6;

/** For publishes that are still under way when the mesh is stopped, and again for its answer to Close; never more than this share of the shutdown. */
const MESH_STOP_MS = 2_000;
const MESH_STOP_SHARE = 0.05;

/** A tenth of what the platform lets through, so that ten messages in a storm leave room for the others. */
const LINE_LIMITS = { burst: 400, perSecond: 100 };

/** Deployed, nobody chose this mode by starting the program: it is what is left where a binding is missing. */
const EMBEDDED_DEPLOYED =
  'No PostgreSQL is bound: the journal is embedded, and the queue is the durable record. Run one instance. Not promised: one effect for what is ' +
  'unsettled at a crash, duplicates recognised across a restart, isolation once blocked territories fill INTAKE_WINDOW, replay without overwrite ' +
  'after a restart, ON_DEAD_LETTER=hold. Bind a postgresql-db service for all of that and for several instances.';

// SAP Cloud SDK logs by itself: an uncaught error of axios with its Authorization header, and a line at each look-up.
disableExceptionLogger();
setGlobalLogLevel('warn');

try {
  await run(readConfiguration(readEnvironment()));
} catch (error) {
  const problems = problemsOf(error);
  for (const problem of problems) process.stderr.write(`territory-sync: ${problem}\n`);
  process.exit(EXIT_MISCONFIGURED);
}

async function run({
  settings,
  application,
  bindings,
  mesh: binding,
  warnings,
}: Configuration): Promise<void> {
  const unbuilt = unbuiltSettings(settings);
  if (unbuilt.length > 0) throw new ConfigurationError(unbuilt);
  const log = createLog(settings, application);
  for (const warning of warnings) log.warn(warning);
  const exposure = operationsExposure({
    host: settings.http.host,
    deployed: application.deployed,
    xsuaa: bindings.xsuaa !== undefined,
  });
  if (exposure.kind === 'withheld') log.warn(exposure.line);

  const mesh = createMesh({
    endpoint: binding.endpoint,
    clock,
    random,
    log,
    options: meshStopLimits(settings.shutdown.timeoutS * 1000),
  });
  const activity = new ActivityRecord({ clock, conflicts: settings.conflicts });
  const budget = new ApiBudget({ limit: settings.territory.dailyBudget, clock, log });
  const telemetry = openTelemetry({ settings, application, bindings, mesh: binding }, { clock, log });
  const told = tellingBoth(activity, telemetry.metrics.instruments);
  const api = createApi(settings, log, telemetry, (request) => {
    told.apiRequest(request);
    budget.spend();
  });
  const instance = instanceName(application);
  const durable = bindings.postgres && createDurableJournal(settings, instance, bindings.postgres, log);
  const locks = bindings.redis && createRedisLocks({ binding: bindings.redis, clock, random, log, instance });
  const alertBinding = bindings.alertNotification;
  const alerting = createAlerting(settings, application, {
    clock,
    random,
    log,
    mesh,
    instance,
    ...(durable && { book: durable.alerts }),
    ...(alertBinding && { endpoint: readAlertBinding(alertBinding, settings.alerts.credentialNames) }),
    observe: async () => ({
      ...(await app.observe()),
      journal: durable?.check(),
      queue: queueWatch.check(),
    }),
  });
  const { incidents } = alerting;
  const app = createApp(settings, application, {
    clock,
    random,
    log,
    mesh,
    journal:
      durable ?? new MemoryJournal({ clock, standbys: settings.takeover.waitMs > 0 ? 'expected' : 'none' }),
    ...(durable && {
      retaining: durable,
      letters: durable.letters,
      switches: durable.switches,
      quota: durable.quota,
      tally: durable.tally,
    }),
    api,
    destination: api,
    activity,
    told,
    budget,
    incidents,
    ...telemetry,
    ...(locks && { locks }),
  });
  const shutdown = createShutdown({ timeoutMs: settings.shutdown.timeoutS * 1000, clock, log });
  const { requested: signal } = shutdown;
  const administration = createQueueAdministration(binding, { clock, random, signal });
  const queueWatch = new QueueWatch({ queue: settings.mesh.queue, administration, clock, log });
  const readiness = (): Readiness => {
    const known = app.readiness();
    const journal = durable ? [{ name: 'journal' as const, ...durable.check() }] : [];
    return { ...known, checks: [...known.checks, ...journal, { name: 'queue', ...queueWatch.check() }] };
  };
  const shown = exposure.kind === 'served' && {
    operations: app.operations,
    metrics: () => telemetry.metrics.text(),
  };
  const http = createHttpServer({ ...settings.http, log, readiness, liveness: app.liveness, ...shown });

  // Before anything slow: other instances wait for this.
  shutdown.onStop('what is not begun', () => app.letGo());
  shutdown.onStop('the alerts', () => alerting.stop());
  shutdown.onStop('the watch over the queue', async () => queueWatch.stop());
  shutdown.onStop('the service', () => app.stop());
  if (locks) shutdown.onStop('the locks', async () => locks.close());
  if (durable) shutdown.onStop('the journal', () => durable.close());
  shutdown.onStop('the HTTP server', () => http.close());
  shutdown.onStop('metrics and traces', () => telemetry.stop());

  if (settings.mesh.setup && !administration) {
    throw new ConfigurationError([`MESH_SETUP is true. ${noManagement(binding.endpoint)}.`]);
  }
  const { port } = await http.listen();
  if (settings.mesh.setup && administration) {
    const outcome = await setupAtStart(planQueues(settings), { administration, clock, random, log, signal });
    if (outcome === 'stopped') return;
  }
  // Before the journal: that it cannot be reached is an alert.
  alerting.start();
  await durable?.start();
  if (signal.aborted) return;
  // Without a database the queue is the record: who receives from it next goes on where this process ended.
  locks?.start(durable?.id ?? settings.mesh.queue);
  queueWatch.start();
  const limit = durable ? undefined : unsettledLimit(binding.endpoint);
  if (limit !== undefined) log.warn(limit);
  if (!durable && application.deployed) log.warn(EMBEDDED_DEPLOYED);
  app.start();
  log.info('territory-sync is running', {
    port,
    queue: settings.mesh.queue,
    protocol: settings.territory.protocol,
    journal: durable
      ? 'PostgreSQL: any number of instances share the work'
      : 'embedded: run one instance, the queue is the durable record',
    locks: locks ? 'Redis: other programs are kept off a territory' : 'none: no Redis is bound',
  });
}

/** By then everything that is worth a wait has been waited for. */
function meshStopLimits(shutdownMs: number) {
  const ms = Math.min(MESH_STOP_MS, shutdownMs * MESH_STOP_SHARE);
  return { drainTimeoutMs: ms, closeTimeoutMs: ms };
}

/** Another one after each start, so that the lanes of the one before are told from its own. */
function instanceName({ instanceIndex }: Application): string {
  return `instance ${instanceIndex} ${random.uuid().slice(0, 8)}`;
}

/** One journal for all instances that are bound to the database. */
function createDurableJournal(
  settings: Settings,
  instance: string,
  binding: ServiceBinding,
  log: Log,
): PostgresJournal {
  return createPostgresJournal({
    binding,
    clock,
    random,
    log,
    instance,
    concurrency: settings.territory.concurrency,
    leaseMs: settings.lease.ttlS * 1000,
    poolSize: settings.territory.concurrency + CONNECTIONS_BESIDE_FLIGHTS,
  });
}

function createLog(settings: Settings, application: Application): Log {
  return createLogger({
    level: settings.log.level,
    format: application.production ? 'json' : 'text',
    component: application,
    clock,
    limits: LINE_LIMITS,
  });
}

function createApi(
  settings: Settings,
  log: Log,
  { traces }: Telemetry,
  onRequest: (request: RequestObserved) => void,
): LateTerritoryApi {
  const { territory, propagation } = settings;
  return createLateTerritoryApi(
    {
      ...territory,
      freshValues: territory.cacheFreshValues,
      propagationOff: propagation.maxMs === 0,
    },
    {
      clock,
      log: correlatedLog(log),
      onRequest,
      ...(traces && { trace: (method) => traces.request(method) }),
    },
  );
}

/** The lines for what a person has to set right; anything else is a defect and keeps its stack. */
function problemsOf(error: unknown): readonly string[] {
  if (error instanceof ConfigurationError) return error.problems;
  const kinds = [
    TerritoryApiSettingsError,
    MeshEndpointError,
    HttpListenError,
    ManagementError,
    PostgresSettingsError,
    RedisSettingsError,
    TelemetrySettingsError,
  ];
  const known = kinds.some((kind) => error instanceof kind);
  if (known && error instanceof Error) return [error.message];
  throw error;
}
