/** The simulator's own source of time: shared with nothing of the service, replaceable in tests. */

export interface SandboxClock {
  /** Wall time, milliseconds since the epoch. For the history and the request log. */
  now(): number;
  /** Milliseconds from an arbitrary start, never back. For propagation and durations. */
  monotonicMs(): number;
  /** Runs `action` once after `delayMs`; cancelling late or twice does nothing. */
  after(delayMs: number, action: () => void): { cancel(): void };
}

export const sandboxClock: SandboxClock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, action) {
    const handle = setTimeout(action, delayMs);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Thrown out of a wait that the end of the simulator cut short. */
export class SimulatorStoppedError extends Error {
  readonly code = 'SIMULATOR_STOPPED';
  constructor() {
    super('the territory API simulator was stopped while a request was under way: stop its clients first');
  }
}

/** Owns every wait of the simulator's requests, so that its end leaves no timer behind. */
export class Waits {
  readonly #clock: SandboxClock;
  readonly #cutShort = new Set<() => void>();
  #stopped = false;

  constructor(clock: SandboxClock) {
    this.#clock = clock;
  }

  /** Resolves after `delayMs`, at once for 0. Rejects with {@link SimulatorStoppedError} when stopped. */
  async wait(delayMs: number): Promise<void> {
    if (this.#stopped) throw new SimulatorStoppedError();
    if (delayMs <= 0) return;
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        timer.cancel();
        reject(new SimulatorStoppedError());
      };
      const timer = this.#clock.after(delayMs, () => {
        this.#cutShort.delete(stop);
        resolve();
      });
      this.#cutShort.add(stop);
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const stop of this.#cutShort) stop();
    this.#cutShort.clear();
  }
}
