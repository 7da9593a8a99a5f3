/**
 * As much of AMQP 1.0 as shows what is published and settled: the instance's transfers are outcome events, its dispositions settle what it
 * received, and the broker's accept what was published. http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-transport-v1.0-os.html
 */
import type { Dialogue } from '../relay.ts';
import { splitter } from './messages.ts';

const HEADER = { bytes: 8, begin: Buffer.from('AMQP') };
const FRAME_TYPE_AMQP = 0;
const NONE = 0;
const TRANSFER = 0x14;
const DISPOSITION = 0x15;
const SMALL_ULONG = 0x53;
const ULONG = 0x80;

export function amqpDialogue(): Dialogue {
  const split = () =>
    splitter((bytes) => {
      if (bytes.length < HEADER.bytes) return undefined;
      return isHeader(bytes) ? HEADER.bytes : bytes.readUInt32BE(0);
    });
  return {
    splitAsked: split(),
    splitAnswered: split(),
    asked(message) {
      switch (performativeOf(message) ?? NONE) {
        case TRANSFER:
          return [{ point: 'before publish', message: 'held' }];
        case DISPOSITION:
          // The broker does not answer it, so it has happened once it is on its way.
          return [
            { point: 'before settle', message: 'held' },
            { point: 'after settle', message: 'passed' },
          ];
        default:
          return [];
      }
    },
    answered: (message) =>
      performativeOf(message) === DISPOSITION ? [{ point: 'after publish', message: 'held' }] : [],
  };
}

function isHeader(bytes: Buffer): boolean {
  return bytes.subarray(0, HEADER.begin.length).equals(HEADER.begin);
}

/** Undefined for what carries none: headers, SASL, heartbeats. */
function performativeOf(message: Buffer): number | undefined {
  if (isHeader(message) || message[5] !== FRAME_TYPE_AMQP) return undefined;
  const body = message.subarray((message[4] ?? 0) * 4);
  switch (body[1] ?? NONE) {
    case SMALL_ULONG:
      return body[2];
    case ULONG:
      return Number(body.readBigUInt64BE(2));
    default:
      return undefined;
  }
}
