import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deadLetterMessage,
  readDeadLetterProperties,
  type DeadLetter,
} from '../../../srv/events/dead-letter.ts';
import { decodeHistory, encodeHistory, HISTORY_BYTES, type PathStep } from '../../../srv/events/history.ts';

const AT = Date.UTC(2026, 10, 22, 10);
const LETTER: DeadLetter = {
  deadLetterId: 'f3b6f5a0-1111-5222-8333-444455556666',
  decision: 0,
  reason: { code: 'CONFLICT_LIMIT', message: 'T001 was changed by others 6 times in 64 s' },
  change: { source: '/default/crm/prod', id: '7d0c' },
  territoryId: 'EMEA-NORTH',
  body: Buffer.from([0xff, 0, 1]),
  contentType: 'application/cloudevents+json; charset=utf-8',
  firstReceivedAt: AT,
  failedAt: AT + 64_000,
  attempts: 6,
  history: [
    { at: AT, step: 'sent', assignment: 'T001' },
    { at: AT + 1, step: 'conflict', assignment: 'T001', detail: '412' },
  ],
};

const step = (number: number): PathStep => ({
  at: AT + number,
  step: 'conflict',
  assignment: 'T001',
  detail: `no. ${number}`,
});

describe('a dead letter', () => {
  it('keeps the original bytes and says what became of them', () => {
    const message = deadLetterMessage(LETTER);
    expect(message.body).toBe(LETTER.body);
    expect(message).toMatchObject({ contentType: LETTER.contentType, messageId: LETTER.deadLetterId });
    expect(message.properties).toStrictEqual({
      deadLetterId: LETTER.deadLetterId,
      decision: 0,
      reason: 'CONFLICT_LIMIT',
      message: 'T001 was changed by others 6 times in 64 s',
      source: '/default/crm/prod',
      id: '7d0c',
      territoryId: 'EMEA-NORTH',
      firstReceivedAt: '2026-11-22T10:00:00.000Z',
      failedAt: '2026-11-22T10:01:04.000Z',
      attempts: 6,
      history: JSON.stringify([
        { at: '2026-11-22T10:00:00.000Z', step: 'sent', assignment: 'T001' },
        { at: '2026-11-22T10:00:00.001Z', step: 'conflict', assignment: 'T001', detail: '412' },
      ]),
    });
  });

  it('without a readable territory has no such property', () => {
    const { territoryId: _, contentType: __, ...rest } = LETTER;
    const message = deadLetterMessage(rest);
    expect(message.properties).not.toHaveProperty('territoryId');
    expect(message.contentType).toBe('application/octet-stream');
  });

  it('has a message of one line and at most 200 characters', () => {
    const reason = { code: 'API_ERROR', message: `a\n${'b'.repeat(500)}` } as const;
    const { message } = deadLetterMessage({ ...LETTER, reason }).properties;
    expect(message).toBe(`a ${'b'.repeat(197)}…`);
  });

  it('is read back from its properties, also where a tool made text of the numbers', () => {
    const { properties } = deadLetterMessage(LETTER);
    const { history, ...rest } = properties;
    const back = readDeadLetterProperties(properties);
    expect(back).toStrictEqual({ ...rest, history: JSON.parse(String(history)) as unknown });
    expect(readDeadLetterProperties({ ...properties, decision: '0', attempts: '6' })).toStrictEqual(back);
  });

  it('is recognised by its id alone', () => {
    const { deadLetterId } = LETTER;
    expect(readDeadLetterProperties({ deadLetterId })).toStrictEqual({ deadLetterId, history: [] });
    expect(
      readDeadLetterProperties({ deadLetterId, source: '/crm', decision: -1, history: '{' }),
    ).toStrictEqual({
      deadLetterId,
      history: [],
    });
    expect(readDeadLetterProperties({ source: '/crm', id: '1' })).toBeUndefined();
    expect(readDeadLetterProperties({ deadLetterId: 17 })).toBeUndefined();
  });
});

describe('the history of a dead letter', () => {
  it('is kept whole where it fits', () => {
    const steps = Array.from({ length: 20 }, (_, number) => step(number));
    expect(decodeHistory(encodeHistory(steps)).map(({ detail }) => detail)).toEqual(
      steps.map(({ detail }) => detail),
    );
  });

  it('gives up the oldest steps in the middle, and counts them', () => {
    const written = decodeHistory(encodeHistory(Array.from({ length: 500 }, (_, number) => step(number))));
    const [first, omitted, ...newest] = written;
    expect(first?.detail).toBe('no. 0');
    expect(omitted).toEqual({ step: 'omitted', detail: `${499 - newest.length} steps` });
    expect(newest.map(({ detail }) => detail)).toEqual(
      newest.map((_, place) => `no. ${500 - newest.length + place}`),
    );
    expect(newest.length).toBeGreaterThan(50);
  });

  it('has details of at most 200 characters', () => {
    const [written] = decodeHistory(encodeHistory([{ ...step(0), detail: 'd'.repeat(9000) }]));
    expect(written?.detail).toBe(`${'d'.repeat(199)}…`);
  });

  it('never has more than 8 kB, and is always JSON with the first and the newest step', () => {
    // Characters that take one, two, three, and (escaped) six bytes.
    const character = fc.constantFrom('x', '"', '€', '\u0001');
    const anyStep = fc
      .tuple(fc.nat(4e12), character, fc.nat(128), fc.nat(600))
      .map(([at, char, idLength, detailLength]): PathStep => {
        return { at, step: 'sent', assignment: char.repeat(idLength), detail: char.repeat(detailLength) };
      });
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 120, size: 'max' }), (steps) => {
        const text = encodeHistory(steps);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(HISTORY_BYTES);
        const written = decodeHistory(text);
        const at = (place: number) => new Date(steps.at(place)?.at ?? 0).toISOString();
        expect([written[0]?.at, written.at(-1)?.at]).toEqual([at(0), at(-1)]);
      }),
      { numRuns: 100 },
    );
  });
});
