/**
 * How records are named on the wire. Ids and territories come from events: whatever characters they hold, they stay one
 * path segment, one list member, one OData literal. What no URL can hold is not addressable and never sent.
 */
import { isKeyOf, type KeyType } from '../events/assignment-key.ts';

const PLACEHOLDER = '{territoryId}';

/** True where each territory has a collection of its own. */
export function isPerTerritory(path: string): boolean {
  return path.includes(PLACEHOLDER);
}

/**
 * The path with the territory put in, percent-encoded; inside `'…'` also escaped as an OData string.
 * Undefined where the territory cannot stand in a path (`.` and `..` would be resolved away, lone surrogates have no encoding).
 */
export function expandPath(template: string, territoryId: string): string | undefined {
  if (!isPerTerritory(template)) return template;
  if (!territoryId.isWellFormed()) return undefined;
  const segment = encodeURIComponent(territoryId);
  const expanded = template
    .replaceAll(`'${PLACEHOLDER}'`, () => `'${segment.replaceAll("'", "''")}'`)
    .replaceAll(PLACEHOLDER, () => segment);
  return expanded.split('/').some((part) => part === '.' || part === '..') ? undefined : expanded;
}

/** An event's id as a key of the API. */
export interface KeyLiteral {
  /** As OData writes it in a URL, not yet percent-encoded. */
  readonly literal: string;
  /** As JSON holds it. */
  readonly value: string | number;
  /** The same for every spelling of one key: what answers are matched by. */
  readonly canonical: string;
}

/**
 * An id as a key of the given type; undefined where it is none.
 * Literals: OData 4.01 ABNF (a quote in a string is doubled; GUIDs and integers stand bare). Integers within ±(2^53 − 1).
 */
export function keyLiteral(type: KeyType, id: string): KeyLiteral | undefined {
  if (!isKeyOf(type, id)) return undefined;
  switch (type) {
    case 'string':
      return { literal: `'${id.replaceAll("'", "''")}'`, value: id, canonical: id };
    case 'guid':
      return { literal: id, value: id, canonical: id.toLowerCase() };
    case 'int': {
      // `+ 0`: the id "-0" is the key 0.
      const number = Number(id) + 0;
      return { literal: String(number), value: number, canonical: String(number) };
    }
  }
}

/** A key read from JSON in its canonical form; undefined where it is no key of that type. */
export function canonicalKey(type: KeyType, value: unknown): string | undefined {
  if (typeof value === 'number') return keyLiteral(type, String(value))?.canonical;
  return typeof value === 'string' ? keyLiteral(type, value)?.canonical : undefined;
}
