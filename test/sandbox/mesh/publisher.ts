/** A link on which the broker receives: decides what becomes of each message, and says so. */
import type { Delivery, EventContext, Receiver } from 'rhea';
import type { Broker, Verdict } from './broker.ts';
import type { Charges, PublishAnswer } from './faults.ts';
import { splitMessage, type WireMessage } from './message.ts';
import { forget, receivedBytes } from './rhea-internals.ts';
import { matches, parseAddress, type Address } from './routing.ts';

/** What happens to a message above the limit: refused with an error, or the whole link with it (AMQP 1.0, 2.7.3). */
export type Oversize = 'reject' | 'detach';

export interface PublishRules {
  /** Topic patterns that clients may publish to. */
  readonly publishFilters: readonly string[];
  readonly maxMessageSizeBytes: number;
  readonly oversize: Oversize;
}

const TOO_LARGE = 'amqp:link:message-size-exceeded';

export class Publisher {
  readonly #receiver: Receiver;
  readonly #target: Address;
  readonly #broker: Broker;
  readonly #charges: Charges;
  readonly #rules: PublishRules;
  #closed = false;

  constructor(receiver: Receiver, target: Address, broker: Broker, charges: Charges, rules: PublishRules) {
    this.#receiver = receiver;
    this.#target = target;
    this.#broker = broker;
    this.#charges = charges;
    this.#rules = rules;
  }

  close(condition: string, description: string): void {
    this.#closed = true;
    this.#receiver.close({ condition, description });
  }

  receive({ delivery, message }: EventContext): void {
    if (!delivery) return;
    // Sent before the peer heard that the link is closed: nobody takes it, nobody answers.
    if (this.#closed) return forget(delivery);
    const wire = splitMessage(receivedBytes(this.#receiver));
    const answer = this.#charges.publishAnswer.take();
    if (answer) return this.#answerWith(answer, delivery, wire, message?.to);
    const verdict = this.#take(wire, message?.to);
    if (verdict.kind === 'accepted') return delivery.accept();
    delivery.reject({ condition: verdict.condition, description: verdict.description });
    if (verdict.condition === TOO_LARGE && this.#rules.oversize === 'detach') {
      this.close(TOO_LARGE, verdict.description);
    }
  }

  #take(wire: WireMessage, to: string | undefined): Verdict {
    const limit = this.#rules.maxMessageSizeBytes;
    if (wire.bare.length > limit) {
      return this.#broker.refuse(
        TOO_LARGE,
        `a message may have at most ${limit} bytes, this one has ${wire.bare.length}`,
      );
    }
    const address = this.#target.kind === 'anonymous' ? parseAddress(to) : this.#target;
    switch (address.kind) {
      case 'queue':
        return this.#broker.enqueue(address.name, wire);
      case 'topic':
        return this.#rules.publishFilters.some((filter) => matches(filter, address.name))
          ? this.#broker.publish(address.name, wire)
          : this.#broker.refuse('amqp:not-allowed', `no publish filter allows the topic ${address.name}`);
      case 'anonymous':
        return this.#broker.refuse('amqp:invalid-field', 'neither the link nor the message names an address');
      case 'unknown':
        return this.#broker.refuse('amqp:not-found', 'an address begins with queue: or topic:');
    }
  }

  #answerWith(answer: PublishAnswer, delivery: Delivery, wire: WireMessage, to: string | undefined): void {
    switch (answer.kind) {
      case 'unanswered':
        if (answer.message === 'stored') this.#take(wire, to);
        return;
      case 'released':
        return delivery.release();
      case 'modified':
        return delivery.modified({ delivery_failed: true });
      case 'rejected':
        return delivery.reject({ condition: answer.condition, description: 'a fault on command' });
    }
  }
}
