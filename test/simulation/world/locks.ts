/**
 * The lock store that all processes share, with other programs that take locks too. It may not answer, lose its answers, be out for
 * a while, or forget everything. It notes what each process was granted, for the checker.
 */
import type { LaneClaim } from '../../../srv/journal/port.ts';
import { LockStoreUnavailable, type TerritoryLocks } from '../../../srv/lock/port.ts';
import { MemoryLockStore } from '../../doubles/memory-locks.ts';
import type { Faults } from './faults.ts';
import type { SimProcess } from './process.ts';
import { START_EPOCH_MS, type Timeline } from './timeline.ts';

/** All instances have this journal. */
const JOURNAL = 'simulated';
const OUTAGE_MS = { min: 500, max: 40_000 };
const FOREIGN_MS = { min: 500, max: 60_000 };

export class SimLocks {
  private readonly store: MemoryLockStore;
  private readonly timeline: Timeline;
  private readonly faults: Faults;
  /** Process and territory → until when its claim of this fence may believe that the lock is its own. */
  private readonly granted = new Map<string, { readonly fence: number; readonly untilMs: number }>();
  private isOut = false;

  constructor(timeline: Timeline, faults: Faults) {
    this.timeline = timeline;
    this.faults = faults;
    this.store = new MemoryLockStore({
      now: () => START_EPOCH_MS + timeline.nowMs,
      monotonicMs: () => timeline.nowMs,
      after: (delayMs, action) => ({ cancel: timeline.after(delayMs, action) }),
    });
  }

  /** Whether the process was told that the lock is its own, and has to believe it still. */
  mayBelieve(process: string, territoryId: string): boolean {
    return (this.granted.get(`${process} ${territoryId}`)?.untilMs ?? -1) > this.timeline.nowMs;
  }

  /** The locks as this process has them. */
  client(process: SimProcess): TerritoryLocks {
    const store = this.store.as(JOURNAL, process.name);
    const granting =
      (how: 'take' | 'renew') =>
      (claims: readonly LaneClaim[], ttlMs: number): Promise<ReadonlySet<string>> =>
        this.call(process, `locks.${how}`, async () => {
          if (how === 'take') for (const { territoryId } of claims) this.disturb(process, territoryId);
          const held = await store[how](claims, ttlMs);
          for (const claim of claims) {
            const { territoryId, fence } = claim;
            const untilMs = this.timeline.nowMs + ttlMs;
            if (held.has(territoryId)) this.granted.set(`${process.name} ${territoryId}`, { fence, untilMs });
            else this.takeBack(process, claim);
          }
          return held;
        });
    return {
      take: granting('take'),
      renew: granting('renew'),
      release: (claims) => {
        for (const claim of claims) this.takeBack(process, claim);
        return this.call(process, 'locks.release', () => store.release(claims));
      },
      check: () => store.check(),
      onAvailable: (listener) => {
        const stop = store.onAvailable(() =>
          this.timeline.after(1, () => process.enter('locks.available', listener)),
        );
        process.onDeath(stop);
        return stop;
      },
    };
  }

  /** Only what that claim was granted: a process that slept may have claimed the territory anew meanwhile. */
  private takeBack({ name }: SimProcess, { territoryId, fence }: LaneClaim): void {
    const known = `${name} ${territoryId}`;
    if ((this.granted.get(known)?.fence ?? fence) <= fence) this.granted.delete(known);
  }

  private call<T>(process: SimProcess, at: string, work: () => Promise<T>): Promise<T> {
    const { faults } = this;
    const occasion = { process: process.name, at };
    const slow = faults.strikes('lock-slow', 0.003, occasion);
    const delayMs = (): number =>
      slow ? faults.between('lock-slow', 300, 4000) : 1 + Math.floor(process.random.fraction() * 3);
    return process.call(at, delayMs, async () => {
      if (faults.strikes('lock-outage', 0.001, occasion)) this.goOut();
      if (faults.strikes('lock-wiped', 0.004, occasion)) this.wipe();
      if (faults.strikes('lock-refused', 0.006, occasion)) throw unavailable();
      const answer = await work();
      if (faults.strikes('lock-answer-lost', 0.004, occasion)) throw unavailable();
      return answer;
    });
  }

  /** Another program takes the lock, if nobody has it. */
  private disturb({ name }: SimProcess, territoryId: string): void {
    const { faults, store } = this;
    const occasion = { process: name, at: 'locks.take', record: `${territoryId}/` };
    if (!faults.strikes('lock-foreign', 0.006, occasion)) return;
    if (store.locked.includes(territoryId)) return;
    store.seize(territoryId, faults.between('lock-foreign', FOREIGN_MS.min, FOREIGN_MS.max));
  }

  private wipe(): void {
    for (const territoryId of this.store.locked) this.store.free(territoryId);
  }

  private goOut(): void {
    if (this.isOut) return;
    this.isOut = true;
    this.store.turn('off');
    this.timeline.after(this.faults.between('lock-outage', OUTAGE_MS.min, OUTAGE_MS.max), () => {
      this.isOut = false;
      this.store.turn('on');
    });
  }
}

function unavailable(): LockStoreUnavailable {
  return new LockStoreUnavailable('The lock store does not answer.');
}
