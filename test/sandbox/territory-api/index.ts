/**
 * A territory API in this process, spoken to over HTTP only: `rest`, `odata-v4` and `sales-cloud` on one store with strong versions,
 * late caches, idempotency keys per record, faults on command, foreign writers, and a history that can be checked.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Faults } from './faults.ts';
import type { Fault, FaultHandle } from './faults.ts';
import { startForeignWriters } from './foreign-writers.ts';
import type { ForeignWriterOptions, ForeignWriters } from './foreign-writers.ts';
import type { CommittedWrite } from './history.ts';
import { IdempotencyKeys } from './idempotency.ts';
import { setupOf } from './options.ts';
import type { TerritoryApiOptions } from './options.ts';
import type { Fields, SandboxRecord } from './record.ts';
import { RequestLog } from './request-log.ts';
import type { LoggedRequest } from './request-log.ts';
import { Router } from './router.ts';
import { SeededRandom } from './seeded-random.ts';
import { TerritoryApiService } from './service.ts';
import { noStats } from './stats.ts';
import type { Stats } from './stats.ts';
import { TerritoryStore } from './store.ts';
import type { SeedRecord } from './store.ts';
import { Waits } from './time.ts';

export { fieldTypes } from './judge.ts';
export type { Fault, FaultHandle } from './faults.ts';
export type { ForeignWriterOptions, ForeignWriters } from './foreign-writers.ts';
export type { CommittedWrite } from './history.ts';
export type { TerritoryApiOptions } from './options.ts';
export type { Fields, SandboxRecord, Scalar } from './record.ts';
export type { LoggedRequest } from './request-log.ts';
export type { Stats } from './stats.ts';
export type { SeedRecord } from './store.ts';

/** An entry of the environment variable `destinations` of SAP Cloud SDK. */
export interface DestinationEntry {
  readonly name: string;
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
}

export interface SandboxTerritoryApi {
  /** `http://127.0.0.1:<port>`, without the path of the collection. */
  readonly url: string;
  destination(name: string): DestinationEntry;
  /** Adds records that every node knows. Throws for a key that is taken. */
  seedRecords(list: readonly SeedRecord[]): void;
  /** The record as it stands, past all caches. Where the path names no territory, the id alone decides. */
  record(territoryId: string, id: string): SandboxRecord | undefined;
  /** All that exist. */
  records(): readonly SandboxRecord[];
  /** Every committed write in commit order; throws when there were more than `historyLimit`. */
  history(): readonly CommittedWrite[];
  /** The last requests, oldest first. */
  requests(): readonly LoggedRequest[];
  readonly faults: { inject(fault: Fault): FaultHandle; clear(): void };
  /** Another writer's update, done at once, whatever the version. Throws for a record that does not exist. */
  foreignWrite(territoryId: string, id: string, fields: Fields): SandboxRecord;
  /** Keeps foreign writes coming until stopped, at the latest by {@link SandboxTerritoryApi.stop}. */
  startForeignWriters(options: ForeignWriterOptions): ForeignWriters;
  /** Sends the requests from now on to one node, 0 to nodes − 1, or again to any by the seed. */
  routeTo(node: number | 'any'): void;
  stats(): Stats;
  /** Closes the server and its connections, and ends its timers. Twice does nothing. */
  stop(): Promise<void>;
}

/** Above this a URL never reaches the check that answers 414. */
const HEADERS_MAX_BYTES = 64 * 1024;

/** Long, so that no client meets a connection that is just being closed for idleness. */
const KEEP_ALIVE_MS = 65_000;

/** Starts a simulator on 127.0.0.1. Rejects when the port is taken or an option makes no sense. */
export async function startTerritoryApi(options: TerritoryApiOptions = {}): Promise<SandboxTerritoryApi> {
  const setup = setupOf(options);
  const { clock, seed } = setup;
  const stats = noStats();
  const faults = new Faults(new SeededRandom(seed, 'faults'));
  const log = new RequestLog(setup.requestLogLimit);
  const waits = new Waits(clock);
  const store = new TerritoryStore({
    addressing: setup.addressing,
    caches: setup.caches,
    validate: setup.validateFields,
    historyLimit: setup.historyLimit,
    random: new SeededRandom(seed, 'propagation'),
  });
  const nodeRandom = new SeededRandom(seed, 'nodes');
  const foreignRandom = new SeededRandom(seed, 'foreign nodes');
  let route: number | 'any' = 'any';
  const service = new TerritoryApiService({
    setup,
    store,
    keys: new IdempotencyKeys(setup.idempotencyKeysMax),
    faults,
    router: new Router(setup),
    log,
    stats,
    waits,
    latencyRandom: new SeededRandom(seed, 'latency'),
    nextNode: () => (route === 'any' ? nodeRandom.below(setup.caches.nodes) : route),
  });
  const server = createServer({ maxHeaderSize: HEADERS_MAX_BYTES }, (request, response) => {
    void service.handle(request, response);
  });
  server.on('connection', () => (stats.connections += 1));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await listening(server, setup.port);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const writers = new Set<ForeignWriters>();

  const foreignWrite = (territoryId: string, id: string, fields: Fields): SandboxRecord | undefined => {
    const written = store.foreignUpdate({ territoryId, id }, fields, {
      node: foreignRandom.below(setup.caches.nodes),
      monotonicMs: clock.monotonicMs(),
      wallMs: clock.now(),
    });
    if (written !== undefined) stats.foreignWrites += 1;
    return written;
  };

  return {
    url,
    destination: (name) => ({ name, url, ...options.basicAuth }),
    seedRecords: (list) => store.seed(list),
    record: (territoryId, id) => store.find({ territoryId, id }),
    records: () => store.records(),
    history: () => store.history(),
    requests: () => log.all(),
    faults,
    foreignWrite(territoryId, id, fields) {
      const written = foreignWrite(territoryId, id, fields);
      if (written === undefined)
        throw new Error(`no record ${id} in ${territoryId}: seed it before a foreign write`);
      return written;
    },
    startForeignWriters(writerOptions) {
      const started = startForeignWriters(
        writerOptions,
        store.records(),
        setup,
        (record, fields) => foreignWrite(record.territoryId, record.id, fields) !== undefined,
      );
      writers.add(started);
      return started;
    },
    routeTo(node) {
      if (node !== 'any' && !(Number.isInteger(node) && node >= 0 && node < setup.caches.nodes)) {
        throw new RangeError(`there are nodes 0 to ${setup.caches.nodes - 1}, not ${node}`);
      }
      route = node;
    },
    stats: () => structuredClone(stats),
    async stop() {
      for (const one of writers) one.stop();
      writers.clear();
      waits.stop();
      if (!server.listening) return;
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function listening(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}
