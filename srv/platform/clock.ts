/** The only source of time: everything that waits or reads a clock takes one, so that tests can own time. */
import { AsyncLocalStorage } from 'node:async_hooks';

/** A timer that has an owner: cancelling twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall time, milliseconds since the epoch; may jump. For what people read and what other systems compare. */
  now(): number;
  /** Milliseconds from an arbitrary start; never jumps back. For deadlines and durations. */
  monotonicMs(): number;
  /** Runs `action` once after `delayMs`, however long that is. The action must not throw. */
  after(delayMs: number, action: () => void): Timer;
}

/** An action of a timer is not a part of the work in which it was set: it may wake what goes on long after that has ended. */
const apart = AsyncLocalStorage.snapshot();

/** What `setTimeout` counts up to, some 25 days. Beyond that it would run at once, and what waits in a loop would never rest. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, action) {
    if (Number.isNaN(delayMs)) throw new RangeError('a timer was asked for a delay that is no number');
    let handle: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      handle =
        leftMs > LONGEST_TIMEOUT_MS
          ? setTimeout(wait, LONGEST_TIMEOUT_MS, leftMs - LONGEST_TIMEOUT_MS)
          : setTimeout(apart, leftMs, action);
    };
    wait(delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

/**
 * Resolves after `delayMs`, or at once when `signal` aborts (it does not reject: the caller looks at its signal).
 */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const wake = () => {
      timer.cancel();
      signal?.removeEventListener('abort', wake);
      resolve();
    };
    const timer = clock.after(delayMs, wake);
    signal?.addEventListener('abort', wake);
  });
}
