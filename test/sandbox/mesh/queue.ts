/**
 * One queue as pure state: who gets which message next, and where a message goes that was not accepted.
 *
 * Order: a message never delivered is always younger than one delivered before, because delivery takes from the
 * head. So what comes back lives in a short sorted list in front of a plain first-in-first-out list, and the
 * original order holds however deliveries return.
 *
 * Counting follows SAP's documents: every delivery that did not end in *accepted* counts as a failed attempt,
 * whether it was rejected, released, or lost with its link.
 */
import type { WireMessage } from './message.ts';
import type { QueueSettings } from './queue-settings.ts';

export interface QueuedMessage {
  /** Place in the queue: grows with every message put. */
  readonly seq: number;
  readonly message: WireMessage;
  /** Deliveries so far that were not accepted. */
  failures: number;
  /** Monotonic milliseconds; Infinity: never. */
  readonly expiresAtMs: number;
}

/** A message that left without being accepted; its owner moves it to the dead-message queue, or drops it. */
export interface Removal {
  readonly queued: QueuedMessage;
  readonly reason: 'expired' | 'redelivered-too-often';
}

export interface Taken {
  readonly consumer: string;
  readonly queued: QueuedMessage;
}

export type Outcome = 'accepted' | 'failed';
export type PutResult = 'stored' | 'full';

interface Consumer {
  readonly id: string;
  credit: number;
  readonly unsettled: Map<number, QueuedMessage>;
}

/** Whether a message is waiting or is with a consumer. */
export type Whereabouts = 'ready' | 'unsettled';

export class MessageQueue {
  readonly name: string;
  settings: QueueSettings;
  readonly patterns = new Set<string>();
  /** Lower bound of when the next waiting message expires, monotonic milliseconds. */
  nextExpiryMs = Infinity;
  #fresh: QueuedMessage[] = [];
  #freshHead = 0;
  #returned: QueuedMessage[] = [];
  readonly #consumers: Consumer[] = [];
  #turn = 0;
  #nextSeq = 1;
  #sizeBytes = 0;

  constructor(name: string, settings: QueueSettings) {
    this.name = name;
    this.settings = settings;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  hasRoomFor(sizeBytes: number): boolean {
    return this.#sizeBytes + sizeBytes <= this.settings.maxQueueSizeInBytes;
  }

  put(message: WireMessage, expiresAtMs: number): PutResult {
    if (!this.hasRoomFor(message.bare.length)) return 'full';
    this.#fresh.push({ seq: this.#nextSeq++, message, failures: 0, expiresAtMs });
    this.#sizeBytes += message.bare.length;
    this.nextExpiryMs = Math.min(this.nextExpiryMs, expiresAtMs);
    return 'stored';
  }

  /** Adds a consumer without credit. The first of an EXCLUSIVE queue is the active one. */
  attach(consumer: string): void {
    this.#consumers.push({ id: consumer, credit: 0, unsettled: new Map() });
  }

  /** Sets how many more messages a consumer takes. */
  grant(consumer: string, credit: number): void {
    const found = this.#consumers.find(({ id }) => id === consumer);
    if (found) found.credit = credit;
  }

  /** The next delivery to make, already counted as unsettled; undefined where no one can take one. */
  next(): Taken | undefined {
    if (this.#returned.length === 0 && this.#freshHead === this.#fresh.length) return undefined;
    const consumer = this.#nextConsumer();
    const queued = consumer && this.#shift();
    if (!queued) return undefined;
    consumer.credit -= 1;
    consumer.unsettled.set(queued.seq, queued);
    return { consumer: consumer.id, queued };
  }

  /** Ends one delivery. What was settled already, or was never this consumer's, changes nothing. */
  settle(consumer: string, seq: number, outcome: Outcome): Removal | undefined {
    const unsettled = this.#consumers.find(({ id }) => id === consumer)?.unsettled;
    const queued = unsettled?.get(seq);
    if (!unsettled || !queued) return undefined;
    unsettled.delete(seq);
    if (outcome === 'failed') return this.#fail(queued);
    this.#sizeBytes -= queued.message.bare.length;
    return undefined;
  }

  /** Takes a consumer away; all it had unsettled counts as failed. On an EXCLUSIVE queue the next takes over. */
  detach(consumer: string): readonly Removal[] {
    const index = this.#consumers.findIndex(({ id }) => id === consumer);
    const gone = index < 0 ? undefined : this.#consumers.splice(index, 1)[0];
    if (!gone) return [];
    if (index < this.#turn) this.#turn -= 1;
    return [...gone.unsettled.values()].map((queued) => this.#fail(queued)).filter((r) => r !== undefined);
  }

  /** Removes the waiting messages whose time is over. Those with a consumer expire when they come back. */
  expire(nowMs: number): readonly Removal[] {
    if (nowMs < this.nextExpiryMs) return [];
    const removals: Removal[] = [];
    this.nextExpiryMs = Infinity;
    const keep = (queued: QueuedMessage): boolean => {
      if (queued.expiresAtMs > nowMs) {
        this.nextExpiryMs = Math.min(this.nextExpiryMs, queued.expiresAtMs);
        return true;
      }
      this.#sizeBytes -= queued.message.bare.length;
      removals.push({ queued, reason: 'expired' });
      return false;
    };
    this.#returned = this.#returned.filter(keep);
    this.#fresh = this.#fresh.slice(this.#freshHead).filter(keep);
    this.#freshHead = 0;
    return removals;
  }

  depth(): { readonly ready: number; readonly unsettled: number } {
    return {
      ready: this.#returned.length + this.#fresh.length - this.#freshHead,
      unsettled: this.#consumers.reduce((sum, { unsettled }) => sum + unsettled.size, 0),
    };
  }

  /** Ids of the consumers that receive, and of those that wait for one of them to go. */
  consumers(): { readonly active: readonly string[]; readonly standby: readonly string[] } {
    const ids = this.#consumers.map(({ id }) => id);
    const active = this.settings.accessType === 'EXCLUSIVE' ? 1 : ids.length;
    return { active: ids.slice(0, active), standby: ids.slice(active) };
  }

  /** Every message in the queue, in order. */
  messages(): readonly { readonly queued: QueuedMessage; readonly state: Whereabouts }[] {
    const waiting = [...this.#returned, ...this.#fresh.slice(this.#freshHead)];
    const delivered = this.#consumers.flatMap(({ unsettled }) => [...unsettled.values()]);
    return [
      ...waiting.map((queued) => ({ queued, state: 'ready' as const })),
      ...delivered.map((queued) => ({ queued, state: 'unsettled' as const })),
    ].sort((a, b) => a.queued.seq - b.queued.seq);
  }

  #nextConsumer(): Consumer | undefined {
    const window = this.settings.maxDeliveredUnackedMsgsPerFlow;
    const able = (c: Consumer | undefined) =>
      c && c.credit > 0 && c.unsettled.size < window ? c : undefined;
    if (this.settings.accessType === 'EXCLUSIVE') return able(this.#consumers[0]);
    const count = this.#consumers.length;
    for (let step = 0; step < count; step++) {
      const index = (this.#turn + step) % count;
      const consumer = able(this.#consumers[index]);
      if (consumer) {
        this.#turn = (index + 1) % count;
        return consumer;
      }
    }
    return undefined;
  }

  #shift(): QueuedMessage | undefined {
    if (this.#returned.length > 0) return this.#returned.shift();
    const queued = this.#fresh[this.#freshHead++];
    // What lies before the head is let go in large steps: cheap, and memory stays proportional to what waits.
    if (this.#freshHead > 1_000 && this.#freshHead * 2 > this.#fresh.length) {
      this.#fresh = this.#fresh.slice(this.#freshHead);
      this.#freshHead = 0;
    }
    return queued;
  }

  #fail(queued: QueuedMessage): Removal | undefined {
    queued.failures += 1;
    const limit = this.settings.maxRedeliveryCount;
    if (limit > 0 && queued.failures > limit) {
      this.#sizeBytes -= queued.message.bare.length;
      return { queued, reason: 'redelivered-too-often' };
    }
    this.#putBack(queued);
    return undefined;
  }

  #putBack(queued: QueuedMessage): void {
    let low = 0;
    let high = this.#returned.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#returned[middle]?.seq ?? Infinity) < queued.seq) low = middle + 1;
      else high = middle;
    }
    this.#returned.splice(low, 0, queued);
    this.nextExpiryMs = Math.min(this.nextExpiryMs, queued.expiresAtMs);
  }
}
