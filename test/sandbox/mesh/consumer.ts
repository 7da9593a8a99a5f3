/** A link on which the broker delivers: turns queued messages into transfers, and dispositions into settlements. */
import type { Delivery, Sender } from 'rhea';
import type { Broker, ConsumerLink } from './broker.ts';
import { deliveryBytes } from './message.ts';
import type { Outcome, QueuedMessage } from './queue.ts';
import { grantedInTotal, roomForDeliveries } from './rhea-internals.ts';

/** Whether receivers are told how often a message was delivered; Event Mesh does not tell. */
export type DeliveryCount = 'reported' | 'hidden';

export class Consumer implements ConsumerLink {
  readonly id: string;
  readonly #sender: Sender;
  readonly #broker: Broker;
  readonly #deliveryCount: DeliveryCount;
  readonly #unsettled = new Map<Delivery, number>();
  #sent = 0;
  /** rhea writes transfers before a pending Attach, so credit that came with the peer's Attach has to wait for ours. */
  #attached = false;
  #drainWanted = false;

  constructor(id: string, sender: Sender, broker: Broker, deliveryCount: DeliveryCount) {
    this.id = id;
    this.#sender = sender;
    this.#broker = broker;
    this.#deliveryCount = deliveryCount;
    process.nextTick(() => {
      this.#attached = true;
      if (this.#drainWanted) this.drain();
      else this.refresh();
    });
  }

  deliver(queued: QueuedMessage): void {
    const count = this.#deliveryCount === 'reported' ? queued.failures : 0;
    const bytes = deliveryBytes(queued.message, count, queued.failures === 0 ? 'first' : 'again');
    this.#sent += 1;
    this.#unsettled.set(this.#sender.send(bytes, undefined, 0), queued.seq);
  }

  ended(condition: string, description: string): void {
    this.#unsettled.clear();
    this.#sender.close({ condition, description });
  }

  /** The peer's credit changed, or there is room again. */
  refresh(): void {
    if (!this.#attached) return;
    const credit = grantedInTotal(this.#sender) - this.#sent;
    this.#broker.grant(this.id, Math.min(credit, roomForDeliveries(this.#sender.session)));
  }

  /** The peer wants what there is, and no credit left over. */
  drain(): void {
    this.#drainWanted = !this.#attached;
    if (this.#drainWanted) return;
    this.refresh();
    this.#sent = grantedInTotal(this.#sender);
    this.#broker.grant(this.id, 0);
    this.#sender.set_drained(true);
  }

  /** Whether the peer still owes its word on this delivery. */
  holds(delivery: Delivery): boolean {
    return this.#unsettled.has(delivery);
  }

  /** The peer said what became of a delivery; a repeated word changes nothing. */
  settle(delivery: Delivery, outcome: Outcome): void {
    const seq = this.#unsettled.get(delivery);
    if (seq === undefined) return;
    this.#unsettled.delete(delivery);
    // A peer that settles second waits for our word; for the others rhea has settled already.
    if (!delivery.remote_settled) delivery.update(true);
    this.#broker.settle(this.id, seq, outcome);
    this.refresh();
  }
}
