/**
 * The whole service in this process, twice: once it has all metrics, read over HTTP, and a log of JSON lines at level info; once nothing
 * is counted for anybody, and the log is mute.
 */
import { Writable } from 'node:stream';

import { setGlobalLogLevel } from '@sap-cloud-sdk/util';

import { createApp, type App } from '../../../srv/app.ts';
import { readConfiguration } from '../../../srv/config/configuration.ts';
import { createHttpServer } from '../../../srv/http/server.ts';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import { ApiBudget } from '../../../srv/lanes/api-budget.ts';
import { createMesh } from '../../../srv/mesh/index.ts';
import { ActivityRecord, tellingBoth, type Activity } from '../../../srv/monitor/activity.ts';
import type { Metrics } from '../../../srv/monitor/metrics/metrics.ts';
import { createTelemetry } from '../../../srv/monitor/telemetry/index.ts';
import { systemClock as clock } from '../../../srv/platform/clock.ts';
import type { Log } from '../../../srv/platform/log.ts';
import { createLogger } from '../../../srv/platform/logger.ts';
import { systemRandom as random } from '../../../srv/platform/random.ts';
import { createLateTerritoryApi } from '../../../srv/territory-api/late-binding.ts';

export type Monitoring = 'with metrics and logs' | 'without';

export interface Service {
  /** Absent: there are none. */
  readonly metricsUrl: string | undefined;
  linesLogged(): number;
  stop(): Promise<void>;
}

const nothing = (): void => undefined;
const MUTE: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => MUTE };
const NOBODY: Activity = {
  received: nothing,
  ended: nothing,
  writes: nothing,
  apiRequest: nothing,
  backlog: nothing,
  lockTaken: nothing,
};

// SAP Cloud SDK logs by itself, in both kinds.
setGlobalLogLevel('warn');

/** @param env of the world that it works in */
export async function startService(
  env: Readonly<Record<string, string>>,
  kind: Monitoring,
): Promise<Service> {
  const { settings, application, mesh: binding } = readConfiguration(bound(env, kind));
  const isMonitored = kind === 'with metrics and logs';
  const lines = countedLines();
  const log = isMonitored
    ? createLogger({ level: 'info', format: 'json', component: application, clock, stream: lines.stream })
    : MUTE;
  const telemetry = createTelemetry({
    subject: application,
    messaging: { system: 'sap_event_mesh', queue: settings.mesh.queue },
    traceSampling: 0,
    clock,
    log,
  });
  const activity = new ActivityRecord({ clock, conflicts: settings.conflicts });
  const told = isMonitored ? tellingBoth(activity, telemetry.metrics.instruments) : NOBODY;
  const { territory } = settings;
  const app = createApp(settings, application, {
    clock,
    random,
    log,
    mesh: createMesh({ endpoint: binding.endpoint, clock, random, log }),
    journal: new MemoryJournal({ clock }),
    api: createLateTerritoryApi(
      { ...territory, freshValues: territory.cacheFreshValues, propagationOff: true },
      { clock, log, onRequest: (request) => told.apiRequest(request) },
    ),
    activity,
    budget: new ApiBudget({ limit: undefined, clock, log }),
    told,
    ...(isMonitored && { metrics: telemetry.metrics }),
  });
  const http = isMonitored && (await serve(app, telemetry.metrics, log));
  app.start();
  return {
    metricsUrl: http ? http.metricsUrl : undefined,
    linesLogged: lines.count,
    async stop() {
      await app.stop();
      if (http) await http.close();
      await telemetry.stop();
    },
  };
}

/**
 * Bindings and destinations are read from the environment of the process: the bindings at once, a destination whenever it is asked
 * for, so that each kind has one with a name of its own.
 */
function bound(env: Readonly<Record<string, string>>, kind: Monitoring): Record<string, string> {
  const name = `TERRITORY_API ${kind}`;
  const others = JSON.parse(process.env['destinations'] ?? '[]') as readonly object[];
  const [own] = JSON.parse(env['destinations'] ?? '[]') as readonly object[];
  const destinations = JSON.stringify([...others, { ...own, name }]);
  Object.assign(process.env, { ...env, destinations });
  return { ...env, TERRITORY_DESTINATION: name };
}

async function serve(app: App, metrics: Metrics, log: Log) {
  const server = createHttpServer({
    host: '127.0.0.1',
    port: 0,
    log,
    readiness: () => app.readiness(),
    metrics: () => metrics.text(),
  });
  const { port } = await server.listen();
  return { metricsUrl: `http://127.0.0.1:${port}/metrics`, close: () => server.close() };
}

function countedLines() {
  let lines = 0;
  const stream = new Writable({
    write(_line, _encoding, done) {
      lines += 1;
      done();
    },
  });
  return { stream, count: () => lines };
}
