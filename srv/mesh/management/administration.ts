/**
 * Queue management as the set-up sees it, whichever product stands behind it. A product says in `requirements` what a queue has to be
 * like in its own words; comparing, changing and reporting are the same for all.
 */

export type PropertyValue = string | number | boolean;

/** A queue as its product describes it: the product's own names. */
export type QueueProperties = Readonly<Record<string, PropertyValue>>;

/** A queue as the program needs it, in nobody's words. */
export interface WantedQueue {
  readonly name: string;
  readonly role: 'work' | 'dead-letter';
  /** Life of a message, seconds; 0: no end. */
  readonly ttlS: number;
  /** Deliveries that the receiver may have unsettled at a time. */
  readonly unsettled: number;
  /** Takes what expires; must exist before. */
  readonly deadLetterQueue?: string;
}

/** One property that a queue has to have. */
export interface Requirement {
  readonly property: string;
  /** Undefined: it must not be set. */
  readonly value: PropertyValue | undefined;
  /** When an existing queue is right; `new-only`: a new queue gets the value, an existing one may differ. */
  readonly rule: 'equal' | 'at-least' | 'new-only';
  /** What it means that a description leaves the property out. */
  readonly unshown: 'unset' | 'unknown';
  readonly change: 'in-place' | 'new-queue-only';
  /** `essential`: a guarantee hangs on it. `wanted`: the queue works without it, so a product that refuses it is only reported. */
  readonly weight: 'essential' | 'wanted';
  /** What goes wrong otherwise, as part of a sentence. */
  readonly why: string;
}

/** All calls are idempotent and throw {@link ManagementError} only, or the reason of an aborted signal as one. */
export interface QueueAdministration {
  /** For people, for example `RabbitMQ`. */
  readonly product: string;
  /** The property, and its value, by which one receiver at a time gets the messages. */
  readonly exclusive: Pick<Requirement, 'property' | 'unshown'> & { readonly value: PropertyValue };
  /** What a person has to do about a property that cannot be changed, as part of a sentence. */
  readonly remedy: string;
  requirements(queue: WantedQueue): readonly Requirement[];
  /** A topic pattern (`+` one segment, a trailing `*` the rest) in the product's own form. */
  pattern(topic: string): string;
  /** Resolves when the API is ready to be used; waits for it within a limit. */
  ready(): Promise<void>;
  /** What can be set on the queue, as it is; undefined where there is no such queue. */
  get(queue: string): Promise<QueueProperties | undefined>;
  /** Creates the queue, or changes the given properties of an existing one. */
  put(queue: string, properties: QueueProperties): Promise<void>;
  /** Patterns in the product's own form. */
  subscriptions(queue: string): Promise<readonly string[]>;
  addSubscription(queue: string, pattern: string): Promise<void>;
  removeSubscription(queue: string, pattern: string): Promise<void>;
}
