import { expect, test } from 'vitest';
import { LockWaits } from '../../../srv/lanes/lock-waits.ts';

test('counts the tries of each lane in a row, and knows since when it has wanted the lock', () => {
  const waits = new LockWaits();
  expect([waits.refused('NORTH', 100), waits.refused('SOUTH', 150), waits.refused('NORTH', 200)]).toEqual([
    1, 1, 2,
  ]);
  expect(waits.taken('NORTH')).toBe(100);
  expect(waits.taken('NORTH')).toBeUndefined();
  expect(waits.refused('NORTH', 300)).toBe(1);
});

test('remembers 10,000 lanes: whoever has waited longest begins anew', () => {
  const waits = new LockWaits();
  for (let index = 0; index <= 10_000; index += 1) waits.refused(`T-${index}`, index);
  expect(waits.taken('T-0')).toBeUndefined();
  expect(waits.taken('T-1')).toBe(1);
});
