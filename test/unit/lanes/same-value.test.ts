import { describe, expect, it } from 'vitest';
import { sameValue } from '../../../srv/lanes/same-value.ts';

describe('a value is as wanted', () => {
  it.each([
    ['number', 12.5, '12.50'],
    ['number', '12.50', 12.5],
    ['number', '9223372036854775807', '9223372036854775807.0'],
    ['instant', '2026-12-01', '2026-12-01T00:00:00'],
    ['instant', '2026-12-01T11:00:00+01:00', '2026-12-01T10:00:00Z'],
    ['caseless', '6F9619FF-8B86-D011-B42D-00CF4FC964FF', '6f9619ff-8b86-d011-b42d-00cf4fc964ff'],
    [undefined, 12.5, '12.50'],
    [undefined, null, undefined],
    ['instant', null, null],
  ] as const)('compared as %s: %j and %j', (comparedAs, wanted, current) => {
    expect(sameValue(wanted, current, comparedAs)).toBe(true);
  });

  it.each([
    ['number', '0.1234567890123456789', '0.1234567890123456788'],
    ['number', 0, null],
    ['number', 1, true],
    ['instant', '2026-12-01T10:00:00.0000001Z', '2026-12-01T10:00:00Z'],
    ['instant', 'soon', '2026-12-01'],
    ['instant', null, '2026-12-01'],
    // Without a known type a text is a text: its spelling may matter.
    [undefined, '12.5', '12.50'],
    [undefined, '2026-12-01T11:00:00+01:00', '2026-12-01T10:00:00Z'],
    [undefined, 0, ''],
  ] as const)('compared as %s, not: %j and %j', (comparedAs, wanted, current) => {
    expect(sameValue(wanted, current, comparedAs)).toBe(false);
  });
});
