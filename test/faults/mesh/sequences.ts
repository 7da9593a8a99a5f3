/** The cells dealt out to sequences by a seed: each cell equally often, in random order, with what ends the layer at an end. */
import type { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';
import { possible, type Cell } from './cells.ts';
import { isTerminal } from './strikes.ts';

/** @throws {Error} where there are fewer sequences than blows that end the layer */
export function deal(sequences: number, times: number, chance: SeededRandom): readonly (readonly Cell[])[] {
  const deck = shuffled(Array.from({ length: times }, () => possible).flat(), chance);
  const starts = deck.filter(({ state }) => state === 'idle');
  const ends = deck.filter(isTerminal);
  if (ends.length > sequences)
    throw new Error(`${ends.length} blows end the layer, but there are ${sequences} sequences`);
  const others = deck.filter((cell) => cell.state !== 'idle' && !isTerminal(cell));
  return Array.from({ length: sequences }, (_, index) => [
    ...starts.filter((_cell, place) => place % sequences === index),
    ...others.filter((_cell, place) => place % sequences === index),
    ...ends.filter((_cell, place) => place === index),
  ]);
}

function shuffled<T>(values: readonly T[], chance: SeededRandom): readonly T[] {
  return values
    .map((value) => ({ value, rank: chance.fraction() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ value }) => value);
}
