/** What the queue management API lets one set on a queue: names, ranges and defaults as SAP documents them. */

export type AccessType = 'EXCLUSIVE' | 'NON_EXCLUSIVE';

export interface QueueSettings {
  /** EXCLUSIVE: one consumer receives, the others stand by. NON_EXCLUSIVE: round robin. */
  readonly accessType: AccessType;
  /** Redeliveries before the message is moved or dropped, 0–255; 0: redelivered until it expires. */
  readonly maxRedeliveryCount: number;
  /** Seconds until a message expires, 0–2 592 000; 0: never. */
  readonly maxTtl: number;
  /** Existing queue that takes what expired or was redelivered too often; without one, that is lost. */
  readonly deadMsgQueue?: string;
  /** Deliveries that a consumer may have unsettled, 1–1 000 000. */
  readonly maxDeliveredUnackedMsgsPerFlow: number;
  readonly maxMessageSizeInBytes: number;
  /** Rounded up to whole MiB. */
  readonly maxQueueSizeInBytes: number;
}

/** Any part of the settings; what is left out keeps its value, or its default on a new queue. */
export type QueueOptions = { readonly [K in keyof QueueSettings]?: QueueSettings[K] | undefined };

export const DEFAULT_QUEUE_SETTINGS: QueueSettings = {
  accessType: 'NON_EXCLUSIVE',
  maxRedeliveryCount: 0,
  maxTtl: 2_592_000,
  maxDeliveredUnackedMsgsPerFlow: 10_000,
  maxMessageSizeInBytes: 10_000_000,
  maxQueueSizeInBytes: 1_572_864_000,
};

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  maxRedeliveryCount: [0, 255],
  maxTtl: [0, 2_592_000],
  maxDeliveredUnackedMsgsPerFlow: [1, 1_000_000],
  maxMessageSizeInBytes: [1, 30_000_000],
  maxQueueSizeInBytes: [1, Number.MAX_SAFE_INTEGER],
};
const MIB = 1_048_576;

/** What is wrong with a body of the management API, in one line naming the property; undefined: nothing. */
export function settingsProblem(body: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, value] of Object.entries(body)) {
    const range = RANGES[name];
    if (range) {
      if (!Number.isInteger(value) || (value as number) < range[0] || (value as number) > range[1]) {
        return `${name} must be a whole number from ${range[0]} to ${range[1]}`;
      }
    } else if (name === 'accessType') {
      if (value !== 'EXCLUSIVE' && value !== 'NON_EXCLUSIVE')
        return 'accessType must be EXCLUSIVE or NON_EXCLUSIVE';
    } else if (name === 'deadMsgQueue') {
      if (typeof value !== 'string') return 'deadMsgQueue must be the name of a queue';
    } else if (name !== 'respectTtl' && name !== 'name') {
      return `Unrecognized field "${name}"`;
    }
  }
  return undefined;
}

/** `base` with what `options` sets, checked beforehand by `settingsProblem`. */
export function mergeSettings(base: QueueSettings, options: QueueOptions): QueueSettings {
  const given = Object.fromEntries(
    Object.entries(options).filter(
      ([name, value]) => value !== undefined && (name in DEFAULT_QUEUE_SETTINGS || name === 'deadMsgQueue'),
    ),
  );
  const merged: QueueSettings = { ...base, ...given };
  return { ...merged, maxQueueSizeInBytes: Math.ceil(merged.maxQueueSizeInBytes / MIB) * MIB };
}
