import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bareMessage } from '../../../srv/mesh/bare-message.ts';

const BODY = Buffer.from('what the sender sent');
const header = (...fields: number[]): Buffer =>
  Buffer.of(0, 0x53, 0x70, 0xc0, fields.length + 1, fields.length, ...fields);
const annotations = Buffer.of(0, 0x53, 0x71, 0xc1, 0x06, 0x02, 0xa3, 0x01, 0x61, 0x50, 0x07);

describe('a message without what differs from delivery to delivery', () => {
  test.each([
    ['nothing in front of it', Buffer.alloc(0)],
    ['a short header', header(0x41, 0x50, 0x04, 0x40, 0x42)],
    ['an empty header', Buffer.of(0, 0x53, 0x70, 0x45)],
    [
      'a header with a long code and size',
      Buffer.of(0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x70, 0xd0, 0, 0, 0, 5, 0, 0, 0, 1, 0x41),
    ],
    ['delivery annotations', annotations],
    ['long delivery annotations', Buffer.of(0, 0x53, 0x71, 0xd1, 0, 0, 0, 4, 0, 0, 0, 0)],
    ['both', Buffer.concat([header(0x41), annotations])],
  ])('is what was sent, with %s', (_name, front) => {
    expect(bareMessage(Buffer.concat([front, BODY]))).toEqual(BODY);
  });

  test.each([
    ['another section', Buffer.of(0, 0x53, 0x72, 0xc1, 0x01, 0x00)],
    ['a header that is no list', Buffer.of(0, 0x53, 0x70, 0xa1, 0x01, 0x61)],
    ['a header cut short', Buffer.of(0, 0x53, 0x70, 0xc0, 0x20, 0x01)],
    ['a header without a value', Buffer.of(0, 0x53, 0x70)],
    ['a code cut short', Buffer.of(0, 0x80, 0, 0)],
  ])('keeps every byte where there is %s', (_name, bytes) => {
    expect(bareMessage(bytes)).toEqual(bytes);
  });

  test('is a tail of any bytes, and has no such section in front any more', () => {
    const byte = fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(0, 0x53, 0x70, 0x71, 0x80, 0x45, 0xc0, 0xc1, 0xd0, 0xd1),
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 40 }), (values) => {
        const bytes = Buffer.from(values);
        const bare = bareMessage(bytes);
        expect(bytes.subarray(bytes.length - bare.length)).toEqual(bare);
        expect(bareMessage(bare)).toEqual(bare);
      }),
    );
  });
});
