/**
 * How many lines of one message may be written: the platform drops what exceeds 4,000 lines a second of an instance, whichever
 * they are, so that one message repeated without end would take the place of all others. A bucket of tokens for each message and
 * level; errors have one of twice the size. What was held back is told with the next look at its bucket, and at the latest when
 * that bucket gives way to another's.
 */
import type { Clock } from './clock.ts';
import type { LogLevel } from './log-formats.ts';

export interface LineLimits {
  /** Lines of one message at once. */
  readonly burst: number;
  /** And then so many a second. */
  readonly perSecond: number;
}

/** Lines of a message that were not written. */
export interface HeldBack {
  readonly level: LogLevel;
  /** The message. */
  readonly of: string;
  readonly count: number;
  [field: string]: unknown;
}

export interface LineVerdict {
  readonly kind: 'write' | 'hold';
  /** To be told before it. */
  readonly heldBack: readonly HeldBack[];
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
  heldBack: number;
  toldAtMs: number;
}

/** Messages that are reckoned with at a time: the program has fewer, so one that grows with data is caught as well. */
const BUCKETS = 500;
const ERROR_FACTOR = 2;
/** What is held back is told so often while it goes on. */
const TELL_MS = 5000;

export class LineBudget {
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private readonly limits: LineLimits;
  /** Level and message → bucket, the one asked for least recently first. */
  private readonly buckets = new Map<string, Bucket>();

  constructor(clock: Pick<Clock, 'monotonicMs'>, limits: LineLimits) {
    this.clock = clock;
    this.limits = limits;
  }

  /** Takes the line's token, where there is one. */
  ask(level: LogLevel, message: string): LineVerdict {
    const nowMs = this.clock.monotonicMs();
    const key = `${level} ${message}`;
    const bucket = this.filled(key, level, nowMs);
    const heldBack = this.put(key, bucket);
    if (bucket.tokens < 1) {
      bucket.heldBack += 1;
      if (nowMs - bucket.toldAtMs < TELL_MS) return { kind: 'hold', heldBack };
      return { kind: 'hold', heldBack: [...heldBack, ...told(level, message, bucket, nowMs)] };
    }
    bucket.tokens -= 1;
    return { kind: 'write', heldBack: [...heldBack, ...told(level, message, bucket, nowMs)] };
  }

  private filled(key: string, level: LogLevel, nowMs: number): Bucket {
    const size = this.limits.burst * (level === 'error' ? ERROR_FACTOR : 1);
    const known = this.buckets.get(key);
    if (!known) return { tokens: size, filledAtMs: nowMs, heldBack: 0, toldAtMs: nowMs };
    const rate = (this.limits.perSecond * (level === 'error' ? ERROR_FACTOR : 1)) / 1000;
    known.tokens = Math.min(size, known.tokens + (nowMs - known.filledAtMs) * rate);
    known.filledAtMs = nowMs;
    return known;
  }

  /** What the bucket that gives way still has to tell. */
  private put(key: string, bucket: Bucket): readonly HeldBack[] {
    this.buckets.delete(key);
    this.buckets.set(key, bucket);
    if (this.buckets.size <= BUCKETS) return [];
    const [oldest] = this.buckets;
    if (!oldest) return [];
    const [gone, { heldBack: count }] = oldest;
    this.buckets.delete(gone);
    const blank = gone.indexOf(' ');
    const level = gone.slice(0, blank) as LogLevel;
    return count > 0 ? [{ level, of: gone.slice(blank + 1), count }] : [];
  }
}

function told(level: LogLevel, message: string, bucket: Bucket, nowMs: number): readonly HeldBack[] {
  const { heldBack: count } = bucket;
  if (count === 0) return [];
  bucket.heldBack = 0;
  bucket.toldAtMs = nowMs;
  return [{ level, of: message, count }];
}
