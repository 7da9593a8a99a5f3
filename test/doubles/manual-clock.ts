/**
 * A clock that a test moves by hand. Due timers run in the order in which they fall due, those of the same instant in
 * the order in which they were set, each seeing its own time; timers that they set run too if they fall within the move.
 */
import type { Clock, Timer } from '../../srv/platform/clock.ts';

/** The two readings start far apart, so that code that mixes them up is found. */
const EPOCH_START_MS = Date.UTC(2026, 10, 22, 10);
const MONOTONIC_START_MS = 1000;

/** More timers than any move should run: beyond it they re-arm themselves without end. */
const TIMER_LIMIT = 100_000;

interface Armed {
  readonly dueAtMs: number;
  readonly action: () => void;
}

export class ManualClock implements Clock {
  private epochMs: number;
  private monotonic = MONOTONIC_START_MS;
  /** In the order in which they were set. */
  private readonly armed = new Set<Armed>();

  /** @param startEpochMs wall time to start at, milliseconds since the epoch */
  constructor(startEpochMs: number = EPOCH_START_MS) {
    this.epochMs = startEpochMs;
  }

  now(): number {
    return this.epochMs;
  }

  monotonicMs(): number {
    return this.monotonic;
  }

  after(delayMs: number, action: () => void): Timer {
    const timer: Armed = { dueAtMs: this.monotonic + Math.max(0, delayMs), action };
    this.armed.add(timer);
    return { cancel: () => this.armed.delete(timer) };
  }

  /** Timers that are set and have neither run nor been cancelled: 0 once everything has been cleaned up. */
  get pendingTimers(): number {
    return this.armed.size;
  }

  /** Milliseconds until the next timer is due; undefined where none is set. */
  nextTimerMs(): number | undefined {
    const next = this.nextDue(Infinity);
    return next && Math.max(0, next.dueAtMs - this.monotonic);
  }

  /** Moves both readings on by `ms` and runs what falls due on the way. What a timer awaits goes on after this call. */
  advance(ms: number): void {
    const until = this.monotonic + ms;
    for (let run = 0; this.runNextDue(until); run += 1) {
      if (run >= TIMER_LIMIT)
        throw new Error(`more than ${TIMER_LIMIT} timers ran within ${ms} ms: one re-arms itself`);
    }
    this.moveTo(until);
  }

  /** As `advance`, but lets promises go on after each timer, so that what they set within the time runs too. */
  async elapse(ms: number): Promise<void> {
    const until = this.monotonic + ms;
    await settled();
    for (let run = 0; this.runNextDue(until); run += 1) {
      if (run >= TIMER_LIMIT)
        throw new Error(`more than ${TIMER_LIMIT} timers ran within ${ms} ms: one re-arms itself`);
      await settled();
    }
    this.moveTo(until);
  }

  /** Sets the wall time by `ms`, forwards or back, as an operator or a time server does; no timer takes notice. */
  jumpWallTime(ms: number): void {
    this.epochMs += ms;
  }

  private runNextDue(until: number): boolean {
    const timer = this.nextDue(until);
    if (!timer) return false;
    this.armed.delete(timer);
    this.moveTo(timer.dueAtMs);
    timer.action();
    return true;
  }

  private nextDue(until: number): Armed | undefined {
    let next: Armed | undefined;
    for (const timer of this.armed) {
      if (timer.dueAtMs <= until && (!next || timer.dueAtMs < next.dueAtMs)) next = timer;
    }
    return next;
  }

  private moveTo(monotonicMs: number): void {
    const step = Math.max(0, monotonicMs - this.monotonic);
    this.monotonic += step;
    this.epochMs += step;
  }
}

/** Every promise that can go on without time or input has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
