/** Changes that arrive when they please, and how full the flights are that take them: in simulated time, on a `rig.ts`. */
import type { TerritoryChange } from '../../../srv/events/change.ts';
import type { RecordsPerRequest } from '../../../srv/territory-api/port.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';
import { NodeApi } from './node-api.ts';
import { buildRig } from './rig.ts';

export interface Arrival {
  readonly afterMs: number;
  readonly territory: string;
  readonly record: string;
}

export interface Arrivals {
  readonly seed: number;
  /** In the order of their times. */
  readonly arrivals: readonly Arrival[];
  /** Rest of a lane after a write, and the lag of the API's caches; `none`: 0/0. */
  readonly caches: 'late' | 'none';
  /** Of a request, without its records; default 50. */
  readonly requestMs?: number;
  /** By default many. */
  readonly perRequest?: RecordsPerRequest;
  /** By default the dispatcher's own. */
  readonly fillMs?: number;
}

export interface Arrived {
  readonly applied: number;
  readonly requests: number;
  /** Writes of each flight: of each bulk that was sent. */
  readonly filled: readonly number[];
  /** By number of the change: flights that started after its arrival and before the one that had its lane. */
  readonly flightsBefore: readonly number[];
  /** From arrival to outcome, of each change. */
  readonly tookMs: readonly number[];
  readonly elapsedMs: number;
}

const LATE = { minMs: 2000, maxMs: 5000 };
const NONE = { minMs: 0, maxMs: 0 };
const PACE = { requestMs: 50, perRecordMs: 1 };
const PATIENCE_MS = 3_600_000;

export async function flyArrivals(given: Arrivals): Promise<Arrived> {
  const { seed, arrivals, caches, requestMs, perRequest, fillMs } = given;
  const clock = new ManualClock();
  const random = new SeededRandom(seed, 'arrivals');
  const propagation = caches === 'late' ? LATE : NONE;
  const { minMs: minLagMs, maxMs: maxLagMs } = propagation;
  const api = new NodeApi(
    clock,
    { nodes: 3, minLagMs, maxLagMs },
    { ...PACE, ...(requestMs !== undefined && { requestMs }), ...(perRequest && { perRequest }) },
    seed,
  );
  const startMs = clock.monotonicMs();
  const flightsBefore: number[] = [];
  const startedAtArrival: number[] = [];
  let started = 0;
  const tookMs: number[] = [];
  let applied = 0;
  let endedMs = startMs;
  const rig = buildRig({
    clock,
    random,
    api,
    propagation,
    ownEtags: 'trusted',
    ...(perRequest && { perRequest }),
    ...(fillMs !== undefined && { fillMs }),
    onFlight(lanes) {
      const aboard = lanes.flatMap(({ changes }) => changes.map(({ change }) => Number(change.id)));
      for (const number of aboard) flightsBefore[number] ??= started - (startedAtArrival[number] ?? 0);
      started += 1;
    },
    onEnd({ id }, outcome) {
      if (outcome === 'applied') applied += 1;
      endedMs = clock.monotonicMs();
      tookMs.push(endedMs - startMs - (arrivals[Number(id)]?.afterMs ?? 0));
    },
  });
  rig.dispatcher.start();
  let next = 0;
  while (tookMs.length < arrivals.length) {
    const sinceMs = clock.monotonicMs() - startMs;
    if (sinceMs > PATIENCE_MS) throw new Error(`${tookMs.length} of ${arrivals.length} changes have ended`);
    const first = next;
    while ((arrivals[next]?.afterMs ?? Infinity) <= sinceMs) next += 1;
    if (next > first) {
      const arrived = arrivals.slice(first, next);
      startedAtArrival.push(...arrived.map(() => started));
      await rig.append(arrived.map((one, index) => changeOf(one, first + index)));
    }
    await clock.elapse(Math.min(100, Math.max(1, (arrivals[next]?.afterMs ?? Infinity) - sinceMs)));
  }
  await rig.stop();
  const { requests, bulks: filled } = api;
  return { applied, requests, filled, flightsBefore, tookMs, elapsedMs: endedMs - startMs };
}

function changeOf({ territory, record }: Arrival, number: number): TerritoryChange {
  return {
    id: String(number),
    source: '/bench',
    type: 'bench',
    territoryId: territory,
    assignments: [{ id: `${territory}/${record}`, operation: 'update', fields: { owner: `E${number}` } }],
    relatedTo: [],
  };
}
