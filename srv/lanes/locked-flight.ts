/**
 * A flight under the locks of its territories: taken before the API is read, looked at once more before anything is written, kept
 * alive meanwhile, and given back with the completion. A lane whose lock another program holds waits, and the others fly.
 *
 * A lane in doubt keeps its lock: a request of ours may still land, and others are better kept off until it is settled. It does
 * not wait for it to end, for the lane's next flight has a higher fence.
 */
import type { ClaimedLane, LaneClaim, LaneCompletion, LaneMemory } from '../journal/port.ts';
import { LockStoreUnavailable, type TerritoryLocks } from '../lock/port.ts';
import { fly, NOTHING_SENT, type FlightDeps, type FlightResult } from './flight.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { LockWaits } from './lock-waits.ts';
import { retryDelayMs } from './retry-policy.ts';
import { untouched } from './untouched.ts';

export interface LockedFlightDeps extends FlightDeps {
  readonly locks: TerritoryLocks;
  readonly waits: LockWaits;
  readonly lockMs: number;
  /** The longest that a request may take: no write starts later than this before the locks end. */
  readonly requestMs: number;
  /** Told of each lock that was taken how long the lane waited for it. */
  readonly onWaited: (waitMs: number) => void;
}

/** As `fly`, for those of the lanes whose locks are free. */
export async function flyLocked(
  lanes: readonly ClaimedLane[],
  limit: number,
  deps: LockedFlightDeps,
  maySend: () => boolean,
  signal: AbortSignal,
): Promise<FlightResult> {
  const { clock, locks, lockMs, requestMs, log } = deps;
  const triedAtMs = clock.monotonicMs();
  const held = await takeLocks(lanes, triedAtMs, deps);
  const boarded = lanes.filter(({ territoryId }) => held.has(territoryId));
  if (boarded.length === 0) return NOTHING_SENT;
  const keeper = new LeaseKeeper(
    { keptBy: locks, what: 'locks', leaseMs: lockMs, requestMs, clock, log },
    boarded,
    triedAtMs,
  );
  try {
    const journal = { storeIntents: storingIfHeld(deps), complete: completing(deps) };
    return await fly(boarded, limit, { ...deps, journal }, () => maySend() && keeper.maySend(), signal);
  } finally {
    keeper.stop();
  }
}

/** Takes what is free, and lets the other lanes wait. Answers the territories whose lock is ours. */
async function takeLocks(
  lanes: readonly ClaimedLane[],
  triedAtMs: number,
  deps: LockedFlightDeps,
): Promise<ReadonlySet<string>> {
  const { locks, lockMs, journal } = deps;
  try {
    const held = await locks.take(lanes, lockMs);
    const refused = lanes.filter(({ territoryId }) => !held.has(territoryId));
    if (refused.length > 0) await journal.complete(refused.map((lane) => waiting(lane, triedAtMs, deps)));
    for (const { territoryId } of lanes) if (held.has(territoryId)) noteTaken(territoryId, triedAtMs, deps);
    return held;
  } catch (error) {
    if (!(error instanceof LockStoreUnavailable)) throw error;
    // The store tells of its outage, and the gate is closed meanwhile. Whatever was taken, the next flight takes over.
    await journal.complete(lanes.map((lane) => untouched(lane)));
    return new Set();
  }
}

function waiting(lane: ClaimedLane, triedAtMs: number, deps: LockedFlightDeps): LaneCompletion {
  const { waits, rules, random, log } = deps;
  const tries = waits.refused(lane.territoryId, triedAtMs);
  const delayMs = retryDelayMs(rules.retry, tries, random.fraction());
  if (tries === 1) {
    log.info('Another program holds the lock of a territory; its lane waits', {
      territoryId: lane.territoryId,
    });
  }
  return { ...untouched(lane), wait: { state: 'locked', delayMs } };
}

function noteTaken(
  territoryId: string,
  triedAtMs: number,
  { waits, clock, log, onWaited }: LockedFlightDeps,
) {
  const wantedSinceMs = waits.taken(territoryId);
  const waitMs = clock.monotonicMs() - (wantedSinceMs ?? triedAtMs);
  onWaited(waitMs);
  if (wantedSinceMs !== undefined) log.info('The lock of a territory is ours', { territoryId, waitMs });
}

/** The last look before a write: a lane whose lock is lost is left out of it, as one whose fence is stale. */
function storingIfHeld({ locks, lockMs, journal }: LockedFlightDeps): FlightDeps['journal']['storeIntents'] {
  return async (lanes) => {
    const held = await stillHeld(locks, lanes, lockMs);
    const ours = lanes.filter(({ territoryId }) => held.has(territoryId));
    return ours.length > 0 ? journal.storeIntents(ours) : held;
  };
}

async function stillHeld(
  locks: TerritoryLocks,
  claims: readonly LaneClaim[],
  lockMs: number,
): Promise<ReadonlySet<string>> {
  try {
    return await locks.renew(claims, lockMs);
  } catch (error) {
    if (!(error instanceof LockStoreUnavailable)) throw error;
    return new Set();
  }
}

function completing({ locks, journal }: LockedFlightDeps): FlightDeps['journal']['complete'] {
  return async (lanes) => {
    const accepted = await journal.complete(lanes);
    try {
      await locks.release(lanes.filter(({ memory }) => !isInDoubt(memory)));
    } catch (error) {
      // They end by themselves, unless this program's next flight takes them over before.
      if (!(error instanceof LockStoreUnavailable)) throw error;
    }
    return accepted;
  };
}

function isInDoubt({ records }: LaneMemory): boolean {
  return [...records.values()].some(({ doubt }) => doubt !== 'none');
}
