/** One request's end: its own time-out together with the caller's signal. The SDK's `timeout()` would not abort anything. */
import type { Clock } from '../platform/clock.ts';

export interface Deadline {
  /** Aborts at the time-out, or with the caller's signal. */
  readonly signal: AbortSignal;
  /** Waits for `work`, but no longer than the signal allows: then `undefined`, and `work` must have another owner. */
  race<T>(work: Promise<T>): Promise<T | undefined>;
  /** Its own time is over; false where the caller gave up. */
  readonly isOver: boolean;
  /** Why it ended, for a message. */
  reason(): string;
  /** Removes timer and listener; to be called when the request has ended. */
  release(): void;
}

/** Starts the clock; `timeoutMs` counts from here. */
export function startDeadline(clock: Clock, timeoutMs: number, caller?: AbortSignal): Deadline {
  const controller = new AbortController();
  let timedOut = false;
  const follow = () => controller.abort();
  if (caller?.aborted) controller.abort();
  caller?.addEventListener('abort', follow, { once: true });
  const timer = clock.after(timeoutMs, () => {
    timedOut = true;
    controller.abort();
  });
  const { signal } = controller;

  return {
    signal,
    async race<T>(work: Promise<T>): Promise<T | undefined> {
      let stop = () => {};
      const aborted = new Promise<undefined>((resolve) => {
        stop = () => resolve(undefined);
        if (signal.aborted) stop();
        else signal.addEventListener('abort', stop, { once: true });
      });
      try {
        return await Promise.race([work, aborted]);
      } finally {
        signal.removeEventListener('abort', stop);
      }
    },
    get isOver() {
      return timedOut;
    },
    reason: () => (timedOut ? `no answer within ${timeoutMs} ms` : 'stopped before the answer came'),
    release() {
      timer.cancel();
      caller?.removeEventListener('abort', follow);
    },
  };
}
