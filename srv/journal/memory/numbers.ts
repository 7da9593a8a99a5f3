/**
 * Positions and fences, which only grow. Both go on growing over a restart: idempotency keys are made of positions, locks of other
 * stores hold fences.
 */
import type { Clock } from '../../platform/clock.ts';

/** More than are given in a millisecond; epoch milliseconds times this stay below 2^53. */
const NUMBERS_PER_MS = 1000;

export class Numbers {
  private readonly clock: Pick<Clock, 'now'>;
  private lastPosition: number;
  private lastFence: number;

  constructor(clock: Pick<Clock, 'now'>) {
    this.clock = clock;
    const first = this.ofNow();
    this.lastPosition = first;
    this.lastFence = first;
  }

  nextPosition(): number {
    this.lastPosition += 1;
    return this.lastPosition;
  }

  /** Whether this position was given before, by this process or an earlier one. */
  wasGiven(position: number): boolean {
    return position <= this.lastPosition;
  }

  /** By the time of the claim, not of the start: an instance that stood by has to follow one that was started later. */
  nextFence(): number {
    this.lastFence = Math.max(this.lastFence + 1, this.ofNow());
    return this.lastFence;
  }

  private ofNow(): number {
    return Math.floor(this.clock.now()) * NUMBERS_PER_MS;
  }
}
