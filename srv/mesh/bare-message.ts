/**
 * What a broker puts in front of a message anew at each delivery: header (how often it was tried) and delivery annotations (AMQP 1.0,
 * part 3, sections 3.2.1 and 3.2.2). Without them a redelivery has the bytes of the first delivery, and is recognised by them.
 */

/** Codes of the two sections, and what their value may be: a list, a map. */
const PER_DELIVERY = new Map([
  [0x70, new Set([0x45, 0xc0, 0xd0])],
  [0x71, new Set([0xc1, 0xd1])],
]);

/** The bytes behind the leading per-delivery sections; all of them where these are not whole. Shares memory with `bytes`. */
export function bareMessage(bytes: Buffer): Buffer {
  let start = 0;
  for (let end = endOfSection(bytes, start); end !== undefined; end = endOfSection(bytes, start)) start = end;
  return bytes.subarray(start);
}

/** Where the per-delivery section that begins at `start` ends; undefined where there is none. */
function endOfSection(bytes: Buffer, start: number): number | undefined {
  const descriptor = descriptorAt(bytes, start);
  if (descriptor === undefined) return undefined;
  const constructor = bytes[descriptor.end];
  if (constructor === undefined || PER_DELIVERY.get(descriptor.code)?.has(constructor) !== true)
    return undefined;
  const end = endOfCompound(bytes, descriptor.end + 1, constructor);
  return end !== undefined && end <= bytes.length ? end : undefined;
}

/** A described value's code, as `smallulong` or as `ulong`, and where the described value begins. */
function descriptorAt(
  bytes: Buffer,
  start: number,
): { readonly code: number; readonly end: number } | undefined {
  if (bytes[start] !== 0x00) return undefined;
  const code = bytes[start + 2];
  if (bytes[start + 1] === 0x53 && code !== undefined) return { code, end: start + 3 };
  if (bytes[start + 1] !== 0x80 || bytes.length < start + 10) return undefined;
  return { code: Number(bytes.readBigUInt64BE(start + 2)), end: start + 10 };
}

/** The end of a list or map whose size stands at `start`: none, one byte or four, by its constructor. */
function endOfCompound(bytes: Buffer, start: number, constructor: number): number | undefined {
  switch (constructor >> 4) {
    case 0x4:
      return start;
    case 0xc: {
      const size = bytes[start];
      return size === undefined ? undefined : start + 1 + size;
    }
    default:
      return bytes.length < start + 4 ? undefined : start + 4 + bytes.readUInt32BE(start);
  }
}
