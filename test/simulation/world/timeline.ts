/** The simulated time of the whole world, and what is to happen in it: one event after the other, in an order that never varies. */

/** Wall time at the start of every simulation, milliseconds since the epoch. */
export const START_EPOCH_MS = Date.UTC(2026, 10, 22, 10);

interface Planned {
  readonly atMs: number;
  /** Events of the same instant happen in the order in which they were planned. */
  readonly order: number;
  readonly action: () => void;
  cancelled: boolean;
}

export class Timeline {
  /** Milliseconds since the start. */
  nowMs = 0;
  /** Events that have happened. */
  steps = 0;
  private order = 0;
  /** A binary heap: the next event is first. */
  private readonly heap: Planned[] = [];

  /** Plans `action`; returns the way to call it off. */
  after(delayMs: number, action: () => void): () => void {
    this.order += 1;
    const planned: Planned = {
      atMs: this.nowMs + Math.max(0, delayMs),
      order: this.order,
      action,
      cancelled: false,
    };
    this.push(planned);
    return () => {
      planned.cancelled = true;
    };
  }

  /** Lets the next event happen; false where none is planned before `untilMs`. */
  step(untilMs = Infinity): boolean {
    for (let next = this.heap[0]; next && next.atMs <= untilMs; next = this.heap[0]) {
      this.pop();
      if (next.cancelled) continue;
      this.nowMs = next.atMs;
      this.steps += 1;
      next.action();
      return true;
    }
    return false;
  }

  private push(planned: Planned): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(planned);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(planned, heap[parent])) break;
      heap[at] = heap[parent] as Planned;
      at = parent;
    }
    heap[at] = planned;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (isBefore(heap[child + 1], heap[child])) child += 1;
      if (!isBefore(heap[child], last)) break;
      heap[at] = heap[child] as Planned;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(one: Planned | undefined, other: Planned | undefined): boolean {
  if (!one || !other) return one !== undefined;
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
