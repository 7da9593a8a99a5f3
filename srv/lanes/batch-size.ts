/**
 * How many records a flight takes: additive increase, multiplicative decrease, as TCP finds its window. Pure. A conflict rate above
 * the limit says that too much is written at once for what others do meanwhile; 413 and time-outs say that a request is too large
 * at once, whatever the rate.
 */

export interface BatchRules {
  /** Records per flight to start with. */
  readonly start: number;
  /** And at most. */
  readonly max: number;
  /** 0–1: above this share of refused writes it shrinks; below a fifth of it, it may grow. */
  readonly conflictRate: number;
  /** Writes older than this say nothing about now. */
  readonly windowMs: number;
}

/** The size, and the writes since the last decision about it. */
export interface BatchState {
  readonly size: number;
  readonly writes: number;
  readonly conflicts: number;
  /** The largest request among them. */
  readonly largest: number;
  /** Monotonic milliseconds. */
  readonly sinceMs: number;
}

/** What became of one bulk write. */
export interface BatchWrite {
  /** Records in it. */
  readonly records: number;
  readonly conflicts: number;
  /** `oversized`: 413, or no answer in time. */
  readonly request: 'answered' | 'oversized';
}

/** Records that a good sample adds. */
const STEP = 5;
const CONFLICT_SHARE = 0.7;
const OVERSIZED_SHARE = 0.5;
/** It never shrinks below this, unless it started there: a bulk of fewer saves too few requests. */
const FLOOR = 5;
/** Fewer writes say nothing about a rate of a few per cent. */
const SAMPLE = 50;
const GROWS_BELOW = 0.2;
/** A size that no request came near has not been tried, so it is no ground for a larger one. */
const TRIED_SHARE = 0.5;

export function initialBatch({ start }: Pick<BatchRules, 'start'>, nowMs: number): BatchState {
  return afresh(start, nowMs);
}

/** The state after this write, which was answered at the monotonic time `nowMs`. */
export function nextBatch(
  state: BatchState,
  write: BatchWrite,
  rules: BatchRules,
  nowMs: number,
): BatchState {
  if (write.request === 'oversized') {
    // From the request's size, not from that allowed: of several under way at once, all of which fail, each says the same.
    return afresh(Math.min(state.size, shrunk(write.records, OVERSIZED_SHARE, rules)), nowMs);
  }
  const current = nowMs - state.sinceMs > rules.windowMs ? afresh(state.size, nowMs) : state;
  const sample: BatchState = {
    ...current,
    writes: current.writes + write.records,
    conflicts: current.conflicts + write.conflicts,
    largest: Math.max(current.largest, write.records),
  };
  if (sample.writes < SAMPLE) return sample;
  return afresh(sizeAfter(sample, rules), nowMs);
}

function sizeAfter({ size, writes, conflicts, largest }: BatchState, rules: BatchRules): number {
  const rate = conflicts / writes;
  if (rate > rules.conflictRate) return shrunk(size, CONFLICT_SHARE, rules);
  const isTried = largest >= size * TRIED_SHARE;
  const isCalm = rate <= rules.conflictRate * GROWS_BELOW;
  return isTried && isCalm ? Math.min(rules.max, size + STEP) : size;
}

function shrunk(size: number, share: number, rules: BatchRules): number {
  return Math.max(floorOf(rules), Math.floor(size * share));
}

function floorOf({ start }: BatchRules): number {
  return Math.min(FLOOR, start);
}

function afresh(size: number, sinceMs: number): BatchState {
  return { size, writes: 0, conflicts: 0, largest: 0, sinceMs };
}
