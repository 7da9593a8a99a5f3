/**
 * How what fails together is divided until the culprit stands alone. Into about as many parts as each then has records: a
 * part that fails is time lost, and of fifty records halving sends another fifty in vain, this one eleven.
 */

/** Parts of nearly equal size, in order: two at least. Of a single item: itself. */
export function divide<T>(items: readonly T[]): readonly (readonly T[])[] {
  const count = Math.ceil(Math.sqrt(items.length));
  const ends = Array.from({ length: count }, (_, index) => Math.ceil(((index + 1) * items.length) / count));
  return ends.map((end, index) => items.slice(ends[index - 1] ?? 0, end));
}
