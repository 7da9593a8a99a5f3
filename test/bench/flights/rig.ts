/** The real dispatcher, flights and journal over an API in simulated time: what a benchmark drives, and what it is told. */
import type { TerritoryChange } from '../../../srv/events/change.ts';
import { outcomeOf, type OutcomeKind } from '../../../srv/events/outcome.ts';
import type { ClaimedLane } from '../../../srv/journal/port.ts';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import { Dispatcher } from '../../../srv/lanes/dispatcher.ts';
import { fly } from '../../../srv/lanes/flight.ts';
import type { OwnEtagRule } from '../../../srv/lanes/own-etags.ts';
import type { RecordsPerRequest, TerritoryApi } from '../../../srv/territory-api/port.ts';
import type { ManualClock } from '../../doubles/manual-clock.ts';
import type { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';
import { silent } from '../../doubles/silent-log.ts';
import { flightDeps } from '../../doubles/flight-deps.ts';

export interface RigOptions {
  readonly clock: ManualClock;
  readonly random: SeededRandom;
  readonly api: TerritoryApi;
  /** What the program is told of the API's caches. */
  readonly propagation: { readonly minMs: number; readonly maxMs: number };
  readonly ownEtags: OwnEtagRule;
  readonly perRequest?: RecordsPerRequest;
  /** By default the dispatcher's own. */
  readonly fillMs?: number;
  readonly onFlight?: (lanes: readonly ClaimedLane[]) => void;
  /** Within the completion. */
  readonly onEnd: (change: TerritoryChange, outcome: OutcomeKind) => void;
}

export interface Rig {
  readonly dispatcher: Dispatcher;
  append(changes: readonly TerritoryChange[]): Promise<void>;
  /** Resolves once no flight is left. */
  stop(): Promise<void>;
}

/** Settings as they are by default. */
const FLIGHTS = 4;
export const BATCH = 50;
const LEASE_MS = 60_000;

export function buildRig(options: RigOptions): Rig {
  const { clock, random, api, propagation, ownEtags, perRequest, fillMs, onFlight, onEnd } = options;
  const journal = new MemoryJournal({ clock });
  const deps = flightDeps({
    api,
    journal,
    clock,
    random: { fraction: () => random.fraction(), uuid: () => '' },
    rules: { propagation, ownEtags },
    flights: FLIGHTS,
    endChange({ change, position }, _, results) {
      const outcome = outcomeOf(results);
      onEnd(change, outcome);
      return { position, outcome, messages: [] };
    },
  });
  const dispatcher = new Dispatcher({
    journal,
    clock,
    log: silent,
    breaker: { state: 'closed', trip() {}, wrote() {} },
    fly: (lanes, limit, maySend, signal) => {
      onFlight?.(lanes);
      return fly(lanes, limit, deps, maySend, signal);
    },
    isSlow: () => false,
    concurrency: FLIGHTS,
    batchSize: () => BATCH,
    leaseMs: LEASE_MS,
    requestMs: 30_000,
    gate: () => true,
    perRequest: () => perRequest,
    ...(fillMs !== undefined && { fillMs }),
  });
  return {
    dispatcher,
    async append(changes) {
      await journal.append(
        changes.map((change) => ({
          kind: 'change',
          change,
          payload: { body: Buffer.alloc(0), digest: change.id },
          receivedAt: clock.now(),
        })),
      );
    },
    async stop() {
      const stopped = dispatcher.stop(0);
      await clock.elapse(LEASE_MS);
      await stopped;
    },
  };
}
