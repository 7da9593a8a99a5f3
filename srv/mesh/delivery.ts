/** One delivery: settled at most once, and only on the attachment it came by: the library throws, or stays silent, otherwise. */
import type { IncomingMessage } from '@sap/xb-msg-amqp-v100';
import type { Delivery, MeshMessage, Settlement } from './port.ts';

/** The attachment of a queue by which deliveries come. */
export interface Origin {
  readonly number: number;
  /** Its link is there. */
  readonly alive: boolean;
  /** @param bytes the message's weight */
  settled(bytes: number): void;
  /** The library refused a settlement, so the message will come again. */
  refused(error: unknown): void;
}

export class QueueDelivery implements Delivery {
  readonly message: MeshMessage;
  readonly link: number;
  readonly #raw: IncomingMessage;
  readonly #origin: Origin;
  readonly #bytes: number;
  #open = true;

  constructor(message: MeshMessage, raw: IncomingMessage, bytes: number, origin: Origin) {
    this.message = message;
    this.link = origin.number;
    this.#raw = raw;
    this.#bytes = bytes;
    this.#origin = origin;
  }

  accept(): Settlement {
    return this.#settle(() => this.#raw.done());
  }

  release(): Settlement {
    return this.#settle(() => this.#raw.failed());
  }

  reject(reason: string): Settlement {
    return this.#settle(() => this.#raw.failed(new Error(reason)));
  }

  #settle(action: () => void): Settlement {
    if (!this.#open || !this.#origin.alive) return 'stale';
    this.#open = false;
    try {
      action();
    } catch (error) {
      this.#origin.refused(error);
      return 'stale';
    }
    this.#origin.settled(this.#bytes);
    return 'settled';
  }
}
