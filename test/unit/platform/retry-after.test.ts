import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from '../../../srv/platform/retry-after.ts';

const LONGEST_MS = 7 * 24 * 3_600_000;
const NOW = Date.UTC(1994, 10, 6, 8, 49, 7);

describe('Retry-After', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7_000],
    ['99999999999', LONGEST_MS],
  ])('in seconds, %s, is a wait', (value, ms) => expect(parseRetryAfter(value, NOW, LONGEST_MS)).toBe(ms));

  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'as a date, %s, is a wait from now',
    (value) => expect(parseRetryAfter(value, NOW, LONGEST_MS)).toBe(30_000),
  );

  it('is never longer than who asks may wait, in seconds or as a date', () => {
    expect(parseRetryAfter('120', NOW, 60_000)).toBe(60_000);
    expect(parseRetryAfter('Mon, 07 Nov 1994 08:49:37 GMT', NOW, 60_000)).toBe(60_000);
  });

  it('in the past is no wait', () => {
    expect(parseRetryAfter('Sun, 06 Nov 1994 08:49:00 GMT', NOW, LONGEST_MS)).toBe(0);
  });

  it.each([
    undefined,
    '',
    'soon',
    '-5',
    '1.5',
    '1e3',
    'Sun, 99 Nov 1994 08:49:37 GMT',
    '2026-11-22T10:00:00Z',
  ])('that reads %s says nothing', (value) =>
    expect(parseRetryAfter(value, NOW, LONGEST_MS)).toBeUndefined(),
  );
});
