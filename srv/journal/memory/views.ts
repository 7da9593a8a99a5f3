/** The embedded journal as operators see it. */
import type { Clock } from '../../platform/clock.ts';
import type { ChangeTrail, LaneDetail, LaneQuery, LaneView } from '../port.ts';
import type { Lane } from './lane.ts';
import type { Trail } from './trails.ts';

/** Changes of one lane that are shown. */
const SHOWN_CHANGES = 200;

/** Those that have something pending or are paused, by territory id. */
export function lanesIn(
  lanes: Iterable<Lane>,
  { after, state, limit }: LaneQuery,
  clock: Clock,
): readonly LaneView[] {
  return [...lanes]
    .filter((lane) => lane.paused || lane.hasPending())
    .filter(({ territoryId }) => after === undefined || territoryId > after)
    .map((lane) => laneView(lane, clock))
    .filter((view) => state === undefined || view.state === state)
    .toSorted((a, b) => (a.territoryId < b.territoryId ? -1 : 1))
    .slice(0, limit);
}

function laneView(lane: Lane, clock: Clock): LaneView {
  const nowMs = clock.monotonicMs();
  const pending = lane.pending();
  const waitsUntilMs = lane.waitsUntil(nowMs);
  const received = pending.map(({ arrival }) => arrival.receivedAt);
  return {
    territoryId: lane.territoryId,
    state: lane.state(nowMs),
    pending: pending.length,
    ...(received.length > 0 && { oldestReceivedAt: received.reduce((a, b) => Math.min(a, b)) }),
    ...(waitsUntilMs !== undefined && { waitsUntil: Math.round(clock.now() + waitsUntilMs - nowMs) }),
  };
}

export function laneDetail(lane: Lane, clock: Clock): LaneDetail {
  const shown = lane.pending().slice(0, SHOWN_CHANGES);
  const view = laneView(lane, clock);
  return {
    ...view,
    changes: shown.map(({ ref, position, arrival, attempts }) => ({
      ref: { source: ref.source, id: ref.id },
      position,
      receivedAt: arrival.receivedAt,
      assignments: arrival.change.assignments.length,
      attempts,
    })),
    fence: lane.fence,
    inFlight: view.state === 'in-flight',
  };
}

/** @param lane that of the change, if there is one */
export function trailView(trail: Trail, lane: Lane | undefined, nowMs: number): ChangeTrail {
  const { ref, territoryId, position, outcome, decision, ended, steps } = trail;
  const flies = !ended && lane?.state(nowMs) === 'in-flight' && isSending(lane, position);
  const state = ended ? 'ended' : flies ? 'in-flight' : 'pending';
  return { ref, territoryId, position, state, outcome, decision, steps };
}

/** A request of the flight under way carries it. */
function isSending({ memory }: Lane, position: number | undefined): boolean {
  const intents = [...memory.records.values()].flatMap(({ intent }) => intent ?? []);
  return intents.some(({ covers }) => covers.some((covered) => covered.position === position));
}
