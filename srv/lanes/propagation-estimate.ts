/**
 * How long a lane rests after a write: learned, since nothing but the write itself tells that every cache node has caught up (a read
 * shows one node; measured on three nodes that lag 2–5 s, going on at the first such read cost 21 % refused writes).
 *
 * Rests end on common ticks, so that lanes that were written at about the same time share their next flight too. After one
 * flight in ten they end a tick early. When enough early writes in a row are accepted, all rests become a tick shorter; when a
 * write that was not early is refused all the same, they grow by half the range. So a shorter rest is tried at the cost of few
 * writes, and an API whose caches need all of their time is given it.
 */
import type { PropagationRules } from './propagation.ts';

/** Ticks between the shortest and the longest rest. */
const TICKS = 12;
const EARLY_EVERY = 10;
/** Early writes in a row that have to be accepted. */
const PROOFS = 30;
/** Share of the range. */
const GROW = 0.5;

/** A write whose `If-Match` was the ETag of our own last write, sent before the longest rest was over. */
export interface EarlyWrite {
  /** Milliseconds since that write. */
  readonly ageMs: number;
  readonly answer: 'accepted' | 'refused';
}

export class PropagationEstimate {
  private readonly rules: PropagationRules;
  private current: number;
  private flights = 0;
  private proofs = 0;

  constructor(rules: PropagationRules) {
    this.rules = rules;
    this.current = rules.maxMs;
  }

  /** Milliseconds that caches take to catch up, as far as is known; between the shortest and the longest propagation time. */
  get restMs(): number {
    return this.current;
  }

  /** Milliseconds that the lanes of a flight rest that has written at `nowMs` (epoch). */
  restFrom(nowMs: number): number {
    const tickMs = this.tickMs;
    if (tickMs === 0) return this.current;
    this.flights += 1;
    const dueMs = Math.ceil((nowMs + this.current) / tickMs) * tickMs;
    const isEarly = this.flights % EARLY_EVERY === 0;
    return Math.max(this.rules.minMs, dueMs - nowMs - (isEarly ? tickMs : 0));
  }

  observe({ ageMs, answer }: EarlyWrite): void {
    const { minMs, maxMs } = this.rules;
    const isEarly = ageMs < this.current;
    switch (answer) {
      case 'refused':
        this.proofs = 0;
        if (!isEarly) this.current = Math.min(maxMs, this.current + GROW * (maxMs - minMs));
        return;
      case 'accepted':
        if (!isEarly) return;
        this.proofs += 1;
        if (this.proofs < PROOFS) return;
        this.proofs = 0;
        this.current = Math.max(minMs, this.current - this.tickMs);
    }
  }

  private get tickMs(): number {
    return (this.rules.maxMs - this.rules.minMs) / TICKS;
  }
}
