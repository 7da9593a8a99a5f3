/**
 * The AMQP 1.0 end of the broker, on rhea. rhea answers Open, Begin and Attach by itself, after the event handler
 * has run: whoever closes or silences in the handler decides what the peer sees.
 */
import rhea from 'rhea';
import type { Container, EventContext, Receiver, Sender } from 'rhea';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Broker } from './broker.ts';
import { Consumer, type DeliveryCount } from './consumer.ts';
import type { MeshCounters } from './counters.ts';
import type { AmqpCondition, Charges, Stage } from './faults.ts';
import type { Line } from './line.ts';
import { Peer } from './peer.ts';
import { Publisher, type PublishRules } from './publisher.ts';
import type { Outcome } from './queue.ts';
import { acceptSocket, keepReceivedBytes, resetCredit } from './rhea-internals.ts';
import { parseAddress, patternProblem } from './routing.ts';

export interface AmqpOptions extends PublishRules {
  readonly broker: Broker;
  readonly charges: Charges;
  readonly counters: MeshCounters;
  readonly deliveryCount: DeliveryCount;
  /** Announced in Open; a peer silent for twice as long is disconnected. */
  readonly idleTimeoutMs: number | undefined;
  readonly onChange: () => void;
}

/** How a client of plain TCP proves itself. */
export interface SaslRules {
  readonly plain: (user: string, password: string) => boolean;
  readonly anonymous: 'allowed' | 'refused';
}

/** Deliveries that rhea keeps per session, unsettled: more than any window in use. */
const SESSION_BUFFER = { incoming: 16_384, outgoing: 65_536 };
const PUBLISH_CREDIT = 1_000;

export class AmqpEndpoint {
  readonly #options: AmqpOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #web: Container;
  #nextLink = 1;

  constructor(options: AmqpOptions) {
    this.#options = options;
    // The OAuth token of the upgrade is the proof; what SASL then says does not matter.
    this.#web = this.container({ plain: () => true, anonymous: 'allowed' });
  }

  peers(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  /** A container that lets in by these rules. */
  container(rules: SaslRules): Container {
    const container = rhea.create_container({ id: 'sandbox-mesh' });
    const mechanisms = container.sasl_server_mechanisms as {
      enable_plain(check: (user: string, password: string) => boolean): void;
      enable_anonymous(): void;
    };
    mechanisms.enable_plain(rules.plain);
    if (rules.anonymous === 'allowed') mechanisms.enable_anonymous();
    this.#listen(container);
    return container;
  }

  acceptWebSocket(ws: WebSocket, line: Line): void {
    this.#welcome(line);
    this.#web.websocket_accept(ws as unknown as Socket, this.#connectionOptions(line));
  }

  acceptTcp(container: Container, line: Line): void {
    this.#welcome(line);
    acceptSocket(container.create_connection(this.#connectionOptions(line) as never), line.socket);
  }

  /** The line is known to be gone: everything its client held goes back. */
  gone(line: Line): void {
    this.#peers.get(line.id)?.dropAll();
    this.#peers.delete(line.id);
  }

  #welcome(line: Line): void {
    this.#peers.set(line.id, new Peer(line, this.#options.broker));
  }

  #connectionOptions(line: Line): object {
    return {
      id: line.id,
      session_buffer_size: SESSION_BUFFER,
      ...(this.#options.idleTimeoutMs !== undefined && { idle_time_out: this.#options.idleTimeoutMs }),
      sender_options: { treat_modified_as_released: false },
      receiver_options: {
        autoaccept: false,
        credit_window: PUBLISH_CREDIT,
        max_message_size: this.#options.maxMessageSizeBytes,
      },
    };
  }

  #listen(container: Container): void {
    const ignore = () => {};
    const on = (event: string, handle: (context: EventContext, peer: Peer) => void) =>
      container.on(event, (context: EventContext) => {
        const peer = this.#peers.get(context.connection.options.id ?? '');
        if (!peer) return;
        handle(context, peer);
        this.#options.onChange();
      });
    on('connection_open', (context, peer) => this.#opened(context, peer));
    on('session_open', (context, peer) => this.#begun(context, peer));
    on('sender_open', ({ sender }, peer) => sender && this.#consumerAttached(sender, peer));
    on('receiver_open', ({ receiver }, peer) => receiver && this.#publisherAttached(receiver, peer));
    on('sender_flow', ({ sender }, peer) => sender && peer.consumers.get(sender)?.refresh());
    on('sender_draining', ({ sender }, peer) => sender && peer.consumers.get(sender)?.drain());
    on('message', (context, peer) => this.#published(context, peer));
    on('accepted', (context, peer) => this.#settled(context, peer, 'accepted', 'acceptances'));
    on('rejected', (context, peer) => this.#settled(context, peer, 'failed', 'rejections'));
    // Without a word on what became of it, a delivery counts as released; after a word, this finds it settled.
    for (const event of ['released', 'modified', 'settled']) {
      on(event, (context, peer) => this.#settled(context, peer, 'failed', 'releases'));
    }
    on('sender_close', ({ sender }, peer) => sender && peer.dropConsumer(sender));
    on('receiver_close', ({ receiver }, peer) => receiver && peer.publishers.delete(receiver));
    on('session_close', ({ session }, peer) => session && peer.dropSession(session));
    on('connection_close', (_context, peer) => peer.dropAll());
    // The line tells when a connection is lost; an error without a listener would end the process.
    for (const event of [
      'disconnected',
      'connection_error',
      'session_error',
      'sender_error',
      'receiver_error',
    ]) {
      container.on(event, ignore);
    }
    for (const event of ['error', 'protocol_error']) {
      container.on(event, () => {
        this.#options.counters.protocolErrors += 1;
        this.#options.onChange();
      });
    }
  }

  /** Carries out a fault that waits for this stage; `cut`: what arrived must have no effect. */
  #reached(stage: Stage, peer: Peer): 'go-on' | 'cut' {
    if (peer.line.socket.destroyed) return 'cut';
    const action = this.#options.charges.stages[stage].take();
    if (action === 'silence') peer.line.silence();
    if (action === 'drop') peer.line.drop();
    return action === 'drop' ? 'cut' : 'go-on';
  }

  #opened({ connection }: EventContext, peer: Peer): void {
    this.#options.counters.opens += 1;
    peer.connection = connection;
    if (this.#reached('open', peer) === 'cut') return;
    const refusal = this.#options.charges.openRefusal.take();
    if (refusal) peer.closeConnection(refusal);
  }

  #begun({ session }: EventContext, peer: Peer): void {
    if (!session || peer.closed) return;
    this.#options.counters.sessions += 1;
    keepReceivedBytes(session);
    peer.sessions.add(session);
    if (this.#reached('begin', peer) === 'cut') return;
    const refusal = this.#options.charges.sessionRefusal.take();
    if (!refusal) return;
    session.close(refusal);
    peer.dropSession(session);
  }

  #consumerAttached(sender: Sender, peer: Peer): void {
    // Begin and Attach may come together; a session that was refused takes no links.
    if (!peer.sessions.has(sender.session)) return;
    this.#options.counters.attaches += 1;
    if (this.#reached('attach', peer) === 'cut') return;
    const refusal = this.#options.charges.attachRefusal.take();
    if (refusal) return this.#refuseAttach(sender, refusal);
    const { address } = sender.source ?? {};
    const wanted = this.#queueFor(address);
    if ('condition' in wanted) return this.#refuseAttach(sender, wanted);
    sender.set_source({ address: address ?? '' });
    sender.set_target({} as never);
    resetCredit(sender);
    const consumer = new Consumer(
      `link-${this.#nextLink++}`,
      sender,
      this.#options.broker,
      this.#options.deliveryCount,
    );
    peer.consumers.set(sender, consumer);
    if (wanted.kind === 'made') peer.topicQueues.set(sender, wanted.queue);
    this.#options.broker.attach(wanted.queue, consumer);
  }

  /** The queue behind a source; for a topic one that lives as long as the link. */
  #queueFor(address: string | undefined): { kind: 'existing' | 'made'; queue: string } | AmqpCondition {
    const { broker } = this.#options;
    const source = parseAddress(address);
    if (source.kind === 'queue') {
      if (broker.find(source.name)) return { kind: 'existing', queue: source.name };
      return { condition: 'amqp:not-found', description: `there is no queue ${source.name}` };
    }
    if (source.kind !== 'topic') {
      return { condition: 'amqp:not-found', description: 'a source begins with queue: or topic:' };
    }
    const problem = patternProblem(source.name);
    if (problem) return { condition: 'amqp:invalid-field', description: `topic ${problem}` };
    const queue = `sandbox-topic-consumer/${this.#nextLink}`;
    broker.declare(queue, {});
    broker.subscribe(queue, source.name);
    return { kind: 'made', queue };
  }

  #publisherAttached(receiver: Receiver, peer: Peer): void {
    if (!peer.sessions.has(receiver.session)) return;
    this.#options.counters.attaches += 1;
    if (this.#reached('attach', peer) === 'cut') return;
    const { broker, charges } = this.#options;
    const target = parseAddress(receiver.target?.address);
    const known =
      target.kind === 'queue' ? broker.find(target.name) !== undefined : target.kind !== 'unknown';
    const refusal =
      charges.attachRefusal.take() ??
      (known ? undefined : { condition: 'amqp:not-found', description: 'there is no such queue or topic' });
    if (refusal) return this.#refuseAttach(receiver, refusal);
    receiver.set_target((target.kind === 'anonymous' ? {} : { address: receiver.target.address }) as never);
    receiver.set_source({} as never);
    peer.publishers.set(receiver, new Publisher(receiver, target, broker, charges, this.#options));
  }

  /** As AMQP 1.0, 2.6.3 has it: attach without a terminus, then detach with the error. */
  #refuseAttach(link: Sender | Receiver, error: AmqpCondition): void {
    this.#options.counters.attachesRefused += 1;
    link.close(error);
  }

  #published(context: EventContext, peer: Peer): void {
    const publisher = context.receiver && peer.publishers.get(context.receiver);
    if (!publisher || this.#reached('publish', peer) === 'cut') return;
    publisher.receive(context);
  }

  #settled(
    { sender, delivery }: EventContext,
    peer: Peer,
    outcome: Outcome,
    counter: 'acceptances' | 'rejections' | 'releases',
  ): void {
    const consumer = sender && peer.consumers.get(sender);
    if (!consumer || !delivery || !consumer.holds(delivery)) return;
    if (this.#reached('settle', peer) === 'cut') return;
    this.#options.counters[counter] += 1;
    consumer.settle(delivery, outcome);
  }
}
