/** Keys and the two kinds of `$filter` that name records by key, as OData writes them in URLs. */
import { badRequest } from './protocol.ts';

export type KeyType = 'string' | 'guid' | 'int';

export interface EntityKey {
  /** Name of the key property. */
  readonly name: string;
  readonly type: KeyType;
}

/** V2 has a prefix and quotes around it. */
const V2_GUID = /^guid'(.*)'$/;
const GUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
/** A quoted string with doubled quotes inside, or a bare word; then what separates it from the next. */
const MEMBER = /\s*((?:guid)?'(?:[^']|'')*'|[^\s,()']+)\s*(,|$)/y;

/** A key literal as the id it stands for: `'O''Hara'` → `O'Hara`. */
export function keyOf(literal: string, { type }: EntityKey): string {
  switch (type) {
    case 'string':
      if (!/^'(?:[^']|'')+'$/.test(literal)) throw badRequest('a key of type string is written in quotes');
      return literal.slice(1, -1).replaceAll("''", "'");
    case 'guid': {
      const guid = V2_GUID.exec(literal)?.[1] ?? literal;
      if (!GUID.test(guid)) throw badRequest('a key of type guid is written without quotes');
      return guid.toLowerCase();
    }
    case 'int':
      if (!/^-?\d{1,19}$/.test(literal)) throw badRequest('a key of type int is a number');
      return String(BigInt(literal));
  }
}

/** A key in a JSON body. */
export function keyOfJson(value: unknown, { type, name }: EntityKey): string {
  if (type === 'int' && typeof value === 'number') return String(value);
  if (type !== 'int' && typeof value === 'string') return type === 'guid' ? value.toLowerCase() : value;
  throw badRequest(`${name} is missing or not of type ${type}`);
}

/** A key as JSON. */
export function keyToJson(id: string, { type }: EntityKey): string | number {
  return type === 'int' ? Number(id) : id;
}

/** What stands in `assignments(…)`: a literal, or `name=literal`. */
export function keyOfPredicate(predicate: string, key: EntityKey): string {
  const named = `${key.name}=`;
  return keyOf(predicate.startsWith(named) ? predicate.slice(named.length) : predicate, key);
}

/** The ids in `key in (a,b)` or in `key eq a or key eq b`; anything else is refused as not supported. */
export function idsOfFilter(filter: string, key: EntityKey): readonly string[] {
  const list = new RegExp(`^\\s*${key.name}\\s+in\\s+\\((.*)\\)\\s*$`, 's').exec(filter)?.[1];
  if (list !== undefined) return members(list).map((literal) => keyOf(literal, key));
  const equals = new RegExp(
    `\\s*${key.name}\\s+eq\\s+((?:guid)?'(?:[^']|'')*'|[^\\s,()']+)\\s*(?:or(?=\\s)|$)`,
    'y',
  );
  const ids: string[] = [];
  while (equals.lastIndex < filter.length) {
    const literal = equals.exec(filter)?.[1];
    if (literal === undefined)
      throw badRequest(`$filter must be "${key.name} in (…)" or "${key.name} eq … or …"`);
    ids.push(keyOf(literal, key));
  }
  return ids;
}

function members(list: string): readonly string[] {
  const found: string[] = [];
  MEMBER.lastIndex = 0;
  while (MEMBER.lastIndex < list.length) {
    const literal = MEMBER.exec(list)?.[1];
    if (literal === undefined) throw badRequest('the list in $filter is malformed');
    found.push(literal);
  }
  return found;
}
