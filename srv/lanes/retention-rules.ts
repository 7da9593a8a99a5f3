/** From the settings to the ages at which things are forgotten. Pure. */
import type { RetentionRules } from '../journal/port.ts';

const DAY_MS = 86_400_000;

/** Between a message's end on the queue and the end of what is known of it: clocks differ, and brokers end lives late. */
const MARGIN_MS = DAY_MS;

/**
 * How long keys are kept where messages on the queue have no end: the longest life that SAP Event Mesh gives any. A delivery that was
 * appended is delivered again only if settling it failed, and then at the next attach: so this much without a receiver.
 */
const LONGEST_LIFE_MS = 30 * DAY_MS;

export interface RetentionSettings {
  readonly retention: {
    readonly payloadDays: number;
    readonly historyDays: number;
    readonly deadLetterDays: number;
  };
  /** `queueTtlS`: life of a message on the queue, seconds; 0: no end. */
  readonly mesh: { readonly queueTtlS: number };
}

export function retentionRules({ retention, mesh }: RetentionSettings): RetentionRules {
  const lifeMs = mesh.queueTtlS === 0 ? LONGEST_LIFE_MS : mesh.queueTtlS * 1000;
  return {
    payloadMs: retention.payloadDays * DAY_MS,
    historyMs: retention.historyDays * DAY_MS,
    deadLetterMs: retention.deadLetterDays * DAY_MS,
    identityMs: lifeMs + MARGIN_MS,
  };
}
