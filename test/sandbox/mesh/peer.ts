/** One AMQP connection as the broker sees it: its links, and how they end. */
import type { Connection, Receiver, Sender, Session } from 'rhea';
import type { Broker } from './broker.ts';
import type { Consumer } from './consumer.ts';
import type { AmqpCondition, LinkSelection } from './faults.ts';
import type { Line } from './line.ts';
import type { Publisher } from './publisher.ts';

export class Peer {
  readonly line: Line;
  readonly sessions = new Set<Session>();
  readonly consumers = new Map<Sender, Consumer>();
  readonly publishers = new Map<Receiver, Publisher>();
  /** Queues made for consumers that asked for a topic, and gone with them. */
  readonly topicQueues = new Map<Sender, string>();
  connection: Connection | undefined;
  /** We closed the connection: what the peer still sends has no effect. */
  closed = false;
  readonly #broker: Broker;

  constructor(line: Line, broker: Broker) {
    this.line = line;
    this.#broker = broker;
  }

  /** A consumer's link is gone: what it had goes back to the queue. */
  dropConsumer(sender: Sender): void {
    const consumer = this.consumers.get(sender);
    if (!consumer) return;
    this.consumers.delete(sender);
    this.#broker.detach(consumer.id);
    const topicQueue = this.topicQueues.get(sender);
    if (topicQueue !== undefined) {
      this.topicQueues.delete(sender);
      this.#broker.delete(topicQueue);
    }
  }

  dropSession(session: Session): void {
    this.sessions.delete(session);
    for (const sender of this.consumers.keys()) if (sender.session === session) this.dropConsumer(sender);
    for (const receiver of this.publishers.keys()) {
      if (receiver.session === session) this.publishers.delete(receiver);
    }
  }

  dropAll(): void {
    for (const sender of this.consumers.keys()) this.dropConsumer(sender);
    this.publishers.clear();
    this.sessions.clear();
  }

  detachLinks(error: AmqpCondition, which: LinkSelection): void {
    if (which !== 'publishers') {
      for (const sender of this.consumers.keys()) {
        sender.close(error);
        this.dropConsumer(sender);
      }
    }
    if (which !== 'consumers') {
      for (const publisher of this.publishers.values()) publisher.close(error.condition, error.description);
    }
  }

  endSessions(error: AmqpCondition): void {
    for (const session of this.sessions) {
      session.close(error);
      this.dropSession(session);
    }
  }

  closeConnection(error: AmqpCondition): void {
    this.closed = true;
    this.connection?.close(error);
    this.dropAll();
  }
}
