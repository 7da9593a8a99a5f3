/** A clock that stands still until told: tests of propagation need no waiting, and timers run in order of their time. */
import type { SandboxClock } from './time.ts';

export interface ManualClock extends SandboxClock {
  /** Moves on, running the timers that come due. */
  advance(ms: number): void;
  /** Timers that have not run yet. */
  readonly pending: number;
}

/** Starts at `startMs`, for both readings. */
export function manualClock(startMs = 1_000_000): ManualClock {
  let nowMs = startMs;
  let timers: { readonly dueMs: number; readonly action: () => void }[] = [];
  const remove = (timer: object) => {
    timers = timers.filter((other) => other !== timer);
  };
  return {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, action) {
      const timer = { dueMs: nowMs + delayMs, action };
      timers.push(timer);
      return { cancel: () => remove(timer) };
    },
    advance(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        const next = timers.reduce<(typeof timers)[number] | undefined>(
          (first, timer) => (first !== undefined && first.dueMs <= timer.dueMs ? first : timer),
          undefined,
        );
        if (next === undefined || next.dueMs > untilMs) break;
        remove(next);
        nowMs = Math.max(nowMs, next.dueMs);
        next.action();
      }
      nowMs = untilMs;
    },
    get pending() {
      return timers.length;
    },
  };
}
