/** Messages of the outbox as rows. */
import { isSound } from '../../events/text.ts';
import type { OutgoingMessage } from '../../mesh/port.ts';
import type { OutboxMessage } from '../port.ts';
import type { Row, Run } from './database.ts';

/** A message, and the position of the change that it tells of; null where there is none. */
export interface Told {
  readonly message: OutboxMessage;
  readonly position: number | null;
}

export async function queueMessages(run: Run, told: readonly Told[]): Promise<void> {
  if (told.length === 0) return;
  await run('outbox/add', [
    told.map(({ message }) => storable(message.id)),
    told.map(({ message }) => message.kind),
    told.map(({ message: { message } }) => JSON.stringify(envelopeOf(message))),
    told.map(({ message }) => message.message.body),
    told.map(({ position }) => position),
  ]);
}

export function messageOf(row: Row): OutboxMessage {
  return {
    id: row['message_id'] as string,
    kind: row['kind'] as OutboxMessage['kind'],
    message: { ...(row['envelope'] as Omit<OutgoingMessage, 'body'>), body: row['body'] as Buffer },
  };
}

/** Text that PostgreSQL can hold: no NUL, no half of a character. For names of what could not be read; its bytes are kept as they are. */
export function storable(text: string): string {
  return isSound(text) ? text : text.toWellFormed().replaceAll('\0', '\u{fffd}');
}

function envelopeOf(message: OutgoingMessage): Omit<OutgoingMessage, 'body'> {
  const { to, contentType, messageId, correlationId, properties } = message;
  return { to, contentType, messageId, correlationId, properties };
}
