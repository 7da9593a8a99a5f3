import { describe, expect, test } from 'vitest';
import { refusal } from '../../../srv/mesh/publish-result.ts';

const topic = { kind: 'topic', name: 'my/ns/terr/ce/x' } as const;

describe('a rejection', () => {
  test.each([
    'amqp:resource-limit-exceeded',
    'amqp:not-found',
    'amqp:internal-error',
    'com.microsoft:server-busy',
  ])('that tells of the broker leaves the message unconfirmed: %s', (condition) => {
    expect(refusal({ condition, text: 'later' }, topic)).toEqual({
      kind: 'unconfirmed',
      reason: 'the broker refused for now: later',
    });
  });

  test.each(['amqp:link:message-size-exceeded', 'amqp:precondition-failed', 'amqp:decode-error'])(
    'that tells of the message is for good: %s',
    (condition) => {
      expect(refusal({ condition, text: 'no' }, topic)).toEqual({ kind: 'refused', condition, reason: 'no' });
    },
  );

  test('by the rules names the target and the rule to add', () => {
    const denied = { condition: 'amqp:not-allowed', text: 'denied' };
    expect(refusal(denied, topic)).toMatchObject({
      reason: expect.stringMatching(/my\/ns\/terr\/ce\/x.*topicRules/u) as string,
    });
    expect(refusal(denied, { kind: 'queue', name: 'q' })).toMatchObject({
      reason: expect.stringMatching(/queue q .*queueRules/u) as string,
    });
  });

  test('without a condition is for good, under a name of its own', () => {
    expect(refusal({ text: 'no' }, topic)).toEqual({
      kind: 'refused',
      condition: 'amqp:rejected',
      reason: 'no',
    });
  });
});
