/**
 * What metrics and logs cost: processor time of this process per change, with them (JSON lines at level info, all metrics, a scrape
 * at the end) and without. Two whole services run here, one of each kind, over AMQP and HTTP, each against a mesh and a territory API
 * in a process of their own. They work in turns on the same changes, in pairs, so that both have the same machine, the same compiled
 * code and a heap that was just swept; one that has nothing to do costs next to nothing. SHORT=1: only to see that it runs.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
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
const WARM_UPS = SHORT ? 0 : 3;
/** Of each turn. A pair is made of several turns of each kind, so that one disturbance does not decide it. */
const CHANGES = SHORT ? 50 : 1000;
const TURNS = SHORT ? 1 : 4;
const LIMIT_PER_CENT = 5;

type Monitoring = 'with metrics and logs' | 'without';

const KINDS: readonly Monitoring[] = ['with metrics and logs', 'without'];

interface Contender {
  /** Microseconds of processor time per change, of one turn. */
  turn(): Promise<number>;
  stop(): Promise<void>;
}

export async function run(say: (line: string) => void): Promise<Result> {
  const contenders = {
    'with metrics and logs': await contender('with metrics and logs'),
    without: await contender('without'),
  };
  const costs: Record<Monitoring, number[]> = { 'with metrics and logs': [], without: [] };
  const more: number[] = [];
  for (let pair = -WARM_UPS; pair < PAIRS; pair += 1) {
    const cost = await costOfPair(contenders);
    const added = 100 * (cost['with metrics and logs'] / cost.without - 1);
    const name = pair < 0 ? 'warm-up' : `pair ${pair + 1}`;
    say(
      `  ${name}: ${cost['with metrics and logs'].toFixed(1)} µs a change with, ${cost.without.toFixed(1)} without: ${added.toFixed(1)} %`,
    );
    if (pair < 0) continue;
    for (const kind of KINDS) costs[kind].push(cost[kind]);
    more.push(added);
  }
  for (const kind of KINDS) await contenders[kind].stop();
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

/** Turn and turn about, ABBA, so that a machine that becomes slower or faster does so for both. */
async function costOfPair(
  contenders: Readonly<Record<Monitoring, Contender>>,
): Promise<Record<Monitoring, number>> {
  const sums: Record<Monitoring, number> = { 'with metrics and logs': 0, without: 0 };
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const kind of turn % 2 === 0 ? KINDS : KINDS.toReversed())
      sums[kind] += await contenders[kind].turn();
  }
  for (const kind of KINDS) sums[kind] /= TURNS;
  return sums;
}

async function contender(kind: Monitoring): Promise<Contender> {
  const world = fork(new URL('monitoring/world-process.ts', import.meta.url), [String(CHANGES)]);
  const [env] = (await once(world, 'message')) as [Record<string, string>];
  const service = startService(bound(env, kind), kind);
  return {
    async turn() {
      sweep();
      const before = process.cpuUsage();
      world.send('publish');
      await once(world, 'message');
      await service.scrape();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / CHANGES;
    },
    async stop() {
      await service.stop();
      world.send('stop');
      await once(world, 'exit');
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
    told,
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

setFlagsFromString('--expose-gc');
const sweep = runInNewContext('gc') as () => void;

// SAP Cloud SDK logs by itself, in both kinds.
setGlobalLogLevel('warn');

const nothing = (): void => undefined;
const SILENT: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => SILENT };

function jsonLog(): Log {
  const stream = new Writable({ write: (_line, _encoding, done) => done() });
  const component = { name: 'bench', instanceIndex: 0, source: '/bench' };
  return createLogger({ level: 'info', format: 'json', component, clock, stream });
}
