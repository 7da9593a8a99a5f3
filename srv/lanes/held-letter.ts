/**
 * What a message on the dead-letter queue is. Pure. Most are ours and say so in their properties. Others were moved there
 * by the broker, above all work messages whose time to live was over: nothing was applied of them and nobody was told, so
 * they are listed too, with what can be read and the reason INVALID_EVENT, which is what a message without an answer is
 * to its subscribers.
 */
import type { ChangeRef, TerritoryChange } from '../events/change.ts';
import { readDeadLetterProperties, type DeadLetterProperties } from '../events/dead-letter.ts';
import { sha256 } from '../events/digest.ts';
import type { WrittenStep } from '../events/history.ts';
import {
  readChange,
  type InboundContext,
  type InboundMessage,
  type ReadableInbound,
  type UnreadableInbound,
} from '../events/inbound.ts';
import { unreadableDeadLetterId } from '../events/outcome-event.ts';
import { isFailureCode, type FailureCode } from '../events/failure.ts';
import { deadLetterId } from '../events/outcome.ts';
import type { HistoryStep } from '../journal/port.ts';

export interface HeldLetter {
  readonly id: string;
  /** 0, then one more per replay. */
  readonly decision: number;
  readonly ref: ChangeRef;
  readonly territoryId: string | undefined;
  readonly reason: FailureCode;
  readonly message: string;
  /** Epoch milliseconds; undefined where the message does not say so. */
  readonly failedAt: number | undefined;
  readonly firstReceivedAt: number | undefined;
  /** When it came to this process. */
  readonly seenAt: number;
  readonly attempts: number;
  readonly conflicts: number;
  /** It had a place among the changes of its lane, so others may have come later; not so what could not be read. */
  readonly placed: boolean;
  /** That place, where the message tells it. */
  readonly position: number | undefined;
  readonly history: readonly WrittenStep[];
  readonly body: Buffer;
  readonly contentType: string | undefined;
  /** As it came, to be read again once it is run: a thousand of them parsed would take much memory. */
  readonly original: InboundMessage;
}

const MOVED_BY_BROKER =
  'The broker moved this message here, most likely because its time to live was over; it was not applied.';

/** Reads one message. Equal messages give equal ids. @param seenAt epoch milliseconds */
export function readLetter(message: InboundMessage, seenAt: number, context: InboundContext): HeldLetter {
  const inbound = readChange(message, context);
  const known = readDeadLetterProperties(message.properties);
  const { body, contentType } = message;
  const base = { seenAt, body, contentType, original: message };
  return known ? { ...base, ...ours(known, inbound) } : { ...base, ...movedByBroker(inbound, body) };
}

function ours(known: DeadLetterProperties, inbound: ReadableInbound | UnreadableInbound) {
  const own = partsOf(inbound);
  const { source, id, reason, position } = known;
  return {
    id: known.deadLetterId,
    decision: known.decision ?? 0,
    ref: source !== undefined && id !== undefined ? { source, id } : own.ref,
    territoryId: known.territoryId ?? own.territoryId,
    reason: isFailureCode(reason) ? reason : 'INVALID_EVENT',
    message: known.message ?? 'The properties that tell why are missing.',
    failedAt: timeIn(known.failedAt),
    firstReceivedAt: timeIn(known.firstReceivedAt),
    attempts: known.attempts ?? 0,
    conflicts: known.conflicts ?? known.history.filter(({ step }) => step === 'conflict').length,
    placed: position !== undefined || (reason !== 'INVALID_EVENT' && reason !== 'TOO_LARGE'),
    position,
    history: known.history,
  } as const;
}

/** Two events under one source and id are two dead letters, so what is not the change itself is told by its bytes. */
function movedByBroker(inbound: ReadableInbound | UnreadableInbound, body: Buffer) {
  const id =
    inbound.kind === 'change'
      ? deadLetterId({ source: inbound.change.source, id: `${inbound.change.id} ${sha256(body)}` }, 0)
      : unreadableDeadLetterId({ ...inbound, impostor: true });
  return {
    id,
    decision: 0,
    ...partsOf(inbound),
    reason: 'INVALID_EVENT',
    message: inbound.kind === 'change' ? MOVED_BY_BROKER : inbound.message,
    failedAt: undefined,
    firstReceivedAt: undefined,
    attempts: 0,
    conflicts: 0,
    placed: inbound.kind === 'change',
    position: undefined,
    history: [],
  } as const;
}

function partsOf(inbound: ReadableInbound | UnreadableInbound) {
  if (inbound.kind === 'unreadable') return { ref: inbound.ref, territoryId: inbound.territoryId };
  const { source, id, territoryId }: TerritoryChange = inbound.change;
  return { ref: { source, id }, territoryId };
}

/** Epoch milliseconds of an ISO 8601 text; undefined for what is none. */
function timeIn(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
}

const STEPS: Readonly<Record<HistoryStep['step'], true>> = {
  sent: true,
  conflict: true,
  refused: true,
  'in-doubt': true,
  applied: true,
  waiting: true,
  replayed: true,
};

/** A history as read from a message, as far as its steps are known; what stands for omitted ones is not. */
export function knownSteps(history: readonly WrittenStep[]): readonly HistoryStep[] {
  return history.flatMap(({ at, step, assignment, detail }): HistoryStep[] => {
    const time = timeIn(at);
    if (time === undefined || !isKnownStep(step)) return [];
    return [
      {
        at: time,
        step,
        ...(assignment !== undefined && { assignment }),
        ...(detail !== undefined && { detail }),
      },
    ];
  });
}

function isKnownStep(step: string): step is HistoryStep['step'] {
  return Object.hasOwn(STEPS, step);
}
