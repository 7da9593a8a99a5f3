/** From a dead letter and what a person ordered to the arrival that runs it again, or to why that cannot be. Pure. */
import { readContent } from '../events/assignments.ts';
import type { TerritoryChange } from '../events/change.ts';
import { bodyOmittedBytes, readDeadLetterProperties } from '../events/dead-letter.ts';
import { digestOf } from '../events/digest.ts';
import {
  readChange,
  type InboundContext,
  type InboundMessage,
  type ReadableInbound,
} from '../events/inbound.ts';
import { InvalidEvent } from '../events/invalid-event.ts';
import type { ChangeArrival, Replay } from '../journal/port.ts';
import type { DecisionResult, ReplayOrder } from '../operations/port.ts';
import { knownSteps, type HeldLetter } from './held-letter.ts';

export type Refused = Extract<DecisionResult, { kind: 'refused' }>;

export type PreparedReplay = { readonly kind: 'ready'; readonly arrival: ChangeArrival } | Refused;

export interface ReplayCircumstances {
  readonly inbound: InboundContext;
  /** The journal knows what later changes have ended on. */
  readonly laterKnown: boolean;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** What a replay is made of. */
export interface ReplayableLetter extends Pick<
  HeldLetter,
  | 'id'
  | 'decision'
  | 'ref'
  | 'territoryId'
  | 'placed'
  | 'position'
  | 'firstReceivedAt'
  | 'history'
  | 'original'
> {
  /** The change as it ran last, where that is kept; else the message is read again. */
  readonly ran?: Pick<ReadableInbound, 'change' | 'digest'>;
}

/** What could not be read and was edited is a new change: nothing is later than it. */
export function prepareReplay(
  letter: ReplayableLetter,
  order: ReplayOrder,
  { inbound, laterKnown, nowMs }: ReplayCircumstances,
): PreparedReplay {
  if (letter.placed && !laterKnown && !order.overwrite) {
    return refused(
      'NEEDS_OVERWRITE',
      'What later changes have set since is not known: the dead letter is older than this process, or the broker moved it here.',
      'Compare it with the present values; replay with overwrite to set all of its fields, or discard it.',
    );
  }
  try {
    const { change, digest } = contentOf(letter, order, inbound);
    const { body, contentType } = letter.original;
    const detail = order.assignments ? `by ${order.by}, edited` : `by ${order.by}`;
    return {
      kind: 'ready',
      arrival: {
        kind: 'change',
        change,
        payload: { body, contentType, digest },
        receivedAt: nowMs,
        replay: {
          deadLetterId: letter.id,
          decision: letter.decision + 1,
          overwrite: order.overwrite,
          position: letter.position,
          firstReceivedAt: letter.firstReceivedAt,
          history: [...knownSteps(letter.history), { at: nowMs, step: 'replayed', detail }],
          decider: { by: order.by, note: order.note },
        },
      },
    };
  } catch (error) {
    if (!(error instanceof InvalidEvent)) throw error;
    const code = order.assignments ? 'INVALID_ASSIGNMENTS' : error.code;
    return refused(code, error.message, order.assignments ? error.action : NEEDS_EDITING);
  }
}

const NEEDS_EDITING =
  'Replay it with edited assignments; or publish it corrected under a new id and discard this one.';

/** @throws InvalidEvent */
function contentOf(letter: ReplayableLetter, { assignments }: ReplayOrder, inbound: InboundContext) {
  const read = letter.ran ? { kind: 'change' as const, ...letter.ran } : readChange(letter.original, inbound);
  if (!assignments) {
    const omittedBytes = letter.ran ? undefined : bodyOmittedBytes(letter.original.properties);
    if (omittedBytes !== undefined) {
      const message = `Its body of ${omittedBytes} bytes was too large for the broker, and its copy came without it.`;
      throw new InvalidEvent(message, NEEDS_EDITING, 'TOO_LARGE');
    }
    if (read.kind === 'unreadable') throw new InvalidEvent(read.message, NEEDS_EDITING, read.code);
    return read;
  }
  const territoryId = read.kind === 'change' ? read.change.territoryId : letter.territoryId;
  const relatedTo = read.kind === 'change' ? read.change.relatedTo : [];
  // The rules of an event's assignments, once more: whoever calls may not have held them to these.
  const content = readContent({ territoryId, assignments, relatedTo }, undefined);
  const known: Omit<TerritoryChange, keyof typeof content> =
    read.kind === 'change' ? read.change : { ...letter.ref, type: inbound.eventType };
  return { change: { ...known, ...content }, digest: digestOf(content) };
}

function refused(code: string, message: string, action: string): Refused {
  return { kind: 'refused', code, message, action };
}

/**
 * The replay that a message on the work queue is by its properties: a dead letter that was moved back by hand. Nobody is
 * asked whether it may overwrite: it does where later changes are not known.
 */
export function movedBack(message: Pick<InboundMessage, 'properties'>, nowMs: number): Replay | undefined {
  const letter = readDeadLetterProperties(message.properties);
  if (!letter) return undefined;
  const firstReceivedAt = Date.parse(letter.firstReceivedAt ?? '');
  return {
    deadLetterId: letter.deadLetterId,
    decision: (letter.decision ?? 0) + 1,
    overwrite: false,
    position: letter.position,
    ...(!Number.isNaN(firstReceivedAt) && { firstReceivedAt }),
    history: [
      ...knownSteps(letter.history),
      { at: nowMs, step: 'replayed', detail: 'moved to the work queue' },
    ],
  };
}
