/**
 * A dead letter's copy on the dead-letter queue: the original bytes, and what became of them in application properties.
 * Moved back to the work queue it is read again; the properties then say which event it was.
 */
import type { ChangeRef } from './change.ts';
import type { FailureReason } from './failure.ts';
import { decodeHistory, encodeHistory, type PathStep, type WrittenStep } from './history.ts';
import type { InboundMessage } from './inbound-message.ts';
import { LIMITS } from './limits.ts';
import { cutLine, isSoundText } from './text.ts';

export interface DeadLetter {
  readonly deadLetterId: string;
  /** 0, then one more per replay or discard. */
  readonly decision: number;
  readonly reason: Pick<FailureReason, 'code' | 'message'>;
  readonly change: ChangeRef;
  /** Where it could be read. */
  readonly territoryId?: string;
  /** The bytes as they came. */
  readonly body: Buffer;
  readonly contentType?: string;
  /** Epoch milliseconds. */
  readonly firstReceivedAt: number;
  readonly failedAt: number;
  readonly attempts: number;
  /** Of the attempts, those that were refused for a conflict. */
  readonly conflicts?: number;
  /** Its place among the changes of its territory, where it had one. */
  readonly position?: number;
  /** Oldest first. */
  readonly history: readonly PathStep[];
}

export interface DeadLetterMessage {
  readonly body: Buffer;
  readonly contentType: string;
  /** The dead letter's id: stable over re-sends. */
  readonly messageId: string;
  readonly properties: Readonly<Record<string, string | number>>;
}

/** The message for the dead-letter queue. A broker that refuses `history` for its size gets the rest without it. */
export function deadLetterMessage(letter: DeadLetter): DeadLetterMessage {
  return {
    body: letter.body,
    contentType: letter.contentType ?? 'application/octet-stream',
    messageId: letter.deadLetterId,
    properties: {
      deadLetterId: letter.deadLetterId,
      decision: letter.decision,
      reason: letter.reason.code,
      message: cutLine(letter.reason.message),
      source: letter.change.source,
      id: letter.change.id,
      ...(letter.territoryId !== undefined && { territoryId: letter.territoryId }),
      firstReceivedAt: new Date(letter.firstReceivedAt).toISOString(),
      failedAt: new Date(letter.failedAt).toISOString(),
      attempts: letter.attempts,
      ...(letter.conflicts !== undefined && { conflicts: letter.conflicts }),
      ...(letter.position !== undefined && { position: letter.position }),
      history: encodeHistory(letter.history),
    },
  };
}

/** What a dead letter's message and any that is made of it have. */
interface Copy {
  readonly body: Buffer;
  readonly properties?: Readonly<Record<string, string | number | boolean>>;
}

/** For a broker that takes it only without its history. */
export function withoutHistory<M extends Copy>(message: M): M {
  const { history: _, ...properties } = message.properties ?? {};
  return { ...message, properties };
}

/** For a broker that takes no body of this size: what it was is told by the other properties, and `bodyOmittedBytes`. */
export function withoutBody<M extends Copy>(message: M): M {
  const properties = { ...message.properties, bodyOmittedBytes: message.body.length };
  return { ...message, body: Buffer.alloc(0), properties };
}

/** How large the body was that a copy came without; undefined for one that has its own. */
export function bodyOmittedBytes(properties: InboundMessage['properties']): number | undefined {
  return countIn(properties['bodyOmittedBytes']);
}

/** What a message says of the dead letter it is, or was. Only the id is sure to be there: tools may have dropped the rest. */
export interface DeadLetterProperties {
  readonly deadLetterId: string;
  readonly decision?: number;
  /** A `FailureCode`, unless a newer version wrote it. */
  readonly reason?: string;
  readonly message?: string;
  /** `source` and `id` are given both or not at all. */
  readonly source?: string;
  readonly id?: string;
  readonly territoryId?: string;
  /** ISO 8601. */
  readonly firstReceivedAt?: string;
  readonly failedAt?: string;
  readonly attempts?: number;
  readonly conflicts?: number;
  readonly position?: number;
  readonly history: readonly WrittenStep[];
}

/** Reads the properties of `deadLetterMessage`; undefined for a message that is no dead letter. */
export function readDeadLetterProperties(
  properties: InboundMessage['properties'],
): DeadLetterProperties | undefined {
  const deadLetterId = textIn(properties['deadLetterId'], 36);
  if (deadLetterId === undefined) return undefined;
  const source = textIn(properties['source'], LIMITS.sourceLength);
  const id = textIn(properties['id'], LIMITS.eventIdLength);
  return withoutUndefined({
    deadLetterId,
    decision: countIn(properties['decision']),
    reason: textIn(properties['reason'], LIMITS.shownLength),
    message: textIn(properties['message'], LIMITS.lineLength),
    ...(source !== undefined && id !== undefined && { source, id }),
    territoryId: textIn(properties['territoryId'], LIMITS.territoryIdLength),
    firstReceivedAt: textIn(properties['firstReceivedAt'], LIMITS.shownLength),
    failedAt: textIn(properties['failedAt'], LIMITS.shownLength),
    attempts: countIn(properties['attempts']),
    conflicts: countIn(properties['conflicts']),
    position: countIn(properties['position']),
    history: decodeHistory(properties['history']),
  });
}

function textIn(value: unknown, maxLength: number): string | undefined {
  return isSoundText(value, maxLength) ? value : undefined;
}

/** A count; some tools turn numbers into text. */
function countIn(value: unknown): number | undefined {
  const count = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as T;
}
