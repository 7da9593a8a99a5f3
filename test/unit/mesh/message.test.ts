import type { IncomingMessage } from '@sap/xb-msg-amqp-v100';
import { describe, expect, test } from 'vitest';
import { normalise } from '../../../srv/mesh/message.ts';
import { transferOf, unsendable } from '../../../srv/mesh/outgoing-message.ts';
import type { OutgoingMessage } from '../../../srv/mesh/port.ts';

const incoming = (message: Partial<IncomingMessage>): IncomingMessage => ({
  source: null,
  payload: null,
  done: () => undefined,
  failed: () => undefined,
  ...message,
});
const bodyOf = (payload: NonNullable<IncomingMessage['payload']>): string =>
  normalise(incoming({ payload })).body.toString();

describe('a received message', () => {
  test('with nothing in it is readable', () => {
    for (const source of [null, {}, { header: null, properties: null }]) {
      expect(normalise(incoming({ source }))).toEqual({
        body: Buffer.alloc(0),
        properties: Object.create(null),
        deliveryCount: 0,
      });
    }
  });

  test('with a value that holds what JSON cannot is readable all the same', () => {
    const data = { count: 2n ** 60n, inner: { bytes: Buffer.from('x') } };
    expect(bodyOf({ type: 'amqp-1.0', data })).toBe('{"count":"1152921504606846976","inner":{"bytes":"x"}}');
  });

  test('of several data sections has all their bytes', () => {
    expect(bodyOf({ chunks: [Buffer.from('ab'), Buffer.from('c')], type: 'text/plain' })).toBe('abc');
    expect(bodyOf({ chunks: null })).toBe('');
  });

  test.each([
    ['text', 'Zürich', 'Zürich'],
    ['bytes', Buffer.from('x'), 'x'],
    ['null', null, ''],
    ['a number', 5, '5'],
    ['a list', [1, 'a', null], '[1,"a",null]'],
    ['a map', new Map<unknown, unknown>([['a', new Map([[1, true]])]]), '{"a":{"1":true}}'],
    ['a time', new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ])('with %s as AMQP value has its text as body', (_name, data, text) => {
    expect(bodyOf({ type: 'amqp-1.0', data, chunks: [Buffer.from('raw')] })).toBe(text);
  });

  test('whose value is nested without end is cut, not followed', () => {
    const endless: unknown[] = [];
    endless.push(endless);
    expect(bodyOf({ type: 'amqp-1.0', data: endless }).length).toBeLessThan(1_000);
  });

  test('keeps simple properties, gives others as text, and has no prototype among them', () => {
    const properties = {
      a: 'x',
      b: 1.5,
      c: false,
      d: null,
      e: new Date(5),
      f: Buffer.from('y'),
      g: Number.NaN,
      h: '18446744073709551615',
    };
    const read = normalise(incoming({ payload: { properties } })).properties;
    expect(Object.getPrototypeOf(read)).toBeNull();
    expect({ ...read }).toEqual({ ...properties, f: 'y', g: 'NaN' });
    expect('toString' in read).toBe(false);
  });

  test('has its ids as text, whatever AMQP type they were', () => {
    const uuid = Object.assign(Buffer.from('00112233445566778899aabbccddeeff', 'hex'), {
      [Symbol('type')]: 0x98,
    });
    const idOf = (messageID: unknown): string | undefined =>
      normalise(incoming({ source: { properties: { messageID } } })).messageId;
    expect([idOf('a'), idOf(7), idOf(uuid), idOf(Buffer.from('b')), idOf(null)]).toEqual([
      'a',
      '7',
      '00112233-4455-6677-8899-aabbccddeeff',
      'b',
      undefined,
    ]);
  });

  test('counts earlier deliveries only where the broker told a number', () => {
    const countOf = (deliveryCount: number | null): number =>
      normalise(incoming({ source: { header: { deliveryCount } } })).deliveryCount;
    expect([countOf(3), countOf(null), countOf(-1)]).toEqual([3, 0, 0]);
  });
});

describe('a message to send', () => {
  const message: OutgoingMessage = {
    to: { kind: 'topic', name: 'a/b' },
    body: Buffer.from('x'),
    contentType: 'application/json',
  };

  test('is durable, and names its target only where the link does not', () => {
    expect(transferOf(message, undefined).target).toEqual({
      header: { durable: true },
      properties: { contentType: 'application/json' },
    });
    expect(transferOf({ ...message, messageId: 'm' }, 'topic:a/b').target.properties).toMatchObject({
      to: 'topic:a/b',
      messageID: 'm',
    });
  });

  test('that the library could not encode is found out before', () => {
    expect(unsendable(message)).toBeUndefined();
    expect(unsendable({ ...message, contentType: 'täxt' })).toContain('content type');
    expect(unsendable({ ...message, properties: { n: Infinity } })).toContain('property n');
    expect(unsendable({ ...message, to: { kind: 'queue', name: '' } })).toContain('queue');
  });
});
