/** What operators ordered: that it may have been carried out, and what the program has accepted, so that it has to end. */
import type { Order, Watched } from '../world/operators.ts';

interface Accepted {
  readonly changeId: string;
  readonly decision: number;
}

export class OrderBook implements Watched {
  /** Accepted decisions. */
  readonly all: Accepted[] = [];
  private readonly orders = new Map<string, Order[]>();

  ordered(changeId: string, order: Order): void {
    const known = this.orders.get(changeId);
    if (known) known.push(order);
    else this.orders.set(changeId, [order]);
  }

  accepted(changeId: string, decision: number): void {
    this.all.push({ changeId, decision });
  }

  of(changeId: string): readonly Order[] {
    return this.orders.get(changeId) ?? [];
  }
}
