/** Cuts a stream of bytes into whole messages. */

/** Takes what has arrived, gives the messages that are complete; the rest waits for more. */
export type Splitter = (chunk: Buffer) => readonly Buffer[];

/** @param sizeOf of the message that begins here, in bytes; undefined where too little has arrived to tell */
export function splitter(sizeOf: (bytes: Buffer) => number | undefined): Splitter {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const messages: Buffer[] = [];
    for (let size = sizeOf(rest); size !== undefined && size <= rest.length; size = sizeOf(rest)) {
      messages.push(rest.subarray(0, size));
      rest = rest.subarray(size);
    }
    return messages;
  };
}
