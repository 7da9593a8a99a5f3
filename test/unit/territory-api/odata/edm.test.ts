import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromWire, toWire } from '../../../../srv/territory-api/odata/edm.ts';

describe('a value on its way to the API', () => {
  it.each([
    ['date', '2026-12-01', '/Date(1796083200000)/', '2026-12-01'],
    ['datetime', '2026-12-01', '/Date(1796083200000)/', '2026-12-01T00:00:00Z'],
    ['datetime', '2026-12-01T11:00:00+01:00', '/Date(1796119200000)/', '2026-12-01T10:00:00Z'],
    ['datetimeoffset', '2026-12-01T10:00:00.5Z', '/Date(1796119200500+0000)/', '2026-12-01T10:00:00.5Z'],
    [
      'datetimeoffset',
      '2015-02-03T21:07:03.5328420Z',
      '2015-02-03T21:07:03.532842Z',
      '2015-02-03T21:07:03.532842Z',
    ],
    ['datetime', '9999-12-31', '/Date(253402214400000)/', '9999-12-31T00:00:00Z'],
    ['time', '13:20', 'PT13H20M00S', '13:20:00'],
    ['decimal', 12.5, '12.5', 12.5],
    ['decimal', '12.50', '12.50', '12.50'],
    ['decimal', 1e21, '1000000000000000000000', 1e21],
    ['decimal', '0.12345678901234567890', '0.12345678901234567890', '0.12345678901234567890'],
    ['int64', 42, '42', 42],
    ['int64', '9223372036854775807', '9223372036854775807', '9223372036854775807'],
    ['int', '42', 42, 42],
    ['double', 0.1, '0.1', 0.1],
    ['boolean', 'true', true, true],
    ['string', 5, '5', '5'],
    ['date', null, null, null],
  ] as const)('of type %s, %j, is %j in V2 and %j in V4', (type, value, v2, v4) => {
    expect(toWire('v2', type, value)?.value).toBe(v2);
    expect(toWire('v4', type, value)?.value).toBe(v4);
  });

  it('says where it holds a number as text', () => {
    expect(toWire('v4', 'int64', '9223372036854775807')).toHaveProperty('exact', true);
    expect(toWire('v4', 'int64', '42')).not.toHaveProperty('exact');
  });

  it.each([
    ['date', '2026-02-30'],
    ['date', '2026-12-01T10:00:00Z'],
    ['date', 20261201],
    ['datetime', 'tomorrow'],
    ['time', '25:00'],
    ['int', 1.5],
    ['int', '9007199254740993'],
    ['decimal', '1,5'],
    ['decimal', true],
    ['guid', 'x'],
    ['boolean', 1],
  ] as const)('that is no %s (%j) is none', (type, value) => {
    expect(toWire('v2', type, value)).toBeUndefined();
    expect(toWire('v4', type, value)).toBeUndefined();
  });
});

describe('a value of the API', () => {
  it.each([
    ['date', '/Date(1796083200000)/', '2026-12-01'],
    ['date', '/Date(1796119200000)/', '2026-12-01T10:00:00'],
    ['datetime', '/Date(-1)/', '1969-12-31T23:59:59.999'],
    ['datetimeoffset', '/Date(1796119200500+0060)/', '2026-12-01T10:00:00.5Z'],
    ['time', 'PT13H5M', '13:05:00'],
    ['decimal', '12.50', '12.50'],
    ['int64', '42', 42],
    ['int64', '9223372036854775807', '9223372036854775807'],
    ['double', 'INF', 'INF'],
    [undefined, '/Date(1796083200000)/', '/Date(1796083200000)/'],
    ['date', '2026-12-01', '2026-12-01'],
    ['date', null, null],
  ] as const)('of type %s, %j, is %j', (type, value, expected) => {
    expect(fromWire(type, value)).toBe(expected);
  });

  it('comes back as the day it was sent as', () => {
    const days = fc.integer({ min: -719_000, max: 2_932_896 });
    fc.assert(
      fc.property(days, (day) => {
        const text = new Date(day * 86_400_000).toISOString().slice(0, 10);
        for (const form of ['v2', 'v4'] as const)
          expect(fromWire('date', toWire(form, 'date', text)?.value)).toBe(text);
      }),
    );
  });
});
