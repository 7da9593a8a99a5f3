/** How a message becomes an arrival: a change for its lane, or something unreadable with what the mesh is told of it. */
import {
  readChange,
  type InboundContext,
  type InboundMessage,
  type UnreadableInbound,
} from '../events/inbound.ts';
import { unreadableDeadLetterId } from '../events/outcome-event.ts';
import type { ChangeArrival, Replay, UnreadableArrival } from '../journal/port.ts';
import type { Endings } from './ending.ts';
import { movedBack } from './replay-order.ts';

export interface Arrivals {
  /**
   * Never throws, whatever the bytes are; a dead letter that was moved back is its replay.
   * @param receivedAt epoch milliseconds
   */
  read(message: InboundMessage, receivedAt: number): ReadArrival;
  /** Something whose source and id are known with another payload: its own fault, so a dead letter of its own. */
  asClash(arrival: ReadArrival, message: InboundMessage): ReadArrival;
  /** A change whose values the journal's store cannot hold: its own fault too. */
  asRefused(arrival: ChangeArrival, message: InboundMessage): ReadArrival;
}

/** What could not be read, with what is known of it all the same. */
export interface UnreadArrival extends UnreadableArrival {
  readonly inbound: UnreadableInbound;
}

export type ReadArrival = ChangeArrival | UnreadArrival;

export function createArrivals(context: InboundContext, endings: Endings): Arrivals {
  const unreadable = (
    inbound: UnreadableInbound,
    message: InboundMessage,
    receivedAt: number,
    replay?: Replay,
  ): UnreadArrival => ({
    kind: 'unreadable',
    inbound,
    ref: inbound.ref,
    payload: { body: message.body, contentType: message.contentType, digest: inbound.digest },
    receivedAt,
    messages: endings.unreadable(inbound, message, receivedAt, replay?.decision),
    letter: {
      id: unreadableDeadLetterId(inbound, replay?.decision),
      decision: replay?.decision ?? 0,
      ...(inbound.territoryId !== undefined && { territoryId: inbound.territoryId }),
      reason: { code: inbound.code, message: inbound.message },
      envelope: envelopeOf(message),
    },
    ...(replay && { replayOf: replay.deadLetterId }),
    ...(!replay && !inbound.impostor && { alone: true }),
  });

  const faulty = (
    { change, payload, receivedAt }: ChangeArrival,
    message: InboundMessage,
    fault: Pick<UnreadableInbound, 'message' | 'action' | 'impostor'>,
  ): UnreadArrival => {
    const { source, id, type, time, territoryId, traceparent, correlationId } = change;
    const ref = { source, id };
    const event = {
      kind: 'unreadable',
      ref,
      type,
      time,
      territoryId,
      ...(traceparent !== undefined && { traceparent }),
      ...(correlationId !== undefined && { correlationId }),
    } as const;
    return unreadable(
      { ...event, digest: payload.digest, code: 'INVALID_EVENT', ...fault },
      message,
      receivedAt,
    );
  };

  return {
    read(message, receivedAt) {
      const inbound = readChange(message, context);
      const replay = movedBack(message, receivedAt);
      if (inbound.kind === 'unreadable') return unreadable(inbound, message, receivedAt, replay);
      const { body, contentType } = message;
      const payload = { body, contentType, digest: inbound.digest };
      return { kind: 'change', change: inbound.change, payload, receivedAt, ...(replay && { replay }) };
    },
    asClash(arrival, message) {
      if (arrival.kind === 'unreadable') {
        return unreadable({ ...arrival.inbound, impostor: true }, message, arrival.receivedAt);
      }
      return faulty(arrival, message, {
        message: 'The source and id of this event are known with another payload.',
        action: 'Publish the change under an id of its own.',
        impostor: true,
      });
    },
    asRefused: (arrival, message) =>
      faulty(arrival, message, {
        message: 'The database cannot hold the values of this event.',
        action: 'Publish the change without NUL characters and half characters.',
      }),
  };
}

/** What a message is read by, but for its body. */
function envelopeOf({
  contentType,
  messageId,
  subject,
  properties,
}: InboundMessage): Omit<InboundMessage, 'body'> {
  return {
    ...(contentType !== undefined && { contentType }),
    ...(messageId !== undefined && { messageId }),
    ...(subject !== undefined && { subject }),
    properties,
  };
}
