/** Flies a thousand good changes, with or without bad ones among them, on a clock that a loop moves: no run differs from another. */
import type { TerritoryChange } from '../../../../srv/events/change.ts';
import { outcomeOf, type AssignmentResult } from '../../../../srv/events/outcome.ts';
import type { Arrival } from '../../../../srv/journal/port.ts';
import { MemoryJournal } from '../../../../srv/journal/memory/journal.ts';
import { Breaker } from '../../../../srv/lanes/breaker.ts';
import { Dispatcher } from '../../../../srv/lanes/dispatcher.ts';
import { fly, holdsSuspect } from '../../../../srv/lanes/flight.ts';
import type { EndChange } from '../../../../srv/lanes/lane-report.ts';
import { ManualClock } from '../../../doubles/manual-clock.ts';
import { SeededRandom } from '../../../sandbox/territory-api/seeded-random.ts';
import { silent } from '../../../doubles/silent-log.ts';
import { BAD_NAMES, BusyApi, type Badness, type Latency } from './busy-api.ts';
import { flightDeps } from '../../../doubles/flight-deps.ts';

export interface Traffic {
  readonly seed: number;
  readonly batchSize: number;
  readonly latency: Latency;
  /** Milliseconds over which the changes arrive; 0: all at once. */
  readonly overMs: number;
  readonly bad: readonly Badness[];
}

export interface Flown {
  /** From the first arrival to the last outcome of a good change. */
  readonly lastGoodMs: number;
  /** From a good change's arrival to its outcome, of 95 % of them at most. */
  readonly p95Ms: number;
  /** By id. */
  readonly failed: ReadonlyMap<string, AssignmentResult>;
  readonly applied: number;
  readonly requests: number;
}

const GOOD = 1000;
const TERRITORIES = 50;
const LEASE_MS = 60_000;
const FLIGHTS = 4;
const STEP_MS = 1000;
/** Far longer than any bad record lives. */
const PATIENCE_MS = 600_000;

export async function flyTraffic(traffic: Traffic): Promise<Flown> {
  const clock = new ManualClock();
  const random = new SeededRandom(traffic.seed);
  const journal = new MemoryJournal({ clock });
  const api = new BusyApi(clock, traffic.latency, traffic.seed);
  const ends = new Map<string, { readonly atMs: number; readonly result: AssignmentResult }>();
  const endChange: EndChange = ({ change, position }, _, results) => {
    const [result] = results;
    if (result) ends.set(change.id, { atMs: clock.monotonicMs(), result });
    return { position, outcome: outcomeOf(results), messages: [] };
  };
  const breaker = new Breaker({
    api,
    clock,
    log: silent,
    probeIntervalMs: 5000,
    writesAgainWithinMs: 110_000,
    onClosed: () => dispatcher.wake(),
  });
  const propagation = { minMs: 2000, maxMs: 5000 };
  const deps = flightDeps({
    api,
    journal,
    clock,
    random: { fraction: () => random.fraction(), uuid: () => '' },
    endChange,
    rules: { propagation },
    flights: FLIGHTS,
  });
  const dispatcher: Dispatcher = new Dispatcher({
    journal,
    clock,
    log: silent,
    breaker,
    fly: (lanes, limit, maySend, signal) => fly(lanes, limit, deps, maySend, signal),
    isSlow: (lane) => holdsSuspect(lane, deps),
    concurrency: FLIGHTS,
    batchSize: () => traffic.batchSize,
    leaseMs: LEASE_MS,
    requestMs: 30_000,
    gate: () => true,
  });
  const startMs = clock.monotonicMs();
  const arrivals = arrivalsOf(traffic, random);
  const arrivedAt = new Map<string, number>();
  dispatcher.start();
  let goodLeft = GOOD;
  while (goodLeft > 0) {
    const sinceMs = clock.monotonicMs() - startMs;
    if (sinceMs > PATIENCE_MS)
      throw new Error(`${goodLeft} good changes have no outcome after ${sinceMs} ms`);
    const arrived = arrivals.splice(0, arrivals.findLastIndex(({ afterMs }) => afterMs <= sinceMs) + 1);
    for (const { change } of arrived) {
      arrivedAt.set(change.id, clock.monotonicMs());
      for (const { id } of change.assignments) api.seed(`${change.territoryId}/${id}`, { owner: 'nobody' });
    }
    if (arrived.length > 0) await journal.append(arrived.map(({ change }) => arrivalOf(change, clock.now())));
    await clock.elapse(Math.min(STEP_MS, Math.ceil((arrivals[0]?.afterMs ?? Infinity) - sinceMs)));
    goodLeft = GOOD - [...ends.keys()].filter(isGood).length;
  }
  await stop(dispatcher, breaker, clock);
  const good = [...ends].filter(([id]) => isGood(id));
  const latencies = good.map(([id, { atMs }]) => atMs - (arrivedAt.get(id) ?? 0)).toSorted((a, b) => a - b);
  return {
    lastGoodMs: Math.max(...good.map(([, { atMs }]) => atMs)) - startMs,
    p95Ms: latencies[Math.floor(latencies.length * 0.95)] ?? Infinity,
    failed: new Map(
      [...ends].flatMap(([id, { result }]) => (result.result === 'failed' ? [[id, result]] : [])),
    ),
    applied: good.filter(([, { result }]) => result.result === 'updated').length,
    requests: api.requests,
  };
}

async function stop(dispatcher: Dispatcher, breaker: Breaker, clock: ManualClock): Promise<void> {
  breaker.stop();
  const stopped = dispatcher.stop(0);
  await clock.elapse(LEASE_MS);
  await stopped;
}

/** The good ones in an order that the seed shuffles, the bad ones in territories of their own somewhere in their midst. */
function arrivalsOf(
  { bad, overMs }: Traffic,
  random: SeededRandom,
): { readonly afterMs: number; readonly change: TerritoryChange }[] {
  const good = Array.from({ length: GOOD }, (_, index) =>
    changeOf(`good-${index}`, `TER-${index % TERRITORIES}`),
  );
  const shuffled = good
    .map((change) => ({ change, key: random.fraction() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ change }) => change);
  for (const badness of bad) {
    const place = random.below(GOOD / 2);
    shuffled.splice(place, 0, changeOf(BAD_NAMES[badness], `BAD ${badness}`));
  }
  return shuffled.map((change, index) => ({ change, afterMs: (overMs * index) / shuffled.length }));
}

function isGood(id: string): boolean {
  return id.startsWith('good');
}

function arrivalOf(change: TerritoryChange, receivedAt: number): Arrival {
  return { kind: 'change', change, payload: { body: Buffer.alloc(0), digest: change.id }, receivedAt };
}

/** Sets the owner of a record of its own, which is named like the change. */
function changeOf(id: string, territoryId: string): TerritoryChange {
  return {
    id,
    source: '/test',
    type: 'test',
    territoryId,
    assignments: [{ id, operation: 'update', fields: { owner: id } }],
    relatedTo: [],
  };
}
