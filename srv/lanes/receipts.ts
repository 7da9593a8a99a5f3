/**
 * The deliveries that wait to be settled, by what they brought. Only with an embedded journal does a delivery wait
 * beyond its append; it is then the last copy of its change, so it is settled only when the journal releases it.
 */
import type { Delivery } from '../mesh/port.ts';

export class Receipts {
  private readonly waiting = new Map<string, Delivery[]>();

  /** Deliveries that wait; never more than the receiver's window. */
  get size(): number {
    return [...this.waiting.values()].reduce((sum, deliveries) => sum + deliveries.length, 0);
  }

  /** A delivery of something new, or of something pending: on the same link a publisher's duplicate, else a redelivery. */
  keep(receipt: string, delivery: Delivery): void {
    const known = this.waiting.get(receipt);
    if (known?.[0]?.link === delivery.link) known.push(delivery);
    else this.waiting.set(receipt, [delivery]);
  }

  /** The journal needs these deliveries no more. */
  settle(receipt: string): void {
    const deliveries = this.waiting.get(receipt) ?? [];
    this.waiting.delete(receipt);
    for (const delivery of deliveries) delivery.accept();
  }

  /** The link is gone: whatever waited comes again as a new delivery. */
  clear(): void {
    this.waiting.clear();
  }
}
