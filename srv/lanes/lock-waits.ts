/** How long lanes have been waiting for locks that other programs hold: for the back-off, and for the figures. */

/** Lanes remembered at a time; beyond it the one that has waited longest begins anew. */
const REMEMBERED = 10_000;

interface Wait {
  /** Monotonic milliseconds of the first try. */
  readonly sinceMs: number;
  readonly tries: number;
}

export class LockWaits {
  private readonly waits = new Map<string, Wait>();

  /** Another holds the lock. Answers how many tries in a row that makes. */
  refused(territoryId: string, triedAtMs: number): number {
    const { sinceMs, tries } = this.waits.get(territoryId) ?? { sinceMs: triedAtMs, tries: 0 };
    this.waits.set(territoryId, { sinceMs, tries: tries + 1 });
    const oldest = this.waits.size > REMEMBERED ? this.waits.keys().next().value : undefined;
    if (oldest !== undefined) this.waits.delete(oldest);
    return tries + 1;
  }

  /** The lock is ours. Answers since when it was wanted, if it was refused before; monotonic milliseconds. */
  taken(territoryId: string): number | undefined {
    const wait = this.waits.get(territoryId);
    this.waits.delete(territoryId);
    return wait?.sinceMs;
  }
}
