/**
 * JSON that the territory API wrote. Made of nothing but empty structures, a text takes forty times its length once it is parsed (measured:
 * 16 MB become 690 MB): more than a container has. Such a text is no answer.
 */

/** Structures that an answer may hold: a thousand records with hundreds each. */
const STRUCTURES_LIMIT = 500_000;
/** A text so short is parsed without counting. */
const HARMLESS_LENGTH = 1_000_000;

/** The text's value; undefined for what does not parse (HTML, nothing, half of an answer), or would take too much memory. */
export function jsonIn(text: string): unknown {
  if (text.length > HARMLESS_LENGTH && hasTooManyStructures(text)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Counts also those that are only characters of a string: so many of them are no value either. */
function hasTooManyStructures(text: string): boolean {
  let structures = 0;
  for (let index = 0; index < text.length && structures <= STRUCTURES_LIMIT; index += 1) {
    const character = text.codePointAt(index);
    if (character === OBJECT || character === LIST) structures += 1;
  }
  return structures > STRUCTURES_LIMIT;
}

const OBJECT = 0x7b;
const LIST = 0x5b;
