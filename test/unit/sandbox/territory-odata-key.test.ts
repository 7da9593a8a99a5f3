import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idsOfFilter, keyOfPredicate } from '../../sandbox/territory-api/odata-key.ts';
import type { EntityKey } from '../../sandbox/territory-api/odata-key.ts';
import { listParameter, parameter } from '../../sandbox/territory-api/query.ts';

/** Of characters that mean something in URLs or in OData. */
const anyId = fc.string({
  minLength: 1,
  maxLength: 20,
  unit: fc.constantFrom(
    "'",
    ',',
    '(',
    ')',
    '=',
    ' ',
    '/',
    '?',
    '#',
    '%',
    '&',
    '+',
    ';',
    '\\',
    'a',
    'ü',
    '😀',
    '\n',
  ),
});
const key: EntityKey = { name: 'id', type: 'string' };

describe('a $filter by key', () => {
  it('names the records of a list or of a chain of comparisons', () => {
    expect(idsOfFilter("id in ('T001','T002')", key)).toEqual(['T001', 'T002']);
    expect(idsOfFilter("id eq 'T001' or id eq 'T002'", key)).toEqual(['T001', 'T002']);
    expect(idsOfFilter("id eq 'T001'", key)).toEqual(['T001']);
    expect(idsOfFilter('no in (1, 2)', { name: 'no', type: 'int' })).toEqual(['1', '2']);
  });

  it('gives back every id, whatever characters it has', () => {
    fc.assert(
      fc.property(fc.array(anyId, { minLength: 1, maxLength: 5 }), (ids) => {
        const quoted = ids.map((id) => `'${id.replaceAll("'", "''")}'`);
        expect(idsOfFilter(`id in (${quoted.join(',')})`, key)).toEqual(ids);
        expect(idsOfFilter(quoted.map((literal) => `id eq ${literal}`).join(' or '), key)).toEqual(ids);
        for (const [index, literal] of quoted.entries())
          expect(keyOfPredicate(literal, key)).toBe(ids[index]);
      }),
    );
  });

  it.each([
    "id+in+('T001')",
    'id in (T001)',
    "id in ('T001'",
    "owner eq 'T001'",
    "id eq 'a' and id eq 'b'",
    "id in ('a''')x",
    "id in ('a' 'b')",
  ])('that reads %j is refused', (filter) => {
    expect(() => idsOfFilter(filter, key)).toThrow();
  });

  it('takes a guid bare and in either case, an integer without leading zeros', () => {
    const guid = '7F0B8F6E-6c0e-5b57-9d0a-5a1f2f3c4d5e';
    expect(keyOfPredicate(guid, { name: 'id', type: 'guid' })).toBe(guid.toLowerCase());
    expect(keyOfPredicate('no=007', { name: 'no', type: 'int' })).toBe('7');
    expect(() => keyOfPredicate(`'${guid}'`, { name: 'id', type: 'guid' })).toThrow('guid');
  });
});

describe('a list of ids in a URL', () => {
  it('is split at literal commas; an encoded comma belongs to an id', () => {
    fc.assert(
      fc.property(fc.array(anyId, { minLength: 1, maxLength: 5 }), (ids) => {
        const query = `fields=id,etag&ids=${ids.map(encodeURIComponent).join(',')}`;
        expect(listParameter(query, 'ids')).toEqual(ids);
      }),
    );
  });

  it('may have a parameter name that came encoded, and must be well encoded itself', () => {
    expect(parameter('%24filter=a%20b', '$filter')).toBe('a b');
    expect(parameter('x=1', '$filter')).toBeUndefined();
    expect(() => parameter('x=%zz', 'x')).toThrow('percent');
  });
});
