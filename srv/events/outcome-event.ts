/** The event that tells how a change ended: a structured CloudEvent 1.0 whose id is the same on every re-send. */
import { nameUuid } from '../platform/ids.ts';
import type { ChangeRef } from './change.ts';
import type { UnreadableInbound } from './inbound.ts';
import { deadLetterId, type AssignmentResult, type ChangeEnding } from './outcome.ts';
import { cutLine } from './text.ts';

/** Who publishes. */
export interface OutcomeSender {
  /** `/territory-sync/{application}/{space}`, or `/territory-sync/local`. */
  readonly source: string;
  /** First part of the event types, for example `cx.territory`. */
  readonly eventTypePrefix: string;
}

export interface OutcomeInput {
  /** The inbound event; a `TerritoryChange` fits. */
  readonly change: ChangeRef & {
    readonly type?: string;
    readonly time?: string;
    readonly traceparent?: string;
    readonly correlationId?: string;
  };
  /** Null where the event could not be read so far. */
  readonly territoryId: string | null;
  readonly ending: ChangeEnding;
  /** 0, then one more per replay or discard. */
  readonly decision: number;
  /** Its place in the territory's order; null for what never got one. */
  readonly position: number | null;
  readonly assignments: readonly AssignmentResult[];
  /** Writes sent for it, and those of them that were refused for a conflict. */
  readonly attempts: number;
  readonly conflicts: number;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
  readonly completedAt: number;
  readonly sender: OutcomeSender;
  /** Tells it from another event of the same source and id; absent as a rule. */
  readonly discriminator?: string;
}

export interface OutcomeEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  /** The territory; absent where it could not be read. */
  readonly subject?: string;
  /** ISO 8601. */
  readonly time: string;
  /** A structured CloudEvent as JSON, below 1 MB. */
  readonly body: Buffer;
  readonly contentType: string;
  readonly topicKind: 'success' | 'failure';
}

/** Below the 1 MB of a message, with room for what the transport adds. */
const BODY_BYTES = 1_000_000;

/** Builds the event. Equal inputs give equal bytes. */
export function outcomeEvent(input: OutcomeInput): OutcomeEvent {
  const { change, territoryId, sender } = input;
  const failed = input.ending.outcome === 'failed';
  const type = `${sender.eventTypePrefix}.sync.${failed ? 'failed' : 'succeeded'}.v1`;
  const discriminator = input.discriminator === undefined ? [] : [input.discriminator];
  const header = {
    id: nameUuid(JSON.stringify([change.source, change.id, type, input.decision, ...discriminator])),
    type,
    source: sender.source,
    ...(territoryId !== null && { subject: territoryId }),
    time: new Date(input.completedAt).toISOString(),
  };
  const envelope = {
    specversion: '1.0',
    ...header,
    datacontenttype: 'application/json',
    causationid: change.id,
    ...(change.correlationId !== undefined && { correlationid: change.correlationId }),
    ...(change.traceparent !== undefined && { traceparent: change.traceparent }),
  };
  return {
    ...header,
    body: encode(envelope, input),
    contentType: 'application/cloudevents+json',
    topicKind: failed ? 'failure' : 'success',
  };
}

/**
 * The event about a message that could not be read: it has no place in an order and no assignments.
 * @param decision 0; more where it was a dead letter before, and replayed
 */
export function unreadableOutcome(
  unreadable: UnreadableInbound,
  when: Pick<OutcomeInput, 'receivedAt' | 'completedAt'>,
  sender: OutcomeSender,
  decision = 0,
): OutcomeEvent {
  const { ref, type, time, traceparent, correlationId, code, message, action } = unreadable;
  return outcomeEvent({
    change: { ...ref, type, time, traceparent, correlationId },
    territoryId: unreadable.territoryId ?? null,
    ending: {
      outcome: 'failed',
      reason: { code, message, action },
      deadLetterId: unreadableDeadLetterId(unreadable, decision),
    },
    decision,
    position: null,
    assignments: [],
    attempts: 0,
    conflicts: 0,
    ...when,
    sender,
    ...(unreadable.impostor && { discriminator: unreadable.digest }),
  });
}

/**
 * The id of the dead letter that a message becomes which could not be read. Only the first event under a source and id has the id that
 * subscribers can derive (`deadLetterId`); every other payload under them has one of its own, from its digest, the same at each
 * redelivery. An embedded journal knows which was first since its process was started, and no longer.
 */
export function unreadableDeadLetterId({ ref, impostor, digest }: UnreadableInbound, decision = 0): string {
  const change = impostor ? { source: ref.source, id: `${ref.id} ${digest}` } : ref;
  return deadLetterId(change, decision);
}

/**
 * An event on 1000 assignments may grow beyond the limit by long messages and ETags; ids and results alone never do
 * (128 code units take 768 bytes in JSON at worst). So the former give way, first in part.
 */
function encode(envelope: object, input: OutcomeInput): Buffer {
  for (const shorten of [whole, shortMessage]) {
    const body = bodyOf(envelope, input, shorten);
    if (body.length <= BODY_BYTES) return body;
  }
  return bodyOf(envelope, input, bareResult);
}

type Shorten = (result: AssignmentResult) => AssignmentResult;

const whole: Shorten = (result) => withMessage(result, (message) => cutLine(message));

const shortMessage: Shorten = (result) => withMessage(result, (message) => cutLine(message, 40));

const bareResult: Shorten = ({ id, result, error }) => withMessage({ id, result, error }, () => '');

function withMessage(assignment: AssignmentResult, cut: (message: string) => string): AssignmentResult {
  const { id, result, etag, error } = assignment;
  return { id, result, etag, ...(error && { error: { ...error, message: cut(error.message) } }) };
}

/** JSON leaves out what is undefined. */
function bodyOf(envelope: object, input: OutcomeInput, shorten: Shorten): Buffer {
  const { change, ending } = input;
  const data = {
    territoryId: input.territoryId,
    change: { id: change.id, source: change.source, type: change.type, time: change.time },
    outcome: ending.outcome,
    decision: input.decision,
    position: input.position,
    ...(ending.outcome === 'failed' && {
      reason: {
        code: ending.reason.code,
        message: cutLine(ending.reason.message),
        action: cutLine(ending.reason.action),
      },
      deadLetterId: ending.deadLetterId,
    }),
    assignments: input.assignments.map(shorten),
    attempts: input.attempts,
    conflicts: input.conflicts,
    receivedAt: new Date(input.receivedAt).toISOString(),
    completedAt: new Date(input.completedAt).toISOString(),
  };
  return Buffer.from(JSON.stringify({ ...envelope, data }));
}
