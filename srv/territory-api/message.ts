/**
 * What may be kept of a text that the API wrote: it may echo the values that we sent, or our own token, and then goes into logs,
 * outcome events and dead letters. So known values and credentials are masked before anything is cut.
 */
import type { Fields } from '../events/change.ts';

const MESSAGE_LIMIT = 200;
const CODE_LIMIT = 64;
/** A longer text is not worth searching; none of it is kept. */
const SEARCH_LIMIT = 16_384;
/** Shorter values would mask half of every sentence; they tell nobody anything either. */
const SHORTEST_VALUE = 3;
/** So many characters of a value betray it: an API may cut the value that it echoes. */
const ANCHOR_LENGTH = 12;

const CREDENTIALS = /\b(?:bearer|basic|digest)\s+[\w.~+/=-]{6,}|\beyJ[\w-]{6,}(?:\.[\w-]*){0,4}/gi;

/** The values of fields in the forms in which a text can echo them. */
export function fieldValues(fields: Fields): readonly string[] {
  const values = new Set<string>();
  for (const value of Object.values(fields)) {
    if (typeof value !== 'string' && typeof value !== 'number') continue;
    const text = String(value);
    if (text.length < SHORTEST_VALUE) continue;
    values.add(text);
    values.add(JSON.stringify(text).slice(1, -1));
  }
  return [...values];
}

/** The values of the fields of several records, each once. */
export function valuesOf(records: readonly { readonly fields: Fields }[]): readonly string[] {
  return [...new Set(records.flatMap(({ fields }) => fieldValues(fields)))];
}

/** One line of at most 200 characters, without control characters, credentials, or any of `values`. */
export function cleanMessage(text: string, values: readonly string[] = []): string {
  if (text.length > SEARCH_LIMIT) return `(a message of ${text.length} characters, left out)`;
  let masked = text;
  for (const value of [...values].sort((a, b) => b.length - a.length)) masked = mask(masked, value);
  return cut(
    masked
      .replace(CREDENTIALS, '…')
      .replace(/[\p{C}\p{Z}]+/gu, ' ')
      .trim(),
    MESSAGE_LIMIT,
  );
}

/** An error code of the API: at most 64 printable characters without blanks; undefined where nothing is left. */
export function cleanCode(code: string, values: readonly string[] = []): string | undefined {
  const cleaned = cut(cleanMessage(code, values).replace(/\s+/g, '_'), CODE_LIMIT);
  return cleaned === '' ? undefined : cleaned;
}

/** Replaces every place where `value`, or at least its beginning, stands in `text`. */
function mask(text: string, value: string): string {
  const anchor = value.slice(0, ANCHOR_LENGTH);
  let result = '';
  let from = 0;
  for (let at = text.indexOf(anchor); at !== -1; at = text.indexOf(anchor, from)) {
    let length = anchor.length;
    while (length < value.length && text[at + length] === value[length]) length += 1;
    result += `${text.slice(from, at)}…`;
    from = at + length;
  }
  return result + text.slice(from);
}

function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const head = text.slice(0, limit - 1);
  // Never half of a surrogate pair.
  return `${/[\uD800-\uDBFF]$/.test(head) ? head.slice(0, -1) : head}…`;
}
