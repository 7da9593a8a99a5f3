/** Cursors of lists: the keys of the last item shown, opaque to whoever gets them. */
import { UnknownCursor, type Page } from '../operations/port.ts';

/** Text that `keysIn` reads; `list` keeps the cursors of different lists apart. */
export function cursorOf(list: string, keys: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify([list, ...keys])).toString('base64url');
}

/**
 * The keys that a cursor of this list holds; undefined without a cursor.
 * @param kinds what each key has to be
 * @throws UnknownCursor
 */
export function keysIn<const Kinds extends readonly ('string' | 'number')[]>(
  list: string,
  cursor: string | undefined,
  kinds: Kinds,
): Keys<Kinds> | undefined {
  if (cursor === undefined) return undefined;
  const [name, ...keys] = parsed(cursor);
  const fits = keys.length === kinds.length && kinds.every((kind, index) => typeof keys[index] === kind);
  if (name !== list || !fits) throw new UnknownCursor('The cursor is not one of this list.');
  return keys as Keys<Kinds>;
}

type Keys<Kinds extends readonly ('string' | 'number')[]> = {
  -readonly [Index in keyof Kinds]: Kinds[Index] extends 'string' ? string : number;
};

/** The page that begins here; one more item than the page takes tells that there is a next one. */
export function pageOf<T>(items: readonly T[], limit: number, cursor: (last: T) => string): Page<T> {
  const page = items.slice(0, limit);
  const last = page.at(-1);
  return { items: page, next: last !== undefined && items.length > limit ? cursor(last) : null };
}

function parsed(cursor: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
