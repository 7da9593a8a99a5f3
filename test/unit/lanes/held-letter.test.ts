import { describe, expect, it } from 'vitest';
import { knownSteps, readLetter } from '../../../srv/lanes/held-letter.ts';
import { eventBytes, FAILED_AT, INBOUND, letterMessage, plainMessage } from './letters.ts';

const NOW = FAILED_AT + 60_000;

describe('A message on the dead-letter queue', () => {
  it('of ours says all that is known of it', () => {
    const message = letterMessage('a');
    expect(readLetter(message, NOW, INBOUND)).toEqual({
      id: 'letter of a',
      decision: 0,
      ref: { source: '/crm', id: 'a' },
      territoryId: 'NORTH',
      reason: 'CONFLICT_LIMIT',
      message: 'changed by others',
      failedAt: FAILED_AT,
      firstReceivedAt: FAILED_AT - 1000,
      seenAt: NOW,
      attempts: 6,
      conflicts: 5,
      placed: true,
      position: 4711,
      history: [{ at: '2026-11-22T09:59:59.990Z', step: 'conflict', assignment: 'T1', detail: '412' }],
      body: message.body,
      contentType: 'application/cloudevents+json',
      original: message,
    });
  });

  it('of ours of which only the id is left is told from its bytes, as far as they tell', () => {
    const { body } = letterMessage('a');
    const message = { ...plainMessage(body), properties: { deadLetterId: 'the id' } };
    expect(readLetter(message, NOW, INBOUND)).toMatchObject({
      id: 'the id',
      ref: { source: '/crm', id: 'a' },
      territoryId: 'NORTH',
      reason: 'INVALID_EVENT',
      failedAt: undefined,
      // Whether later changes came is not known, so it is not taken for granted that none did.
      placed: true,
    });
  });

  it('of ours that could not be read never had a place, and a code of a newer version is not passed on', () => {
    const bad = { reason: { code: 'INVALID_EVENT', message: 'no JSON' }, body: Buffer.from('{') } as const;
    const { position: _, ...properties } = letterMessage('a', bad).properties;
    expect(readLetter({ ...letterMessage('a', bad), properties }, NOW, INBOUND)).toMatchObject({
      placed: false,
      position: undefined,
    });
    const newer = { ...letterMessage('a'), properties: { ...letterMessage('a').properties, reason: 'NEW' } };
    expect(readLetter(newer, NOW, INBOUND).reason).toBe('INVALID_EVENT');
  });

  it('that the broker moved there is listed with what can be read, under an id that stays', () => {
    const moved = readLetter(plainMessage(eventBytes('late', 'SOUTH')), NOW, INBOUND);
    expect(moved).toMatchObject({
      ref: { source: '/crm', id: 'late' },
      territoryId: 'SOUTH',
      reason: 'INVALID_EVENT',
      failedAt: undefined,
      placed: true,
    });
    expect(moved.message).toMatch(/time to live/);
    expect(readLetter(plainMessage(eventBytes('late', 'SOUTH')), NOW + 1, INBOUND).id).toBe(moved.id);
    const other = eventBytes('late', 'SOUTH', [{ id: 'T1', fields: { owner: 'another' } }]);
    expect(readLetter(plainMessage(other), NOW, INBOUND).id).not.toBe(moved.id);
  });

  it('that nobody can read is listed by its message-id', () => {
    const garbage = readLetter(plainMessage(Buffer.from([0xff, 0]), 'garbage'), NOW, INBOUND);
    expect(garbage).toMatchObject({
      ref: { source: 'work', id: 'garbage' },
      territoryId: undefined,
      reason: 'INVALID_EVENT',
      placed: false,
    });
  });
});

describe('A history read from a message', () => {
  it('keeps the steps that are known, and leaves out what stands for omitted ones', () => {
    const at = '2026-11-22T10:00:00.000Z';
    const history = [
      { at, step: 'sent' },
      { step: 'omitted', detail: '7 steps' },
      { at, step: 'invented' },
      { at: 'never', step: 'sent' },
      { at, step: 'conflict', assignment: 'T1', detail: '412' },
    ];
    expect(knownSteps(history)).toEqual([
      { at: FAILED_AT, step: 'sent' },
      { at: FAILED_AT, step: 'conflict', assignment: 'T1', detail: '412' },
    ]);
  });
});
