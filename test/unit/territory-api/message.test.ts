import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanCode, cleanMessage, fieldValues } from '../../../srv/territory-api/message.ts';

describe('what is kept of a message of the API', () => {
  it('is one line of at most 200 characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (text) => {
        const cleaned = cleanMessage(text);
        expect(cleaned.length).toBeLessThanOrEqual(200);
        expect(cleaned).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        expect(cleaned.isWellFormed()).toBe(true);
      }),
    );
  });

  it('never holds a value that was sent, wherever it stands and however long it is', () => {
    const value = fc.string({ minLength: 3, maxLength: 400 }).filter((text) => text.trim().length > 2);
    fc.assert(
      fc.property(value, fc.string(), fc.string(), (secret, before, after) => {
        const cleaned = cleanMessage(`${before} '${secret}' ${after}`, fieldValues({ owner: secret }));
        const surroundings = cleanMessage(`${before} '…' ${after}`);
        if (!surroundings.includes(secret)) expect(cleaned).not.toContain(secret);
      }),
    );
  });

  it('does not hold the beginning of a value that the API has cut', () => {
    const secret = 'Rosalind Franklin, 14 Drayton Gardens';
    const cleaned = cleanMessage(
      `value 'Rosalind Franklin, 14 Dr...' is too long`,
      fieldValues({ name: secret }),
    );
    expect(cleaned).toBe(`value '…...' is too long`);
  });

  it('masks numbers and what JSON escapes', () => {
    const fields = { quota: 48_151_623, note: 'a "b" c' };
    expect(cleanMessage(String.raw`48151623 and a \"b\" c and a "b" c`, fieldValues(fields))).toBe(
      '… and … and …',
    );
  });

  it.each(['Bearer abc.def-123456', 'basic dXNlcjpwYXNz', 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln'])(
    'does not hold credentials: %s',
    (secret) => expect(cleanMessage(`token ${secret} is expired`)).toBe('token … is expired'),
  );

  it('is nothing of a text too long to be searched', () => {
    expect(cleanMessage(`secret ${'x'.repeat(20_000)}`, ['secret'])).toBe(
      '(a message of 20007 characters, left out)',
    );
  });

  it('keeps a code short and without blanks', () => {
    expect(cleanCode('VERSION CONFLICT')).toBe('VERSION_CONFLICT');
    expect(cleanCode('x'.repeat(100))).toHaveLength(64);
    expect(cleanCode('\u0000')).toBeUndefined();
  });
});
