/**
 * The mesh as one process sees it. Connections get lost; a half-open one is noticed by the broker long before the process, or
 * by the process long before the broker. What travels on one link stays in order.
 */
import type {
  Delivery,
  DeliveryHandler,
  Mesh,
  MeshStatus,
  OutgoingMessage,
  PublishResult,
  Settlement,
  Subscription,
  SubscriptionOptions,
} from '../../../srv/mesh/port.ts';
import type { Consumer, QueuedMessage, SimBroker } from './broker.ts';
import type { Faults } from './faults.ts';
import type { SimProcess } from './process.ts';
import type { Timeline } from './timeline.ts';

const LATENCY_MS = { min: 1, max: 15 };
const RECONNECT_MS = { min: 200, max: 4000 };
const CONFIRM_TIMEOUT_MS = 30_000;
/** Nobody is let in for so long. */
const OUTAGE_MS = { min: 1000, max: 60_000 };
/** The process or the broker notices a silent connection so late. */
const SILENCE_MS = { min: 5000, max: 25_000 };

export interface SimMeshOptions {
  readonly process: SimProcess;
  readonly broker: SimBroker;
  readonly timeline: Timeline;
  readonly faults: Faults;
  /** Told of each message that the broker refuses for good. */
  readonly refused: (message: OutgoingMessage) => void;
  /** Told how many messages wait for their confirmation, whenever that changes. */
  readonly unconfirmed: (count: number) => void;
}

/** One connection; `alive` as each side sees it. */
interface Connection {
  aliveHere: boolean;
  aliveThere: boolean;
  readonly detach: (() => void)[];
  /** Publishes that wait for their confirmation. */
  readonly pending: Set<(result: PublishResult) => void>;
  lastArrivalMs: number;
  /** The same at the broker. */
  lastArrivalThereMs: number;
  brokenAtMs?: number;
}

interface Subscribed {
  readonly options: SubscriptionOptions;
  readonly handler: DeliveryHandler;
  paused: boolean;
  /** Never attached again. */
  handedOver: boolean;
  link: number;
  attached: boolean;
  consumer?: Consumer;
}

export class SimMesh implements Mesh {
  private readonly options: SimMeshOptions;
  private readonly subscriptions: Subscribed[] = [];
  private connection: Connection | undefined;
  private state: MeshStatus['state'] = 'idle';
  private since: number;
  private links = 0;
  private outageUntilMs = 0;

  constructor(options: SimMeshOptions) {
    this.options = options;
    this.since = options.process.clock.now();
    options.process.onDeath(() => this.died());
  }

  start(): void {
    this.connectLater(LATENCY_MS);
  }

  subscribe(options: SubscriptionOptions, handler: DeliveryHandler): Subscription {
    const subscribed: Subscribed = {
      options,
      handler,
      paused: false,
      handedOver: false,
      link: 0,
      attached: false,
    };
    this.subscriptions.push(subscribed);
    const credit = (paused: boolean) => {
      subscribed.paused = paused;
      const { consumer } = subscribed;
      this.toBroker(this.connection, () => {
        if (!consumer) return;
        consumer.paused = paused;
        this.options.broker.queue(options.queue).pump();
      });
    };
    return {
      pause: () => credit(true),
      resume: () => credit(false),
      restart: () => this.lose(this.connection),
      handOver: () => {
        subscribed.handedOver = true;
        this.lose(this.connection);
      },
    };
  }

  publish(message: OutgoingMessage): Promise<PublishResult> {
    const { process, timeline, faults, broker } = this.options;
    const { connection } = this;
    return new Promise((resolve) => {
      if (!connection || this.state !== 'open') {
        process.clock.after(1, () => resolve({ kind: 'unconfirmed', reason: 'there is no connection' }));
        return;
      }
      const answer = (result: PublishResult): void => {
        if (!connection.pending.delete(answer)) return;
        this.options.unconfirmed(connection.pending.size);
        timer.cancel();
        resolve(result);
      };
      const timer = process.clock.after(CONFIRM_TIMEOUT_MS, () =>
        answer({ kind: 'unconfirmed', reason: 'no answer in time' }),
      );
      connection.pending.add(answer);
      this.options.unconfirmed(connection.pending.size);
      const occasion = { process: process.name, at: 'mesh.publish' };
      process.send('mesh.publish sent', () => {
        this.toBroker(connection, () => {
          if (faults.strikes('publish-lost', 0.01, occasion)) return;
          if (message.to.kind === 'topic' && faults.strikes('publish-refused', 0.002, occasion)) {
            this.options.refused(message);
            this.fromBroker(connection, 'mesh.publish answered', () =>
              answer({ kind: 'refused', condition: 'amqp:not-allowed', reason: 'a topic rule' }),
            );
            return;
          }
          broker.publish(message);
          if (faults.strikes('confirmation-lost', 0.01, occasion)) return;
          this.fromBroker(connection, 'mesh.publish answered', () => answer({ kind: 'accepted' }));
        });
      });
      if (faults.strikes('link-lost', 0.002, occasion)) timeline.after(1, () => this.lose(connection));
    });
  }

  status(): MeshStatus {
    const { clock } = this.options.process;
    const { timeline } = this.options;
    const { connection } = this;
    const silentMs = connection?.brokenAtMs === undefined ? 0 : timeline.nowMs - connection.brokenAtMs;
    return {
      state: this.state,
      since: this.since,
      ...(connection && { lastFrameAtMs: clock.monotonicMs() - silentMs }),
    };
  }

  onStateChange(): () => void {
    return () => undefined;
  }

  async stop(): Promise<void> {
    this.state = 'stopped';
    const { connection } = this;
    this.connection = undefined;
    if (connection) this.endThere(connection);
  }

  /** The connection ends for both sides, each notices in its own time. */
  lose(connection: Connection | undefined): void {
    if (!connection?.aliveHere) return;
    connection.brokenAtMs ??= this.options.timeline.nowMs;
    this.endThere(connection);
    this.options.process.enter('mesh.lost', () => this.endHere(connection));
  }

  private connectLater(range: { readonly min: number; readonly max: number }): void {
    const { process } = this.options;
    this.enterState('connecting');
    const delayMs = range.min + Math.floor(process.random.fraction() * (range.max - range.min));
    process.clock.after(delayMs, () => this.connect());
  }

  private connect(): void {
    if (this.state !== 'connecting') return;
    if (this.isRefused()) return this.connectLater(RECONNECT_MS);
    const connection: Connection = {
      aliveHere: true,
      aliveThere: true,
      detach: [],
      pending: new Set(),
      lastArrivalMs: 0,
      lastArrivalThereMs: 0,
    };
    this.connection = connection;
    this.enterState('open');
    for (const subscribed of this.subscriptions) this.attach(subscribed, connection);
  }

  private isRefused(): boolean {
    const { faults, process, timeline } = this.options;
    if (faults.strikes('mesh-outage', 0.02, { process: process.name, at: 'mesh.connect' })) {
      this.outageUntilMs = timeline.nowMs + faults.between('mesh-outage', OUTAGE_MS.min, OUTAGE_MS.max);
    }
    return timeline.nowMs < this.outageUntilMs;
  }

  private attach(subscribed: Subscribed, connection: Connection): void {
    if (subscribed.handedOver) return;
    const { broker, faults, process } = this.options;
    const { handler } = subscribed;
    const queue = broker.queue(subscribed.options.queue);
    const link = (this.links += 1);
    const consumer: Consumer = {
      window: subscribed.options.window,
      paused: subscribed.paused,
      take: (seq, message, deliveryCount) => {
        const occasion = { process: process.name, at: 'mesh.delivery' };
        this.fromBroker(connection, 'mesh.delivery', () => {
          handler.delivery(
            this.delivery(connection, queue.name, consumer, link, seq, message, deliveryCount),
          );
        });
        if (faults.strikes('link-lost', 0.003, occasion)) {
          this.options.timeline.after(LATENCY_MS.max, () => this.lose(connection));
        }
        if (faults.strikes('link-half-open', 0.002, occasion)) this.halfOpen(connection);
      },
    };
    subscribed.consumer = consumer;
    connection.detach.push(() => queue.detach(consumer));
    this.toBroker(connection, () => {
      this.fromBroker(connection, 'mesh.attached', () => {
        subscribed.link = link;
        subscribed.attached = true;
        handler.attached(link);
      });
      queue.attach(consumer);
    });
  }

  private delivery(
    connection: Connection,
    queue: string,
    consumer: Consumer,
    link: number,
    seq: number,
    message: QueuedMessage,
    deliveryCount: number,
  ): Delivery {
    const { broker, faults, process } = this.options;
    let isSettled = false;
    const settle = (how: 'accept' | 'release' | 'reject'): Settlement => {
      if (isSettled || !connection.aliveHere) return 'stale';
      isSettled = true;
      if (how !== 'accept') return 'settled';
      process.send('mesh.settle sent', () => {
        if (faults.strikes('settlement-lost', 0.002, { process: process.name, at: 'mesh.settle' })) {
          // On one link a settlement is lost only together with the link.
          this.lose(connection);
          return;
        }
        this.toBroker(connection, () => broker.queue(queue).settle(consumer, seq));
      });
      return 'settled';
    };
    return {
      message: { ...message, deliveryCount },
      link,
      accept: () => settle('accept'),
      release: () => settle('release'),
      reject: () => settle('reject'),
    };
  }

  /** One side believes in the connection for a while. */
  private halfOpen(connection: Connection): void {
    const { faults, timeline, process } = this.options;
    connection.brokenAtMs ??= timeline.nowMs;
    const lateMs = faults.between('link-half-open', SILENCE_MS.min, SILENCE_MS.max);
    if (faults.between('link-half-open', 0, 2) === 0) {
      this.endThere(connection);
      timeline.after(lateMs, () => process.enter('mesh.lost', () => this.endHere(connection)));
    } else {
      process.enter('mesh.lost', () => this.endHere(connection));
      timeline.after(lateMs, () => this.endThere(connection));
    }
  }

  /** The broker lets go: what was unsettled goes to the next consumer. */
  private endThere(connection: Connection): void {
    if (!connection.aliveThere) return;
    connection.aliveThere = false;
    for (const detach of connection.detach) detach();
  }

  /** The process notices, and connects anew. */
  private endHere(connection: Connection): void {
    if (!connection.aliveHere) return;
    connection.aliveHere = false;
    if (this.connection !== connection) return;
    this.connection = undefined;
    for (const subscribed of this.subscriptions) {
      if (!subscribed.attached) continue;
      subscribed.attached = false;
      subscribed.handler.lost(subscribed.link);
    }
    for (const answer of connection.pending)
      answer({ kind: 'unconfirmed', reason: 'the connection is gone' });
    if (this.state !== 'stopped') this.connectLater(RECONNECT_MS);
  }

  private died(): void {
    const { connection, options } = this;
    if (!connection) return;
    // A killed process's socket is closed by its machine, as a rule; else the broker waits for a sign of life.
    const lateMs = options.faults.strikes('link-half-open', 0.2)
      ? options.faults.between('link-half-open', SILENCE_MS.min, SILENCE_MS.max)
      : 1;
    options.timeline.after(lateMs, () => this.endThere(connection));
  }

  /** Since when it is so: trying again is no change. */
  private enterState(state: MeshStatus['state']): void {
    if (state === this.state) return;
    this.state = state;
    this.since = this.options.process.clock.now();
  }

  private toBroker(connection: Connection | undefined, action: () => void): void {
    const { timeline } = this.options;
    if (!connection) return;
    connection.lastArrivalThereMs = Math.max(
      connection.lastArrivalThereMs,
      timeline.nowMs + this.latencyMs(),
    );
    timeline.after(connection.lastArrivalThereMs - timeline.nowMs, () => {
      if (connection.aliveThere && connection.brokenAtMs === undefined) action();
    });
  }

  /** What comes from the broker comes in order, as what goes to it; nothing comes once the connection is broken. */
  private fromBroker(connection: Connection, at: string, action: () => void): void {
    const { timeline, process } = this.options;
    connection.lastArrivalMs = Math.max(connection.lastArrivalMs, timeline.nowMs + this.latencyMs());
    timeline.after(connection.lastArrivalMs - timeline.nowMs, () => {
      if (connection.brokenAtMs !== undefined && connection.brokenAtMs < timeline.nowMs) return;
      process.enter(at, () => {
        if (connection.aliveHere) action();
      });
    });
  }

  private latencyMs(): number {
    const { random } = this.options.process;
    return LATENCY_MS.min + Math.floor(random.fraction() * (LATENCY_MS.max - LATENCY_MS.min));
  }
}
