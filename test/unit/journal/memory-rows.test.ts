import { expect, test } from 'vitest';
import { NO_MEMORY } from '../../../srv/journal/port.ts';
import { forgettableFrom } from '../../../srv/journal/postgres/memory-rows.ts';

test('the row of a lane is kept for as long as it remembers a field that a dead letter left unwritten', () => {
  const field = { id: 'T1', name: 'a', values: [1], position: 1 };
  expect(forgettableFrom(NO_MEMORY)).toBe(0);
  const unwritten = [
    { ...field, until: 2000 },
    { ...field, id: 'T2', until: 1000 },
  ];
  expect(forgettableFrom({ ...NO_MEMORY, unwritten })).toBe(2000);
});
