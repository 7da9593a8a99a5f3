import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalKey, expandPath, keyLiteral } from '../../../srv/territory-api/address.ts';

describe('a territory in a path', () => {
  const template = '/api/territories/{territoryId}/assignments';

  it('stays one segment, whatever characters it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }), (territoryId) => {
        const path = expandPath(template, territoryId);
        if (path === undefined) {
          expect(['.', '..']).toContain(territoryId);
          return;
        }
        const segments = new URL(path, 'http://host').pathname.split('/');
        expect(segments).toHaveLength(5);
        expect(decodeURIComponent(segments[3] ?? '')).toBe(territoryId);
      }),
    );
  });

  it.each(['.', '..', '\uD800'])('that no path can hold (%j) is not addressable', (territoryId) => {
    expect(expandPath(template, territoryId)).toBeUndefined();
  });

  it('is escaped as a string where it stands in quotes', () => {
    expect(expandPath("/svc/Territories('{territoryId}')/members", "O'Hara/1")).toBe(
      "/svc/Territories('O''Hara%2F1')/members",
    );
  });

  it('is not read as a pattern of replacement', () => {
    expect(expandPath(template, "$&$'")).toBe("/api/territories/%24%26%24'/assignments");
  });

  it('changes nothing in a path without a place for it', () => {
    expect(expandPath('/assignments', '..')).toBe('/assignments');
  });
});

describe('a key literal', () => {
  it('of type string doubles quotes', () => {
    expect(keyLiteral('string', "O'Ha''ra")?.literal).toBe("'O''Ha''''ra'");
  });

  it('of type guid stands bare and is compared without case', () => {
    const id = '6F9619FF-8B86-D011-B42D-00CF4FC964FF';
    expect(keyLiteral('guid', id)).toEqual({ literal: id, value: id, canonical: id.toLowerCase() });
    expect(canonicalKey('guid', id.toLowerCase())).toBe(id.toLowerCase());
  });

  it('of type int is the same key in every spelling', () => {
    expect(keyLiteral('int', '007')).toEqual({ literal: '7', value: 7, canonical: '7' });
    expect(keyLiteral('int', '-0')).toEqual({ literal: '0', value: 0, canonical: '0' });
    expect(canonicalKey('int', 7)).toBe('7');
  });

  it.each([
    ['int', '9007199254740992'],
    ['int', '1e3'],
    ['int', '1) or (1 eq 1'],
    ['guid', 'T001'],
    ['guid', "6f9619ff-8b86-d011-b42d-00cf4fc964ff'"],
    ['string', 'a\uDC00'],
  ] as const)('of type %s cannot be made of %j', (type, id) => expect(keyLiteral(type, id)).toBeUndefined());
});
