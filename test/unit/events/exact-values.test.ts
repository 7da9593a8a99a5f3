import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactMs, isoOf, isSameInstant, readInstant } from '../../../srv/events/instant.ts';
import { plainNumber } from '../../../srv/events/number-text.ts';

const same = (a: string, b: string) => {
  const [one, other] = [readInstant(a), readInstant(b)];
  return one !== undefined && other !== undefined && isSameInstant(one, other);
};

describe('an instant', () => {
  it.each([
    ['2026-12-01', '2026-12-01T00:00:00'],
    ['2026-12-01T10:00:00Z', '2026-12-01T11:00:00.000+01:00'],
    ['/Date(1796119200500)/', '2026-12-01T10:00:00.5Z'],
    ['2026-11-30T23:30:00-01:00', '2026-12-01T00:30Z'],
  ])('is the same as %s and as %s', (a, b) => {
    expect(same(a, b)).toBe(true);
  });

  it('is told from another that differs in the last digit', () => {
    expect(same('2015-02-03T21:07:03.5328420Z', '2015-02-03T21:07:03.5328421Z')).toBe(false);
  });

  it.each([
    '2026-02-29',
    '2026-13-01',
    '2026-12-01T24:00:00',
    'x',
    '',
    '2026-12-01T10:00:00+15:00',
    '/Date()/',
  ])('%j is none', (text) => {
    expect(readInstant(text)).toBeUndefined();
  });

  it('is the one that the platform reads', () => {
    const date = fc.date({
      noInvalidDate: true,
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T00:00:00Z'),
    });
    fc.assert(
      fc.property(date, (at) => {
        const instant = readInstant(at.toISOString());
        expect(instant && exactMs(instant)).toBe(at.getTime());
        expect(instant && Date.parse(`${isoOf(instant)}Z`)).toBe(at.getTime());
      }),
    );
  });
});

describe('a number as text', () => {
  it.each([
    ['012.50', '12.5'],
    ['-0.0', '0'],
    ['+.5', '0.5'],
    ['1e3', '1000'],
    ['12.5E-3', '0.0125'],
    ['0.1234567890123456789', '0.1234567890123456789'],
  ])('%s has one plain form, %s', (text, plain) => {
    expect(plainNumber(text)).toBe(plain);
  });

  it.each(['', '.', 'x', '1,5', '1e', '0x10', 'Infinity'])('%j is none', (text) => {
    expect(plainNumber(text)).toBeUndefined();
  });

  it('keeps the value of every double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(Number(plainNumber(String(number)))).toBe(number + 0);
      }),
    );
  });
});
