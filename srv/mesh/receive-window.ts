/**
 * How much more a queue may deliver: bounded in messages and in bytes, because a thousand messages of a megabyte are another thing than
 * a thousand of a kilobyte. Credit counts messages, and what a message weighs is known only when it is there. So each message that credit
 * allows is reserved room for a large one, and for a larger one after such a one was seen.
 */
import type { MeshMessage } from './port.ts';

export interface WindowLimits {
  /** At most so many messages unsettled. */
  readonly messages: number;
  /** At most so many bytes unsettled, see `allowance` for what may exceed it. */
  readonly bytes: number;
}

/** The largest message that Event Mesh takes as a rule, and the largest that can be a valid event. */
const LARGE_BYTES = 1_048_576;
/** After a larger one the reservation shrinks by this share with each message. */
const SHRINKS_BY = 1 / 64;

export class ReceiveWindow {
  readonly #limits: WindowLimits;
  #messages = 0;
  #bytes = 0;
  #reservedBytes = LARGE_BYTES;

  constructor(limits: WindowLimits) {
    this.#limits = limits;
  }

  /** Messages received and not settled. */
  get messages(): number {
    return this.#messages;
  }

  /** Bytes of these. */
  get bytes(): number {
    return this.#bytes;
  }

  received(bytes: number): void {
    this.#messages++;
    this.#bytes += bytes;
    this.#reservedBytes = Math.max(LARGE_BYTES, bytes, this.#reservedBytes * (1 - SHRINKS_BY));
  }

  settled(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
  }

  /**
   * Messages that may come now. One at least while nothing is unsettled, so that a message beyond every limit is received too, alone.
   * The limit of bytes holds as long as no message is larger than what was reserved for it; messages under way when the first such one
   * comes may exceed it.
   */
  allowance(): number {
    const { messages, bytes } = this.#limits;
    const byBytes = Math.floor((bytes - this.#bytes) / this.#reservedBytes);
    return Math.max(this.#messages === 0 ? 1 : 0, Math.min(messages - this.#messages, byBytes));
  }

  /** Credit is worth being granted in portions of this, rather than one by one. */
  get portion(): number {
    const { messages, bytes } = this.#limits;
    return Math.min(messages, bytes / LARGE_BYTES) / 4;
  }
}

/** What a message takes in memory, nearly: its body and its application properties. */
export function weightOf({ body, properties }: MeshMessage): number {
  let bytes = body.length;
  for (const name in properties) {
    const value = properties[name];
    bytes += name.length + (typeof value === 'string' ? value.length : 8);
  }
  return bytes;
}
