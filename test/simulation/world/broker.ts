/**
 * The broker: EXCLUSIVE queues, whose first consumer receives while the others stand by; what it does not settle comes again,
 * in order, to whoever is next. Messages to topics are accepted and shown to whoever watches.
 */
import type { OutgoingMessage, PropertyValue } from '../../../srv/mesh/port.ts';

export interface QueuedMessage {
  readonly body: Buffer;
  readonly contentType?: string;
  readonly messageId?: string;
  readonly properties: Readonly<Record<string, PropertyValue>>;
}

interface Stored {
  /** Place in the queue. */
  readonly seq: number;
  readonly message: QueuedMessage;
  deliveries: number;
}

/** The broker's end of an attached link. */
export interface Consumer {
  readonly window: number;
  paused: boolean;
  /** The broker hands a message over; the consumer settles it by its number. */
  take(seq: number, message: QueuedMessage, deliveryCount: number): void;
}

export interface BrokerWatch {
  /** A queue's message was settled as done, so the broker forgets it. */
  forgot(queue: string, message: QueuedMessage): void;
  /** The broker has taken responsibility for a message. */
  accepted(message: OutgoingMessage): void;
}

export class SimQueue {
  readonly name: string;
  /** The most that were unsettled at one consumer. */
  mostUnsettled = 0;
  private readonly watch: BrokerWatch;
  private readonly consumers: Consumer[] = [];
  /** In order; not handed out. */
  private ready: Stored[] = [];
  private readonly out = new Map<number, { readonly stored: Stored; readonly to: Consumer }>();
  private count = 0;

  constructor(name: string, watch: BrokerWatch) {
    this.name = name;
    this.watch = watch;
  }

  get size(): number {
    return this.ready.length + this.out.size;
  }

  put(message: QueuedMessage): void {
    this.count += 1;
    this.ready.push({ seq: this.count, message, deliveries: 0 });
    this.pump();
  }

  attach(consumer: Consumer): void {
    this.consumers.push(consumer);
    this.pump();
  }

  /** What it had comes to the next one. */
  detach(consumer: Consumer): void {
    const at = this.consumers.indexOf(consumer);
    if (at === -1) return;
    this.consumers.splice(at, 1);
    for (const [seq, { stored, to }] of this.out) {
      if (to !== consumer) continue;
      this.out.delete(seq);
      this.ready.push(stored);
    }
    this.ready.sort((a, b) => a.seq - b.seq);
    this.pump();
  }

  /** False where the delivery is not that consumer's any more. */
  settle(consumer: Consumer, seq: number): boolean {
    const held = this.out.get(seq);
    if (!held || held.to !== consumer) return false;
    this.out.delete(seq);
    this.watch.forgot(this.name, held.stored.message);
    this.pump();
    return true;
  }

  /** Hands out what it may. A consumer may be gone as soon as it has taken something. */
  pump(): void {
    for (;;) {
      const [active] = this.consumers;
      if (!active || active.paused || this.out.size >= active.window) return;
      const stored = this.ready.shift();
      if (!stored) return;
      this.out.set(stored.seq, { stored, to: active });
      this.mostUnsettled = Math.max(this.mostUnsettled, this.out.size);
      const { deliveries } = stored;
      stored.deliveries += 1;
      active.take(stored.seq, stored.message, deliveries);
    }
  }
}

export class SimBroker {
  private readonly queues = new Map<string, SimQueue>();
  private readonly watch: BrokerWatch;

  constructor(watch: BrokerWatch) {
    this.watch = watch;
  }

  queue(name: string): SimQueue {
    let queue = this.queues.get(name);
    if (!queue) this.queues.set(name, (queue = new SimQueue(name, this.watch)));
    return queue;
  }

  publish(message: OutgoingMessage): void {
    this.watch.accepted(message);
    if (message.to.kind === 'topic') return;
    const { body, contentType, messageId, properties = {} } = message;
    this.queue(message.to.name).put({ body, contentType, properties, ...(messageId && { messageId }) });
  }
}
