import { describe, expect, test } from 'vitest';
import type { AlertRecord } from '../../../../srv/alerts/port.ts';
import { gone, HOLD_MS, kept, seen, told, type Sighting } from '../../../../srv/monitor/alerts/record.ts';

const sighting = (more: Partial<Sighting> = {}): Sighting => ({
  key: 'TerritorySyncX',
  eventType: 'TerritorySyncX',
  instance: 'one',
  detail: 'it is so',
  figures: {},
  mark: '',
  times: 0,
  updateEveryMs: 60_000,
  ...more,
});

/** Raised at 1000 and told. */
const raised = (more: Partial<Sighting> = {}): AlertRecord => {
  const record = told(seen(undefined, sighting(more), 1000), 1, 1000);
  if (!record) throw new Error('a raised alert is kept when it was told');
  return record;
};

test('a cause that is seen again and again is raised once', () => {
  const record = raised();
  expect(seen(record, sighting(), 2000)).toBe(record);
  expect(record).toMatchObject({ status: 'raised', version: 1, toldVersion: 1 });
});

test('news of a raised alert wait until an update is due, and add up', () => {
  const second = seen(raised({ times: 1 }), sighting({ times: 2 }), 2000);
  const third = seen(second, sighting({ times: 4 }), 3000);
  expect(second).toMatchObject({ version: 2, dueAt: 61_000, count: 3 });
  expect(third).toMatchObject({ version: 3, dueAt: 61_000, count: 7 });
});

test('a recovery need not wait', () => {
  expect(gone(raised(), 'one', 2000)).toMatchObject({ status: 'recovered', version: 2, dueAt: 2000 });
});

test('a recovery that was told leaves nothing; one that was not is kept', () => {
  const over = gone(raised(), 'one', 2000);
  expect(told(over, 2, 3000)).toBeUndefined();
  expect(told(over, 1, 3000)).toMatchObject({ status: 'recovered', version: 2, toldVersion: 1 });
});

test('what was raised again before its recovery was told is one alert still', () => {
  const again = seen(gone(raised(), 'one', 2000), sighting(), 3000);
  expect(again).toMatchObject({ status: 'raised', version: 3, toldVersion: 1, raisedAt: 3000 });
});

describe('With several instances', () => {
  const both = seen(raised(), sighting({ instance: 'two' }), 2000);

  test('the second that sees it raises nothing', () => {
    expect(both).toMatchObject({ version: 1 });
    expect(Object.keys(both.holders)).toEqual(['one', 'two']);
  });

  test('it has recovered when the last of them sees it gone', () => {
    const one = gone(both, 'one', 3000);
    expect(one.status).toBe('raised');
    expect(gone(one, 'one', 3500)).toBe(one);
    expect(gone(one, 'two', 4000).status).toBe('recovered');
  });

  test('one that died has no say after a while, and one that lives keeps it', () => {
    expect(gone(both, 'one', 2000 + HOLD_MS).status).toBe('recovered');
    const later = kept(both, 'two', 2000 + HOLD_MS / 2 + 1);
    expect(gone(later, 'one', 2000 + HOLD_MS).status).toBe('raised');
  });
});
