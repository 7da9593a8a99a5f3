/** The lanes of the embedded journal: found by territory, handed to whoever still owns them, forgotten when idle. */
import type { Clock } from '../../platform/clock.ts';
import type { LaneClaim } from '../port.ts';
import { Lane } from './lane.ts';

/** How often lanes without anything to remember are looked for. */
const SWEEP_INTERVAL_MS = 1000;

export class LaneBook {
  private readonly clock: Clock;
  private readonly lanes = new Map<string, Lane>();
  private sweepAtMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  all(): Iterable<Lane> {
    return this.lanes.values();
  }

  get(territoryId: string): Lane | undefined {
    return this.lanes.get(territoryId);
  }

  /** The lane of this territory, made if there is none. */
  of(territoryId: string): Lane {
    const known = this.lanes.get(territoryId);
    if (known) return known;
    const lane = new Lane(territoryId);
    this.lanes.set(territoryId, lane);
    return lane;
  }

  /** Runs `action` for each lane that the claim still owns; answers which these are. */
  whereFenceHolds<Claim extends LaneClaim>(
    claims: readonly Claim[],
    action: (lane: Lane, claim: Claim) => void,
  ): ReadonlySet<string> {
    const held = new Set<string>();
    for (const claim of claims) {
      const lane = this.lanes.get(claim.territoryId);
      if (!lane?.inFlight || lane.fence !== claim.fence) continue;
      held.add(claim.territoryId);
      action(lane, claim);
    }
    return held;
  }

  /** Looks through all lanes, so at most once a second. */
  forgetIdle(): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs < this.sweepAtMs) return;
    this.sweepAtMs = nowMs + SWEEP_INTERVAL_MS;
    for (const lane of this.lanes.values()) {
      if (lane.forgettable(nowMs, this.clock.now())) this.lanes.delete(lane.territoryId);
    }
  }
}
