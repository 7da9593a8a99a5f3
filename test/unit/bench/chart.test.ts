import { expect, test } from 'vitest';
import { chart } from '../../bench/runner/chart.ts';

const SIZE = { columns: 10, lines: 4 };

test('a chart shows a level over time, from 0 to its highest value', () => {
  const samples = [
    { atMs: 1000, value: 50 },
    { atMs: 2000, value: 100 },
    { atMs: 2500, value: 25 },
    { atMs: 3000, value: 25 },
  ];
  expect(chart('batch size', samples, SIZE)).toEqual([
    'batch size',
    '100 |     ##',
    ' 75 |     ##',
    ' 50 |#######',
    ' 25 |##########',
    '  0 +----------',
    '     0    2.0 s',
  ]);
});

test('a column shows the highest of its values, and the next one begins with the last', () => {
  const samples = [
    { atMs: 0, value: 1 },
    { atMs: 10, value: 4 },
    { atMs: 20, value: 2 },
    { atMs: 1000, value: 2 },
  ];
  expect(chart('', samples, { columns: 4, lines: 4 }).slice(1, 5)).toEqual([
    '4 |#',
    '3 |#',
    '2 |####',
    '1 |####',
  ]);
});

test('one sample is a chart, none is none, and a level of 0 draws nothing', () => {
  expect(chart('t', [{ atMs: 5, value: 3 }], { columns: 2, lines: 1 })[1]).toBe('3 |##');
  expect(chart('t', [], SIZE)).toEqual([]);
  expect(chart('t', [{ atMs: 5, value: 0 }], { columns: 2, lines: 1 })[1]).toBe('0 |');
});
