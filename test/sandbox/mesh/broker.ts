/**
 * All queues together: routing, dead messages, expiry, and handing deliveries to consumers. It knows nothing of
 * AMQP; consumers are told through callbacks.
 */
import type { MeshCounters } from './counters.ts';
import { SandboxMeshError } from './errors.ts';
import type { WireMessage } from './message.ts';
import { MessageQueue, type Outcome, type QueuedMessage, type Removal } from './queue.ts';
import {
  DEFAULT_QUEUE_SETTINGS,
  mergeSettings,
  settingsProblem,
  type QueueOptions,
} from './queue-settings.ts';
import { matches, patternProblem, queueNameProblem, topicProblem } from './routing.ts';
import type { MeshClock, MeshTimer } from './time.ts';

export type Verdict =
  | { readonly kind: 'accepted'; readonly queues: number }
  | { readonly kind: 'refused'; readonly condition: string; readonly description: string };

/** One consuming link. */
export interface ConsumerLink {
  readonly id: string;
  deliver(queued: QueuedMessage): void;
  /** Its queue was deleted. */
  ended(condition: string, description: string): void;
}

export interface BrokerOptions {
  readonly clock: MeshClock;
  readonly counters: MeshCounters;
  /** Real milliseconds per millisecond of a message's life. */
  readonly timeScale: number;
  readonly onChange: () => void;
}

interface Attachment {
  readonly link: ConsumerLink;
  readonly queue: MessageQueue;
}

export class Broker {
  readonly #options: BrokerOptions;
  readonly #queues = new Map<string, MessageQueue>();
  readonly #attachments = new Map<string, Attachment>();
  #expiry: MeshTimer | undefined;
  #expiryAtMs = Infinity;

  constructor(options: BrokerOptions) {
    this.#options = options;
  }

  queues(): readonly MessageQueue[] {
    return [...this.#queues.values()];
  }

  find(name: string): MessageQueue | undefined {
    return this.#queues.get(name);
  }

  /** @throws {SandboxMeshError} MESH_UNKNOWN_QUEUE */
  get(name: string): MessageQueue {
    const queue = this.#queues.get(name);
    if (!queue)
      throw new SandboxMeshError('MESH_UNKNOWN_QUEUE', `There is no queue ${name}: create it first`);
    return queue;
  }

  /**
   * Creates a queue, or changes the given settings of an existing one.
   * @throws {SandboxMeshError} MESH_WRONG_NAME, MESH_WRONG_SETTING, MESH_FIXED_SETTING (accessType of an existing queue)
   */
  declare(name: string, options: QueueOptions): 'created' | 'existed' {
    const nameProblem = queueNameProblem(name);
    if (nameProblem) throw new SandboxMeshError('MESH_WRONG_NAME', `Queue name ${name} ${nameProblem}`);
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    const problem = settingsProblem(given) ?? this.#missing(options);
    if (problem) throw new SandboxMeshError('MESH_WRONG_SETTING', `Queue ${name}: ${problem}`);
    const existing = this.#queues.get(name);
    if (existing && (options.accessType ?? existing.settings.accessType) !== existing.settings.accessType) {
      const advice = 'delete the queue and create it again';
      throw new SandboxMeshError(
        'MESH_FIXED_SETTING',
        `Queue ${name}: accessType cannot be changed: ${advice}`,
      );
    }
    if (existing) existing.settings = mergeSettings(existing.settings, options);
    else this.#queues.set(name, new MessageQueue(name, mergeSettings(DEFAULT_QUEUE_SETTINGS, options)));
    this.#options.onChange();
    return existing ? 'existed' : 'created';
  }

  delete(name: string): void {
    const queue = this.get(name);
    this.#queues.delete(name);
    for (const [id, { link, queue: attached }] of this.#attachments) {
      if (attached !== queue) continue;
      this.#attachments.delete(id);
      link.ended('amqp:resource-deleted', `queue ${name} was deleted`);
    }
    this.#options.onChange();
  }

  /** @throws {SandboxMeshError} MESH_UNKNOWN_QUEUE, MESH_WRONG_NAME */
  subscribe(name: string, pattern: string): 'created' | 'existed' {
    const queue = this.get(name);
    const problem = patternProblem(pattern);
    if (problem) throw new SandboxMeshError('MESH_WRONG_NAME', `Topic pattern ${pattern} ${problem}`);
    if (queue.patterns.has(pattern)) return 'existed';
    queue.patterns.add(pattern);
    this.#options.onChange();
    return 'created';
  }

  /** Puts a message into every queue that subscribes to `topic`, or into none. */
  publish(topic: string, message: WireMessage): Verdict {
    const problem = topicProblem(topic);
    if (problem) return this.#refuse('amqp:invalid-field', `topic ${problem}`);
    const reached = this.queues().filter(({ patterns }) => [...patterns].some((p) => matches(p, topic)));
    if (reached.length === 0) this.#options.counters.unrouted += 1;
    return this.#store(reached, message);
  }

  enqueue(name: string, message: WireMessage): Verdict {
    const queue = this.#queues.get(name);
    return queue
      ? this.#store([queue], message)
      : this.#refuse('amqp:not-found', `there is no queue ${name}`);
  }

  /** Counts a publish that was refused before it came to a queue. */
  refuse(condition: string, description: string): Verdict {
    return this.#refuse(condition, description);
  }

  /** Adds a consumer, without credit yet, to an existing queue. */
  attach(name: string, link: ConsumerLink): void {
    const queue = this.get(name);
    queue.attach(link.id);
    this.#attachments.set(link.id, { link, queue });
    this.#options.onChange();
  }

  /** Sets how many more messages a consumer takes, and delivers what can be. */
  grant(id: string, credit: number): void {
    const queue = this.#attachments.get(id)?.queue;
    queue?.grant(id, credit);
    if (queue) this.#pump(queue);
  }

  /** Ends one delivery; a stale or repeated settlement changes nothing. */
  settle(id: string, seq: number, outcome: Outcome): void {
    const queue = this.#attachments.get(id)?.queue;
    if (!queue) return;
    const removal = queue.settle(id, seq, outcome);
    if (removal) this.#bury(queue, removal);
    this.#pump(queue);
  }

  /** A consumer's link is gone; what it had unsettled goes back in order. */
  detach(id: string): void {
    const queue = this.#attachments.get(id)?.queue;
    if (!queue) return;
    this.#attachments.delete(id);
    const before = queue.depth().unsettled;
    const removals = queue.detach(id);
    this.#options.counters.lostDeliveries += before - queue.depth().unsettled;
    for (const removal of removals) this.#bury(queue, removal);
    this.#pump(queue);
  }

  stop(): void {
    this.#expiry?.cancel();
  }

  #missing({ deadMsgQueue }: QueueOptions): string | undefined {
    return deadMsgQueue === undefined || this.#queues.has(deadMsgQueue)
      ? undefined
      : `deadMsgQueue ${deadMsgQueue} does not exist: create it first`;
  }

  #refuse(condition: string, description: string): Verdict {
    this.#options.counters.publishesRefused += 1;
    this.#options.onChange();
    return { kind: 'refused', condition, description };
  }

  #store(queues: readonly MessageQueue[], message: WireMessage): Verdict {
    const sizeBytes = message.bare.length;
    for (const queue of queues) {
      const limit = queue.settings.maxMessageSizeInBytes;
      if (sizeBytes > limit) {
        return this.#refuse(
          'amqp:link:message-size-exceeded',
          `queue ${queue.name} takes at most ${limit} bytes`,
        );
      }
      if (!queue.hasRoomFor(sizeBytes)) {
        return this.#refuse('amqp:resource-limit-exceeded', `queue ${queue.name} is full`);
      }
    }
    for (const queue of queues) {
      queue.put(message, this.#expiresAt(queue, message));
      this.#pump(queue);
    }
    this.#options.counters.published += 1;
    this.#options.onChange();
    return { kind: 'accepted', queues: queues.length };
  }

  #expiresAt(queue: MessageQueue, message: WireMessage): number {
    const queueMs = queue.settings.maxTtl === 0 ? Infinity : queue.settings.maxTtl * 1_000;
    const lifeMs = Math.min(queueMs, message.headers.ttlMs ?? Infinity);
    return this.#options.clock.monotonicMs() + lifeMs * this.#options.timeScale;
  }

  /** Delivers whatever consumers can take now. */
  #pump(queue: MessageQueue): void {
    this.#expire(queue);
    for (let taken = queue.next(); taken; taken = queue.next()) {
      this.#options.counters.deliveries += 1;
      if (taken.queued.failures > 0) this.#options.counters.redeliveries += 1;
      this.#attachments.get(taken.consumer)?.link.deliver(taken.queued);
    }
    this.#scheduleExpiry(queue.nextExpiryMs);
    this.#options.onChange();
  }

  #expire(queue: MessageQueue): void {
    const removals = queue.expire(this.#options.clock.monotonicMs());
    for (const removal of removals) this.#bury(queue, removal);
  }

  #bury(from: MessageQueue, { queued, reason }: Removal): void {
    const { counters } = this.#options;
    if (reason === 'expired') counters.expired += 1;
    const name = from.settings.deadMsgQueue;
    const target = name === undefined ? undefined : this.#queues.get(name);
    // Its own time to live brought it here or is no longer the point: only the new queue's limit holds from now on.
    const { ttlMs: _, ...headers } = queued.message.headers;
    const message = { ...queued.message, headers };
    if (target?.put(message, this.#expiresAt(target, message)) === 'stored') {
      counters.deadLettered += 1;
      this.#pump(target);
    } else {
      counters.dropped += 1;
    }
  }

  /** One timer for all queues, set to the earliest expiry. */
  #scheduleExpiry(atMs: number): void {
    if (atMs >= this.#expiryAtMs) return;
    this.#expiry?.cancel();
    this.#expiryAtMs = atMs;
    this.#expiry = this.#options.clock.after(Math.max(0, atMs - this.#options.clock.monotonicMs()), () => {
      this.#expiryAtMs = Infinity;
      for (const queue of this.queues()) this.#pump(queue);
    });
  }
}
