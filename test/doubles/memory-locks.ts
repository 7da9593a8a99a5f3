/** Territory locks in memory, with the rules of `srv/lock/port.ts`: one store, and whoever takes locks in it. */
import type { LaneClaim } from '../../srv/journal/port.ts';
import { LockStoreUnavailable, type TerritoryLocks } from '../../srv/lock/port.ts';
import type { Clock } from '../../srv/platform/clock.ts';

interface Held {
  /** Absent: another program's. */
  readonly owner?: { readonly journal: string; readonly instance: string; readonly fence: number };
  readonly endsAtMs: number;
}

export class MemoryLockStore {
  private readonly clock: Clock;
  private readonly locks = new Map<string, Held>();
  private readonly listeners = new Set<() => void>();
  private changedAt: number;
  private isUp = true;

  constructor(clock: Clock) {
    this.clock = clock;
    this.changedAt = clock.now();
  }

  /** Another program takes the lock, whoever has it. */
  seize(territoryId: string, ttlMs: number): void {
    this.locks.set(territoryId, { endsAtMs: this.clock.monotonicMs() + ttlMs });
  }

  free(territoryId: string): void {
    this.locks.delete(territoryId);
  }

  /** Territories locked now, by whomever. */
  get locked(): readonly string[] {
    return [...this.locks.keys()].filter((territoryId) => this.held(territoryId)).toSorted();
  }

  /** Answers nobody from now on, or everybody again. */
  turn(state: 'off' | 'on'): void {
    this.isUp = state === 'on';
    this.changedAt = this.clock.now();
    if (this.isUp) for (const listener of this.listeners) listener();
  }

  /** The locks as one process sees them. */
  as(journal: string, instance = 'test'): TerritoryLocks {
    const ours = async (
      claims: readonly LaneClaim[],
      may: (held: Held | undefined, claim: LaneClaim) => boolean,
      act: (claim: LaneClaim) => void,
    ): Promise<ReadonlySet<string>> => {
      if (!this.isUp) throw new LockStoreUnavailable('The lock store is switched off.');
      const granted = claims.filter((claim) => may(this.held(claim.territoryId), claim));
      granted.forEach(act);
      return new Set(granted.map(({ territoryId }) => territoryId));
    };
    const isMine = (held: Held | undefined, { fence }: LaneClaim): boolean =>
      held?.owner?.journal === journal && held.owner.instance === instance && held.owner.fence === fence;
    const isOlder = (held: Held | undefined, { fence }: LaneClaim): boolean =>
      held?.owner?.journal === journal && held.owner.fence < fence;
    const keep =
      (ttlMs: number) =>
      ({ territoryId, fence }: LaneClaim): void => {
        const endsAtMs = this.clock.monotonicMs() + ttlMs;
        this.locks.set(territoryId, { owner: { journal, instance, fence }, endsAtMs });
      };
    return {
      take: (claims, ttlMs) =>
        ours(claims, (held, claim) => !held || isMine(held, claim) || isOlder(held, claim), keep(ttlMs)),
      renew: (claims, ttlMs) => ours(claims, isMine, keep(ttlMs)),
      release: async (claims) => {
        await ours(claims, isMine, ({ territoryId }) => this.free(territoryId));
      },
      check: () => ({
        status: this.isUp ? 'UP' : 'DOWN',
        since: this.changedAt,
        ...(!this.isUp && { reason: 'switched off' }),
      }),
      onAvailable: (listener) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
      },
    };
  }

  private held(territoryId: string): Held | undefined {
    const held = this.locks.get(territoryId);
    return held && held.endsAtMs > this.clock.monotonicMs() ? held : undefined;
  }
}
