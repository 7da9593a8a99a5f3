/**
 * What metrics and logs cost: CPU time of the service's thread per change, with them (JSON lines at level info, all metrics, a scrape
 * at the end) and without, in pairs one after the other. The whole service runs, over AMQP and HTTP, against mesh and territory API on
 * a thread of their own. SHORT=1: only to see that it runs.
 */
/* oxlint-disable unicorn/require-post-message-target-origin -- messages go to a thread, which has no origin */
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { setGlobalLogLevel } from '@sap-cloud-sdk/util';
import { createApp } from '../../srv/app.ts';
import { readConfiguration } from '../../srv/config/configuration.ts';
import { MemoryJournal } from '../../srv/journal/memory/journal.ts';
import { ApiBudget } from '../../srv/lanes/api-budget.ts';
import { createMesh } from '../../srv/mesh/index.ts';
import { ActivityRecord, tellingBoth } from '../../srv/monitor/activity.ts';
import { createTelemetry } from '../../srv/monitor/telemetry/index.ts';
import { systemClock as clock } from '../../srv/platform/clock.ts';
import type { Log } from '../../srv/platform/log.ts';
import { createLogger } from '../../srv/platform/logger.ts';
import { systemRandom as random } from '../../srv/platform/random.ts';
import { createLateTerritoryApi } from '../../srv/territory-api/late-binding.ts';
import { row, type Result } from './runner/benchmark.ts';

const SHORT = process.env['SHORT'] === '1';
const PAIRS = SHORT ? 1 : 7;
const WARM_UPS = SHORT ? 0 : 1;
const CHANGES = SHORT ? 50 : 1000;
const LIMIT_PER_CENT = 5;

type Monitoring = 'with metrics and logs' | 'without';

const KINDS: readonly Monitoring[] = ['with metrics and logs', 'without'];

export async function run(say: (line: string) => void): Promise<Result> {
  const costs: Record<Monitoring, number[]> = { 'with metrics and logs': [], without: [] };
  for (let pair = -WARM_UPS; pair < PAIRS; pair += 1) {
    // Turn and turn about who is first, so that neither has the warmer machine.
    for (const kind of pair % 2 === 0 ? KINDS : KINDS.toReversed()) {
      const cost = await costOf(kind);
      if (pair >= 0) costs[kind].push(cost);
      say(`  ${pair < 0 ? 'warm-up' : `pair ${pair + 1}`}, ${kind}: ${cost.toFixed(1)} µs a change`);
    }
  }
  const more = costs['with metrics and logs'].map(
    (cost, index) => 100 * (cost / (costs.without[index] ?? cost) - 1),
  );
  const added = row('added by metrics and logs', '%', more);
  return {
    rows: [...KINDS.map((kind) => row(`CPU per change, ${kind}`, 'µs', costs[kind])), added],
    claims: [
      {
        text: `metrics and logs cost less than ${LIMIT_PER_CENT} % more CPU per change (median of ${PAIRS} pairs)`,
        holds: added.median < LIMIT_PER_CENT,
      },
    ],
  };
}

/** Microseconds of CPU a change, on this thread alone. */
async function costOf(kind: Monitoring): Promise<number> {
  const worker = new Worker(new URL('monitoring/world-thread.ts', import.meta.url), {
    workerData: { changes: CHANGES },
  });
  const [env] = (await once(worker, 'message')) as [Record<string, string>];
  Object.assign(process.env, env);
  const service = startService(env, kind);
  const before = process.threadCpuUsage();
  worker.postMessage('publish');
  await once(worker, 'message');
  await service.scrape();
  const { user, system } = process.threadCpuUsage(before);
  await service.stop();
  worker.postMessage('stop');
  await once(worker, 'exit');
  return (user + system) / CHANGES;
}

function startService(env: Readonly<Record<string, string>>, kind: Monitoring) {
  const { settings, application, mesh: binding } = readConfiguration(env);
  const isMonitored = kind === 'with metrics and logs';
  const log = isMonitored ? jsonLog() : SILENT;
  const telemetry = createTelemetry({
    subject: application,
    messaging: { system: 'sap_event_mesh', queue: settings.mesh.queue },
    traceSampling: 0,
    clock,
    log,
  });
  const activity = new ActivityRecord({ clock, conflicts: settings.conflicts });
  const told = isMonitored ? tellingBoth(activity, telemetry.metrics.instruments) : activity;
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
    ...(isMonitored && { metrics: telemetry.metrics }),
  });
  app.start();
  return {
    scrape: async () => (isMonitored ? telemetry.metrics.text() : ''),
    async stop() {
      await app.stop();
      await telemetry.stop();
    },
  };
}

// SAP Cloud SDK logs by itself, in both kinds.
setGlobalLogLevel('warn');

const nothing = (): void => undefined;
const SILENT: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => SILENT };

function jsonLog(): Log {
  const stream = new Writable({ write: (_line, _encoding, done) => done() });
  const component = { name: 'bench', instanceIndex: 0, source: '/bench' };
  return createLogger({ level: 'info', format: 'json', component, clock, stream });
}
