/**
 * Counts over the last stretch of time, kept in slots of equal length: right to one slot, and as large after a year as
 * after a minute. Time is handed in and must not go back, so it has to be a monotonic one.
 */

export interface SlidingCountsOptions<Name extends string> {
  readonly names: readonly Name[];
  readonly lengthMs: number;
  /** How finely the length is divided. */
  readonly slots: number;
  /** Called whenever a slot has left the window, so that whoever watches the sums misses none of their values. */
  readonly onSlotLeft?: (sums: Readonly<Counts<Name>>) => void;
}

type Counts<Name extends string> = Record<Name, number>;

export class SlidingCounts<Name extends string> {
  private readonly names: readonly Name[];
  private readonly slotMs: number;
  private readonly onSlotLeft: SlidingCountsOptions<Name>['onSlotLeft'];
  /** Oldest first; the last one is still filling. */
  private readonly slots: Counts<Name>[];
  private readonly sums: Counts<Name>;
  /** Number of the slot that is filling, counted from monotonic 0. */
  private newest: number | undefined;

  constructor({ names, lengthMs, slots, onSlotLeft }: SlidingCountsOptions<Name>) {
    this.names = names;
    this.slotMs = lengthMs / slots;
    this.onSlotLeft = onSlotLeft;
    this.slots = Array.from({ length: slots }, () => this.zeros());
    this.sums = this.zeros();
  }

  add(nowMs: number, name: Name, count: number): void {
    this.advance(nowMs);
    this.sums[name] += count;
    const filling = this.slots.at(-1);
    if (filling) filling[name] += count;
  }

  /** What was added within the window that ends at `nowMs`. */
  totals(nowMs: number): Readonly<Counts<Name>> {
    this.advance(nowMs);
    return { ...this.sums };
  }

  private advance(nowMs: number): void {
    const slot = Math.floor(nowMs / this.slotMs);
    // After a long silence one round empties the window: more steps would find nothing.
    const steps = Math.min(slot - (this.newest ?? slot), this.slots.length);
    this.newest = Math.max(slot, this.newest ?? slot);
    for (let step = 0; step < steps; step += 1) {
      const left = this.slots.shift();
      this.slots.push(this.zeros());
      for (const name of this.names) this.sums[name] -= left?.[name] ?? 0;
      this.onSlotLeft?.(this.sums);
    }
  }

  private zeros(): Counts<Name> {
    return Object.fromEntries(this.names.map((name) => [name, 0])) as Counts<Name>;
  }
}
