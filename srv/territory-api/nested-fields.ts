/**
 * Dotted field names of protocol `sales-cloud`: `extensions.region` is the member `region` of the object `extensions`, as SAP Sales
 * Cloud V2 holds a customer's own fields. A merge patch (RFC 7396) with the nested object leaves its other members as they are.
 */
import type { Fields, Scalar } from '../events/change.ts';

type Nested = { [name: string]: Scalar | Nested };

/** The fields as nested objects; undefined where one name is both a value and an object (`a` and `a.b`), or has an empty part. */
export function nestFields(fields: Fields): Readonly<Record<string, unknown>> | undefined {
  const root: Nested = emptyObject();
  for (const [name, value] of Object.entries(fields)) {
    const parts = name.split('.');
    const last = parts.pop() ?? '';
    if (last === '' || parts.includes('')) return undefined;
    let parent = root;
    for (const part of parts) {
      const child = (parent[part] ??= emptyObject());
      if (!isNested(child)) return undefined;
      parent = child;
    }
    if (Object.hasOwn(parent, last)) return undefined;
    parent[last] = value;
  }
  return root;
}

/** The fields of these names, as far as the record has them; made without a prototype. */
export function pickNested(
  record: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  const fields = Object.create(null) as Record<string, unknown>;
  for (const name of names) {
    const found = memberOf(record, name.split('.'));
    if (found !== undefined) fields[name] = found;
  }
  return fields;
}

function memberOf(value: unknown, parts: readonly string[]): unknown {
  let current = value;
  for (const part of parts) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined;
    current = (current as Readonly<Record<string, unknown>>)[part];
  }
  return current;
}

/** Without a prototype: a field may be called `__proto__`. */
function emptyObject(): Nested {
  return Object.create(null) as Nested;
}

function isNested(value: Scalar | Nested): value is Nested {
  return typeof value === 'object' && value !== null;
}
