/** A publisher as the outbox is one: numbered messages, each sent again until the mesh has accepted it. */
import type { Mesh } from '../../../srv/mesh/port.ts';
import { sleep, systemClock } from '../../../srv/platform/clock.ts';

const PAUSE_MS = 5;

export class Dispatches {
  readonly #mesh: Mesh;
  readonly #queue: string;
  readonly #signal: AbortSignal;
  #over: Promise<unknown> = Promise.resolve();
  /** Set by publish results that must not occur here. */
  readonly refused: string[] = [];
  /** Numbers that the mesh has accepted. */
  readonly confirmed = new Set<number>();
  sent = 0;

  /** `signal`: nothing is sent again after it. */
  constructor(mesh: Mesh, queue: string, signal: AbortSignal) {
    this.#mesh = mesh;
    this.#queue = queue;
    this.#signal = signal;
  }

  send(count: number): void {
    for (let left = count; left > 0; left--) {
      this.#over = Promise.all([this.#over, this.#sendOne(this.sent++)]);
    }
  }

  /** Resolves when no message waits for an answer any more. */
  async over(): Promise<void> {
    await this.#over;
  }

  async #sendOne(number: number): Promise<void> {
    while (!this.#signal.aborted) {
      const result = await this.#mesh.publish({
        to: { kind: 'queue', name: this.#queue },
        body: Buffer.from(String(number)),
        contentType: 'text/plain',
      });
      if (result.kind === 'accepted') {
        this.confirmed.add(number);
        return;
      }
      if (result.kind === 'refused') this.refused.push(result.reason);
      await sleep(systemClock, PAUSE_MS, this.#signal);
    }
  }
}
