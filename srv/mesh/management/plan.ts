/** From the settings to the queues that the program needs. Pure. */
import type { WantedQueue } from './administration.ts';

export interface QueuePlan {
  /** To be created first: the other names it. */
  readonly deadLetters: WantedQueue;
  readonly work: WantedQueue;
  /** Topic patterns of the work queue: `+` one segment, a trailing `*` the rest. No two are equal. */
  readonly subscriptions: readonly string[];
}

/** The part of the settings that the plan depends on. */
export interface QueueSettings {
  readonly mesh: {
    readonly queue: string;
    readonly deadLetterQueue: string;
    readonly subscriptions: readonly string[];
    /** Life of a message on the work queue, seconds; 0: no end. */
    readonly queueTtlS: number;
  };
  /** Deliveries received and not yet settled. */
  readonly intake: { readonly window: number };
  readonly retention: { readonly deadLetterDays: number };
}

/** Dead letters that the embedded mode holds unsettled for listing. */
const HELD_DEAD_LETTERS = 1_000;
/** The longest life that Event Mesh gives a message, 30 days; RabbitMQ's own limit is 49. */
const LONGEST_LIFE_S = 2_592_000;
const DAY_S = 86_400;

export function planQueues({ mesh, intake, retention }: QueueSettings): QueuePlan {
  return {
    // Nothing lies behind it: it lets nothing expire sooner than the retention says, as far as brokers can keep it.
    deadLetters: {
      name: mesh.deadLetterQueue,
      role: 'dead-letter',
      ttlS: Math.min(retention.deadLetterDays * DAY_S, LONGEST_LIFE_S),
      unsettled: HELD_DEAD_LETTERS,
    },
    work: {
      name: mesh.queue,
      role: 'work',
      ttlS: mesh.queueTtlS,
      unsettled: intake.window,
      deadLetterQueue: mesh.deadLetterQueue,
    },
    subscriptions: [...new Set(mesh.subscriptions)],
  };
}
