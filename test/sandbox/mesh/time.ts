/** The mesh's only source of time. The sandbox shares no code with the service, so it has a clock of its own. */

/** A timer that has an owner: cancelling twice, or after it ran, does nothing. */
export interface MeshTimer {
  cancel(): void;
}

export interface MeshClock {
  /** Milliseconds from an arbitrary start; never jumps back. */
  monotonicMs(): number;
  /** Runs `action` once after `delayMs` (cut to what a Node timer can hold, about 24 days). */
  after(delayMs: number, action: () => void): MeshTimer;
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const meshClock: MeshClock = {
  monotonicMs: () => performance.now(),
  after(delayMs, action) {
    const handle = setTimeout(action, Math.min(delayMs, LONGEST_TIMER_MS));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Waits that end early when their owner stops. */
export class Waits {
  readonly #clock: MeshClock;
  readonly #ends = new Set<() => void>();

  constructor(clock: MeshClock) {
    this.#clock = clock;
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        this.#ends.delete(end);
        resolve();
      };
      const timer = this.#clock.after(delayMs, end);
      this.#ends.add(end);
    });
  }

  stop(): void {
    for (const end of this.#ends) end();
  }
}
