/** Frames that nobody could read, until a connection lasts again: what is told of them to people. */
import type { Unreadable } from './port.ts';

export class UnreadableRecord {
  #current: Unreadable | undefined;

  get current(): Unreadable | undefined {
    return this.#current;
  }

  /**
   * It happened (again).
   * @param what the first part of a sentence, without a full stop
   * @param queues those that were being received from
   * @param nowMs epoch milliseconds
   * @returns the whole line
   */
  add(what: string, queues: readonly string[], nowMs: number): string {
    const known = this.#current;
    const all = [...new Set([...(known?.queues ?? []), ...queues])];
    this.#current = {
      queues: all,
      since: known?.since ?? nowMs,
      times: (known?.times ?? 0) + 1,
      message: `${what}; ${advice(all)}`,
    };
    return this.#current.message;
  }

  clear(): void {
    this.#current = undefined;
  }
}

function advice(queues: readonly string[]): string {
  if (queues.length === 0)
    return 'no queue was being received from: something else than the mesh may answer there';
  const names = queues.length === 1 ? `queue ${queues.join()}` : `one of the queues ${queues.join(', ')}`;
  return `if it repeats, the message at the head of ${names} is the cause: remove it there by the mesh's own means`;
}
