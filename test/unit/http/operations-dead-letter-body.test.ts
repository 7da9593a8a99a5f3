import { describe, expect, it } from 'vitest';

import { deadLetterJson } from '../../../srv/http/operations/dead-letter-body.ts';
import type { DeadLetterDetail } from '../../../srv/operations/port.ts';

function letterWith(body: Buffer): DeadLetterDetail {
  return {
    id: '1',
    territoryId: null,
    changeId: 'c',
    source: '/crm',
    reason: 'INVALID_EVENT',
    message: 'm',
    failedAt: 0,
    attempts: 0,
    conflicts: 0,
    state: 'open',
    expiresAt: null,
    body,
    contentType: 'application/json',
    history: [],
    laterChanges: 0,
    decisions: [],
  };
}

const jsonOf = (payload: string | Buffer) => deadLetterJson(letterWith(Buffer.from(payload)));

describe('the payload of a dead letter', () => {
  it.each([
    '{"a":1}',
    '[]',
    '"text"',
    'null',
    '12',
    ' {"a" :\n 1}\n',
    '{"__proto__":{"a":1}}',
    '"\\ud800\\u0000"',
  ])('is JSON where it is JSON: %s', (payload) => {
    const body = JSON.parse(jsonOf(payload)) as Record<string, unknown>;
    expect(body['payload']).toEqual(JSON.parse(payload));
    expect(body).not.toHaveProperty('payloadBase64');
    expect(body).toMatchObject({ id: '1', decisions: [] });
  });

  it.each([
    ['an integer beyond 2^53', '{"quota":12345678901234567890}'],
    ['a name given twice', '{"id":"a","id":"b"}'],
    ['20,000 levels', '['.repeat(20_000) + ']'.repeat(20_000)],
  ])('is shown as it was written: %s', (_what, payload) => {
    expect(jsonOf(payload)).toContain(`"payload":${payload}`);
    expect(() => JSON.parse(jsonOf(payload)) as unknown).not.toThrow();
  });

  it('is the same with a byte order mark in front', () => {
    expect(JSON.parse(jsonOf('\ufeff{"a":1}'))).toMatchObject({ payload: { a: 1 } });
  });

  it.each([
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['cut off', Buffer.from('{"a":')],
    ['empty', Buffer.alloc(0)],
    ['not JSON alone', Buffer.from('{} {}')],
  ])('is base64 where it is %s', (_what, payload) => {
    expect(JSON.parse(jsonOf(payload))).toMatchObject({
      payload: null,
      payloadBase64: payload.toString('base64'),
    });
  });
});
