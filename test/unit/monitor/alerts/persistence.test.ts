import { expect, test } from 'vitest';
import { conclusion, prolonged, type Spell } from '../../../../srv/monitor/alerts/persistence.ts';

const patience = { raiseAfterMs: 15_000, recoverAfterMs: 30_000 };

/** The conclusion after looks at these seconds. */
function after(...looks: readonly (readonly [number, 'bad' | 'good' | 'unknown'])[]): string {
  let spell: Spell = {};
  for (const [second, verdict] of looks) spell = prolonged(spell, verdict, second * 1000, patience);
  return conclusion(spell, (looks.at(-1)?.[0] ?? 0) * 1000, patience);
}

test('a hiccup raises nothing, what lasts does', () => {
  expect(after([0, 'bad'], [10, 'bad'])).toBe('keep');
  expect(after([0, 'bad'], [15, 'bad'])).toBe('raise');
});

test("a moment's respite is no recovery, and does not start the wait anew", () => {
  expect(after([0, 'bad'], [15, 'bad'], [20, 'good'])).toBe('keep');
  expect(after([0, 'bad'], [10, 'good'], [15, 'bad'])).toBe('raise');
});

test('it has recovered when it has been good for long', () => {
  expect(after([0, 'bad'], [15, 'bad'], [20, 'good'], [50, 'good'])).toBe('recover');
});

test('what is not known changes nothing', () => {
  expect(after([0, 'unknown'], [100, 'unknown'])).toBe('keep');
  expect(after([0, 'bad'], [15, 'unknown'])).toBe('raise');
  expect(after([0, 'good'], [30, 'unknown'])).toBe('recover');
});
