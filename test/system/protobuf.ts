/** The wire format of Protocol Buffers, https://protobuf.dev/programming-guides/encoding: fields by number, meaning left to the reader. */

export interface Part {
  readonly field: number;
  /** A varint as number; everything else as its bytes. */
  readonly value: number | Buffer;
}

/** The fields of a message in the order in which they stand there. */
export function parts(message: Buffer): readonly Part[] {
  const found: Part[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at);
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(value);
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    if (at > message.length) throw new RangeError('a field is longer than its message');
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        found.push({ field, value: varint() });
        break;
      case 1:
        found.push({ field, value: take(8) });
        break;
      case 2:
        found.push({ field, value: take(varint()) });
        break;
      case 5:
        found.push({ field, value: take(4) });
        break;
      default:
        throw new RangeError(`a field of unknown kind ${tag % 8}`);
    }
  }
  return found;
}
