/** Runs one history with the real flights, plan, rules and journal, on a clock that a loop moves. */
import type { TerritoryChange } from '../../../../srv/events/change.ts';
import { outcomeOf, type AssignmentResult, type OutcomeKind } from '../../../../srv/events/outcome.ts';
import type { Arrival, ClaimedLane, Covered, Ending } from '../../../../srv/journal/port.ts';
import { fly, type FlightDeps } from '../../../../srv/lanes/flight.ts';
import type { EndChange } from '../../../../srv/lanes/lane-report.ts';
import { ownEtagRule } from '../../../../srv/lanes/own-etags.ts';
import { PropagationEstimate } from '../../../../srv/lanes/propagation-estimate.ts';
import { ManualClock } from '../../../doubles/manual-clock.ts';
import { SEEDED, type History, type PlannedChange } from './history.ts';
import { FROZEN_MS, MisbehavingApi, type Script } from './misbehaving-api.ts';
import { Died, WatchedJournal } from './watched-journal.ts';
import { flightDeps } from '../../../doubles/flight-deps.ts';

/** A change as it went in, and how it came out. */
export interface Journey {
  readonly planned: PlannedChange;
  readonly position: number;
  /** One is right. */
  readonly endings: readonly Ended[];
}

export interface Ended {
  readonly outcome: OutcomeKind;
  readonly results: readonly AssignmentResult[];
  readonly attempts: number;
  readonly conflicts: number;
}

export interface Run {
  readonly api: MisbehavingApi;
  /** In the order of arrival. */
  readonly journeys: readonly Journey[];
  /** Idempotency key → what its request carries the effect of. */
  readonly covers: ReadonlyMap<string, readonly Covered[]>;
  /** Flights that died or were frozen. */
  readonly deaths: number;
  /** Stores and completions that came too late to count. */
  readonly fenced: number;
  /** Writes that carried the effect of several assignments. */
  readonly merged: number;
}

const LEASE_MS = 60_000;
/** More rounds than any history needs that goes on at all. */
const ROUNDS = 1000;
/** From this round on another lane has something to write now and then, so that it shows whose fault a refusal is. */
const COMPANY_FROM_ROUND = 20;

export async function run(history: History): Promise<Run> {
  const clock = new ManualClock();
  const script = scriptOf(history.script);
  const api = new MisbehavingApi(clock, script, history.behaviour);
  for (const territoryId of ['A', 'B', 'Z']) {
    for (const [id, fields] of Object.entries(SEEDED)) api.seed(`${territoryId}/${id}`, fields);
  }
  const ended = new Map<Ending, Ended>();
  const journal = new WatchedJournal({ clock });
  const deps = {
    ...flightDeps({
      api,
      journal,
      clock,
      propagation: new FixedRest(history),
      rules: {
        retry: { limit: history.retryLimit, firstDelayMs: 2000, maxDelayMs: 32_000 },
        onOverlap: history.onOverlap,
        ownEtags: ownEtagRule(history.onOverlap),
        propagation: history.propagation,
        ...(history.transactionsUpTo && { transactions: { maxRecords: history.transactionsUpTo } }),
      },
      endChange: recordEnding(ended),
    }),
    journal,
  };
  const arrivals = [...history.arrivals];
  const journeys: { readonly planned: PlannedChange; readonly position: number }[] = [];
  const frozen: Promise<unknown>[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round >= COMPANY_FROM_ROUND && round % 4 === 0) await append(journal, [companion(round)], clock);
    journeys.push(...(await append(journal, arrivals.shift() ?? [], clock)));
    const lanes = await journal.claim({ records: history.batchSize, leaseMs: LEASE_MS });
    if (lanes.length > 0) {
      const flight = start(lanes, history.batchSize, deps, script);
      const froze = new Promise<'frozen'>((resolve) => (api.onFreeze = () => resolve('frozen')));
      if ((await Promise.race([flight, froze])) === 'frozen') frozen.push(flight);
      clock.advance(100);
      continue;
    }
    if (arrivals.length === 0 && journeys.every(({ position }) => journal.endings.has(position))) break;
    // Rounded up, else a wait with a fraction of a millisecond left would never be over.
    clock.advance(Math.ceil((await journal.nextDueMs()) ?? 0) + 1);
  }
  // What is late has to come too: it must change nothing any more.
  await thaw(frozen, clock);
  clock.advance(FROZEN_MS);
  return {
    api,
    covers: journal.covers,
    deaths: journal.doomed.size + frozen.length,
    fenced: journal.fenced,
    merged: journal.merged,
    journeys: journeys.map((journey) => ({
      ...journey,
      endings: (journal.endings.get(journey.position) ?? []).flatMap((ending) => ended.get(ending) ?? []),
    })),
  };
}

/** Lets time pass until all of these flights are over; one may freeze again with its next request. */
async function thaw(flights: readonly Promise<unknown>[], clock: ManualClock): Promise<void> {
  const left = new Set(flights);
  const ends = Promise.allSettled(flights.map((flight) => flight.finally(() => left.delete(flight))));
  while (left.size > 0) await clock.elapse(FROZEN_MS);
  for (const end of await ends) if (end.status === 'rejected') throw end.reason;
}

function scriptOf(numbers: readonly number[]): Script {
  const left = numbers.values();
  return {
    pick(ways) {
      const number = left.next().value ?? 0;
      return number < ways ? number : 0;
    },
  };
}

/** A flight; by script its process dies before or after it worked, or its lease ends before it may send. */
async function start(
  lanes: readonly ClaimedLane[],
  limit: number,
  deps: FlightDeps & { readonly journal: WatchedJournal },
  script: Script,
): Promise<'over'> {
  const fate = script.pick(24);
  if (fate === 1) return 'over';
  if (fate === 2) for (const { fence } of lanes) deps.journal.doomed.add(fence);
  try {
    const endsAtMs = deps.clock.monotonicMs() + LEASE_MS;
    const maySend = () => fate !== 3 && deps.clock.monotonicMs() < endsAtMs;
    await fly(lanes, limit, deps, maySend, new AbortController().signal);
  } catch (error) {
    if (!(error instanceof Died)) throw error;
  }
  return 'over';
}

/** Never learns, so that short rests meet late caches again and again. */
class FixedRest extends PropagationEstimate {
  private readonly fixedMs: number;

  constructor({ propagation, restMs }: History) {
    super(propagation);
    this.fixedMs = restMs;
  }

  override get restMs(): number {
    return this.fixedMs;
  }

  override restFrom(): number {
    return this.fixedMs;
  }
}

function recordEnding(ended: Map<Ending, Ended>): EndChange {
  return ({ position, attempts, conflicts }, progress, results) => {
    const ending: Ending = { position, outcome: outcomeOf(results), messages: [] };
    ended.set(ending, {
      outcome: ending.outcome,
      results,
      attempts: attempts + progress.attempts,
      conflicts: conflicts + progress.conflicts,
    });
    return ending;
  };
}

/** Never changed by anything else in a history, so it always succeeds. */
function companion(round: number): PlannedChange {
  return {
    territoryId: 'Z',
    assignments: [{ id: 'T1', operation: 'update', fields: { a: `company ${round}` } }],
  };
}

async function append(
  journal: WatchedJournal,
  changes: readonly PlannedChange[],
  clock: ManualClock,
): Promise<{ readonly planned: PlannedChange; readonly position: number }[]> {
  if (changes.length === 0) return [];
  const results = await journal.append(changes.map((planned) => arrivalOf(planned, clock)));
  return changes.map((planned, index) => {
    const result = results[index];
    if (result?.kind !== 'appended')
      throw new Error(`a new change was not appended: ${String(result?.kind)}`);
    return { planned, position: result.position };
  });
}

let arrived = 0;

function arrivalOf({ territoryId, assignments }: PlannedChange, clock: ManualClock): Arrival {
  arrived += 1;
  const change: TerritoryChange = {
    id: `change ${arrived}`,
    source: '/test',
    type: 'test',
    territoryId,
    assignments,
    relatedTo: [],
  };
  return {
    kind: 'change',
    change,
    payload: { body: Buffer.alloc(0), digest: change.id },
    receivedAt: clock.now(),
  };
}
