/** Splitting a long list of ids over several URLs: servers and proxies refuse longer ones (414), often from 8 kB. */

/** Longest path with query, in characters (all ASCII): with 512 for the destination's own URL it stays below 7 kB. */
const URL_LIMIT = 7 * 1024 - 512;

/** A list of field names longer than this is left out of the URL: the API then answers with all fields. */
export const SELECTION_LIMIT = 3_000;

/** Percent-encodes a part of a query; quotes too, for the URL parser on the way to the wire would do so and make it longer. */
export function queryText(text: string): string {
  return encodeURIComponent(text).replaceAll("'", '%27');
}

/**
 * Splits `parts` into runs whose texts, joined by a separator, fit beside `fixedLength` other characters.
 * A part that fits nowhere gets a run of its own: the API's answer then judges it.
 */
export function chunkByLength<T>(
  parts: readonly T[],
  textOf: (part: T) => string,
  fixedLength: number,
  separatorLength: number,
): readonly (readonly T[])[] {
  const chunks: T[][] = [];
  let current: T[] = [];
  let length = fixedLength;
  for (const part of parts) {
    const added = textOf(part).length + separatorLength;
    if (current.length > 0 && length + added > URL_LIMIT) {
      chunks.push(current);
      current = [];
      length = fixedLength;
    }
    current.push(part);
    length += added;
  }
  if (current.length > 0) chunks.push(current);
  return chunks;
}
