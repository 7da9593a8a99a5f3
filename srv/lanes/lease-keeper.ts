/**
 * Keeps the leases of one flight alive, or the locks of its territories, and tells when nothing may be sent any more: as soon as
 * one was lost, or so close to the end that a request might outlive it. Measured on the clock that never jumps.
 */
import type { Journal, LaneClaim } from '../journal/port.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';

export interface LeaseKeeperOptions {
  /** Where they are renewed. */
  readonly keptBy: Pick<Journal, 'renew'>;
  /** For the log. */
  readonly what: 'leases' | 'locks';
  readonly clock: Clock;
  readonly log: Log;
  readonly leaseMs: number;
  /** The longest that a request may take: no write starts later than this before the lease ends. */
  readonly requestMs: number;
}

/** Of a lease that is hardly longer than a request it may not be asked for more often than this. */
const LEAST_INTERVAL_MS = 100;

export class LeaseKeeper {
  private readonly options: LeaseKeeperOptions;
  private readonly claims: readonly LaneClaim[];
  private endsAtMs: number;
  private lost = false;
  private timer: Timer | undefined;

  /** @param claimedAtMs monotonic milliseconds just before the claim was asked for */
  constructor(options: LeaseKeeperOptions, claims: readonly LaneClaim[], claimedAtMs: number) {
    this.options = options;
    this.claims = claims;
    this.endsAtMs = claimedAtMs + options.leaseMs;
    this.renewLater();
  }

  maySend(): boolean {
    return !this.lost && this.options.clock.monotonicMs() + this.options.requestMs < this.endsAtMs;
  }

  stop(): void {
    this.lost = true;
    this.timer?.cancel();
  }

  private renewLater(): void {
    this.timer = this.options.clock.after(this.intervalMs, () => void this.renew());
  }

  /**
   * A third of the lease; less where a request takes most of it: else there would be times, the same in each flight, at which nothing
   * may be sent although all is well, and a flight whose reads take until then would never write.
   */
  private get intervalMs(): number {
    const { leaseMs, requestMs } = this.options;
    const sendableMs = leaseMs - requestMs;
    return Math.max(LEAST_INTERVAL_MS, Math.min(leaseMs / 3, (sendableMs * 2) / 3));
  }

  private async renew(): Promise<void> {
    const { keptBy, what, clock, leaseMs, log } = this.options;
    const askedAtMs = clock.monotonicMs();
    try {
      const held = await keptBy.renew(this.claims, leaseMs);
      if (this.claims.some(({ territoryId }) => !held.has(territoryId))) this.lost = true;
      else this.endsAtMs = askedAtMs + leaseMs;
    } catch (error) {
      log.warn(`The ${what} could not be renewed; the flight sends nothing beyond their present end`, {
        error,
      });
    }
    if (!this.lost) this.renewLater();
  }
}
