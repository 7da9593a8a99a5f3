/** Messages to send in the library's form. What it could not encode is found out here: there, it would end the connection. */
import { Factory, type OutgoingTransfer } from '@sap/xb-msg-amqp-v100';
import type { OutgoingMessage } from './port.ts';

/** Why the message can never be sent; undefined if it can. */
export function unsendable(message: OutgoingMessage): string | undefined {
  if (message.to.name === '') return `the name of the ${message.to.kind} is empty`;
  // An AMQP symbol.
  if (!/^[\x20-\x7e]+$/u.test(message.contentType)) return 'the content type is empty or not ASCII';
  for (const [name, value] of Object.entries(message.properties ?? {})) {
    if (typeof value === 'number' && !Number.isFinite(value))
      return `property ${name} is not a finite number`;
  }
  return undefined;
}

/** `to` is given for anonymous senders only. */
export function transferOf(
  message: OutgoingMessage,
  to: string | undefined,
): Pick<OutgoingTransfer, 'payload' | 'target'> {
  const { contentType, messageId, correlationId } = message;
  return {
    payload: {
      chunks: [message.body],
      type: contentType,
      properties: typedProperties(message.properties ?? {}),
    },
    target: {
      header: { durable: true },
      properties: {
        contentType,
        ...(messageId === undefined ? {} : { messageID: messageId }),
        ...(correlationId === undefined ? {} : { correlationID: correlationId }),
        ...(to === undefined ? {} : { to }),
      },
    },
  };
}

/** A bare string would be sent as a symbol and lose everything beyond ASCII, a bare integer as a floating-point number. */
function typedProperties(
  properties: Readonly<Record<string, string | number | boolean>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, typed(value)]));
}

function typed(value: string | number | boolean): unknown {
  if (typeof value === 'string') return Factory.String(value);
  if (typeof value === 'boolean') return value;
  return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? Factory.Int(value) : value;
}
