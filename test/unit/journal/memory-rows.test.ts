import { expect, test } from 'vitest';
import { NO_MEMORY } from '../../../srv/journal/port.ts';
import { forgettableFrom, memoryOf, memoryText } from '../../../srv/journal/postgres/memory-rows.ts';

test('the row of a lane is kept for as long as it remembers a field that a dead letter left unwritten', () => {
  const field = { id: 'T1', name: 'a', values: [1], position: 1 };
  expect(forgettableFrom(NO_MEMORY)).toBe(0);
  const unwritten = [
    { ...field, until: 2000 },
    { ...field, id: 'T2', until: 1000 },
  ];
  expect(forgettableFrom({ ...NO_MEMORY, unwritten })).toBe(2000);
});

test('and for as long as it remembers a record that one left undeleted', () => {
  const memory = { ...NO_MEMORY, undeleted: [{ id: '__proto__', etag: 'W/"2"', until: 4000 }] };
  expect(memoryOf(JSON.parse(memoryText(memory) ?? 'null'), {})).toEqual(memory);
  expect(forgettableFrom(memory)).toBe(4000);
});

test('the ETags of our own writes come back as they were stored, and keep the row for their time', () => {
  const memory = { ...NO_MEMORY, ownEtags: { until: 3000, etags: new Map([['__proto__', 'W/"2"']]) } };
  expect(memoryOf(JSON.parse(memoryText(memory) ?? 'null'), {})).toEqual(memory);
  expect(forgettableFrom(memory)).toBe(3000);
});
