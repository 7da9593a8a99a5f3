/** How records of an OData collection are read: the URL, and keys, ETags and values in the answer. */
import type { Scalar } from '../../events/change.ts';
import { canonicalKey } from '../address.ts';
import { asObject } from '../api-error.ts';
import { readEtag } from '../classify.ts';
import type { ParsedPage, ReadDialect } from '../collection-read.ts';
import { pickFields } from '../read-groups.ts';
import type { Comparison } from '../port.ts';
import type { KeyType } from '../settings.ts';
import { queryText } from '../url-chunks.ts';
import { comparisonOf, fromWire } from './edm.ts';
import type { FieldTypes } from './metadata.ts';
import type { ODataVersion } from './version.ts';

/** What a collection is read by. */
export interface ReadBy {
  /** The key property, and its type. */
  readonly key: string;
  readonly keyType: KeyType;
  /** The property in the filter, and its type: the key itself, or what stands for it. */
  readonly property: string;
  readonly propertyType: KeyType;
  readonly types: FieldTypes;
  /** Told of every record read, where the filter is not by key. */
  readonly onKey?: (path: string, name: string, key: string) => void;
}

/** Addresses are literals of the filter. */
export function odataReads(version: ODataVersion, by: ReadBy): ReadDialect<string> {
  const { key, property, types } = by;
  const memberOf = (literal: string) => queryText(version.memberOf(property, literal));
  return {
    separator: queryText(version.separator),
    textOf: ({ address }) => memberOf(address),
    url(path, targets, fields, selection) {
      const members = targets
        .map(({ address }) => version.memberOf(property, address))
        .join(version.separator);
      const filter = `$filter=${queryText(version.filterOf(property, members))}`;
      const names = [...new Set([key, property, ...fields])].map(encodeURIComponent).join(',');
      const select = selection === 'all' ? '' : `&$select=${names}`;
      return `${path}?${filter}${select}${version.querySuffix}`;
    },
    parse(body, fields, path): ParsedPage | undefined {
      const page = version.pageOf(body);
      if (page === undefined) return undefined;
      const records = page.entities.map((entry) => {
        const record = asObject(entry);
        if (record === undefined) return undefined;
        const name = canonicalKey(by.propertyType, record[property]);
        const id = canonicalKey(by.keyType, record[key]);
        const etag = readEtag(version.etagOf(record));
        if (name === undefined || id === undefined || etag === undefined) return undefined;
        by.onKey?.(path, name, id);
        return { name, state: { found: true, etag, ...typed(pickFields(record, fields), types) } as const };
      });
      if (records.includes(undefined)) return undefined;
      return { records: records.filter((record) => record !== undefined), more: page.more };
    },
  };
}

function typed(fields: Readonly<Record<string, unknown>>, types: FieldTypes) {
  const values = Object.create(null) as Record<string, unknown>;
  const comparedAs = new Map<string, Comparison>();
  for (const [name, value] of Object.entries(fields)) {
    const type = types.get(name);
    values[name] = fromWire(type, value);
    const comparison = type && comparisonOf(type);
    if (comparison !== undefined) comparedAs.set(name, comparison);
  }
  return { fields: values as Readonly<Record<string, Scalar>>, ...(comparedAs.size > 0 && { comparedAs }) };
}
