/** Lets a test wait for a state of the broker instead of for time: conditions are looked at after every change. */
import { SandboxMeshError } from './errors.ts';
import type { MeshClock } from './time.ts';

interface Waiter {
  readonly holds: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Watch {
  readonly #clock: MeshClock;
  readonly #describe: () => string;
  readonly #waiters = new Set<Waiter>();
  #looking = false;
  #stopped = false;

  /** @param describe one line on the broker's state, for the error of a wait that ended in vain. */
  constructor(clock: MeshClock, describe: () => string) {
    this.#clock = clock;
    this.#describe = describe;
  }

  /** Something changed. The conditions are looked at once the running code has ended, however often this is called. */
  changed(): void {
    if (this.#looking || this.#waiters.size === 0) return;
    this.#looking = true;
    queueMicrotask(() => {
      this.#looking = false;
      for (const waiter of this.#waiters) this.#look(waiter);
    });
  }

  /**
   * Resolves when `holds` answers true; rejects with MESH_TIMEOUT after `timeoutMs`, with what `holds` throws, and
   * with MESH_STOPPED when the mesh stops. `description` says in the error what was waited for.
   */
  until(holds: () => boolean, timeoutMs: number, description: string): Promise<void> {
    if (this.#stopped) return Promise.reject(stoppedError());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        holds,
        resolve: () => {
          timer.cancel();
          this.#waiters.delete(waiter);
          resolve();
        },
        reject: (error) => {
          timer.cancel();
          this.#waiters.delete(waiter);
          reject(error);
        },
      };
      const timer = this.#clock.after(timeoutMs, () =>
        waiter.reject(
          new SandboxMeshError(
            'MESH_TIMEOUT',
            `Not so within ${timeoutMs} ms: ${description}. Mesh: ${this.#describe()}`,
          ),
        ),
      );
      this.#waiters.add(waiter);
      this.#look(waiter);
    });
  }

  stop(): void {
    this.#stopped = true;
    for (const waiter of this.#waiters) waiter.reject(stoppedError());
  }

  #look(waiter: Waiter): void {
    try {
      if (waiter.holds()) waiter.resolve();
    } catch (error) {
      waiter.reject(error);
    }
  }
}

function stoppedError(): SandboxMeshError {
  return new SandboxMeshError('MESH_STOPPED', 'The sandbox mesh was stopped while a condition was awaited');
}
