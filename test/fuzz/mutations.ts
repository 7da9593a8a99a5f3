/**
 * Valid inputs made wrong as people, programs and lines make them wrong: cut off, flipped, doubled, nested, with keys given twice, huge
 * numbers, names of prototypes, half characters. Random bytes alone would hardly get past the first check.
 */
import fc from 'fast-check';

/** Deeper than any recursion gets. */
const DEEP = 20_000;

/** Values in JSON text that somewhere break something. */
const NASTY = [
  'null',
  'true',
  '[]',
  '{}',
  '""',
  '0',
  '-0',
  '-1',
  '0.1',
  '1e400',
  '-1e400',
  '1e-400',
  '9007199254740993',
  '123456789012345678901234567890',
  '"\\u0000"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\u2028"',
  '"\\r\\n"',
  '"__proto__"',
  '"constructor"',
  '"1.0"',
  '"../../etc"',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '[[[[]]]]',
  '"*"',
  '"W/\\"1\\""',
  `"${'x'.repeat(2_000)}"`,
  `[${'0,'.repeat(2_000)}0]`,
  `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`,
  `${'{"a":'.repeat(DEEP)}0${'}'.repeat(DEEP)}`,
];
const NASTY_KEYS = [
  '"__proto__":',
  '"constructor":',
  '"toString":',
  '"length":',
  '"":',
  '"\\ud800":',
  '"id":',
  '"data":',
  '"etag":',
  '"status":',
];

/** Places are fractions of the text's length, so that they shrink with it. */
const place = fc.double({ min: 0, max: 1, noNaN: true });
type Edit = (text: string) => string;

const at = (text: string, fraction: number): number => Math.floor(fraction * text.length);

/** Replaces one of the places that `pattern` matches. */
function atMatch(pattern: RegExp, fraction: number, replace: (found: string) => string): Edit {
  return (text) => {
    const matches = [...text.matchAll(pattern)];
    const match = matches[Math.min(matches.length - 1, Math.floor(fraction * matches.length))];
    if (match === undefined) return text;
    return text.slice(0, match.index) + replace(match[0]) + text.slice(match.index + match[0].length);
  };
}

/** As `JSON.stringify` writes them: without blanks around. */
const VALUE = /(?<=[:,[])(?:"(?:[^"\\]|\\.)*"(?!:)|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/gu;
const KEY = /(?<=[{,])"(?:[^"\\]|\\.)*":/gu;

const junk = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom(
    '\0',
    '\ud800',
    '\ufeff',
    '\r\n',
    '"',
    '}',
    ']',
    ',',
    ':',
    '--',
    'é',
    '😀',
    "'",
    '%',
    '\u2028',
  ),
);

const textEdit: fc.Arbitrary<Edit> = fc.oneof(
  place.map(
    (end): Edit =>
      (text) =>
        text.slice(0, at(text, end)),
  ),
  fc.tuple(place, junk).map(
    ([where, what]): Edit =>
      (text) =>
        text.slice(0, at(text, where)) + what + text.slice(at(text, where)),
  ),
  fc.tuple(place, place).map(
    ([a, b]): Edit =>
      (text) =>
        text.slice(0, at(text, a)) + text.slice(at(text, b)),
  ),
);

const jsonEdit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .tuple(place, fc.constantFrom(...NASTY))
      .map(([where, value]) => atMatch(VALUE, where, () => value)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(place, fc.constantFrom(...NASTY_KEYS))
      .map(([where, key]) => atMatch(KEY, where, () => key)),
  },
  // A key given twice.
  {
    weight: 2,
    arbitrary: fc
      .tuple(place, fc.constantFrom(...NASTY))
      .map(([where, value]) => atMatch(KEY, where, (key) => `${key}${value},${key}`)),
  },
  {
    weight: 1,
    arbitrary: fc.nat(DEEP).map(
      (levels): Edit =>
        (text) =>
          '['.repeat(levels) + text + ']'.repeat(levels),
    ),
  },
);

function edited(valid: fc.Arbitrary<string>, edits: fc.Arbitrary<Edit>): fc.Arbitrary<string> {
  return fc
    .tuple(valid, fc.array(edits, { maxLength: 4 }))
    .map(([text, list]) => list.reduce((now, edit) => edit(now), text));
}

/** JSON text that was valid: mostly still JSON, with other content. */
export const wrongJson = (valid: fc.Arbitrary<unknown>): fc.Arbitrary<string> => {
  const text = valid.map((value) => JSON.stringify(value));
  return edited(text, fc.oneof({ weight: 4, arbitrary: jsonEdit }, { weight: 1, arbitrary: textEdit }));
};

/** Any text that was valid. */
export const wrongText = (valid: fc.Arbitrary<string>): fc.Arbitrary<string> => edited(valid, textEdit);

/** A value as a careless program might hold it, where another was expected. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({ withDate: true, withBigInt: true, withMap: true, withNullPrototype: true, maxDepth: 3 }),
  fc.constantFrom(...NASTY).map((text): unknown => JSON.parse(text)),
);

/** A value of JSON that was valid; what is no JSON any more is left out. */
export const wrongValue = (valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  wrongJson(valid).map((text): unknown => {
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return null;
    }
  });

/** Bytes of valid ones: cut off, flipped, doubled, with others in between. */
export function wrongBytes(valid: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  type ByteEdit = (bytes: Buffer) => Buffer;
  const where = (bytes: Buffer, fraction: number): number => Math.floor(fraction * bytes.length);
  const edit: fc.Arbitrary<ByteEdit> = fc.oneof(
    place.map(
      (end): ByteEdit =>
        (bytes) =>
          bytes.subarray(0, where(bytes, end)),
    ),
    fc.tuple(place, fc.integer({ min: 1, max: 255 })).map(([spot, mask]): ByteEdit => (bytes) => {
      const flipped = Buffer.from(bytes);
      const index = where(bytes, spot);
      if (index < flipped.length) flipped[index] = (flipped[index] ?? 0) ^ mask;
      return flipped;
    }),
    fc.tuple(place, fc.uint8Array({ maxLength: 6 })).map(
      ([spot, more]): ByteEdit =>
        (bytes) =>
          Buffer.concat([bytes.subarray(0, where(bytes, spot)), more, bytes.subarray(where(bytes, spot))]),
    ),
    fc.tuple(place, place).map(
      ([from, to]): ByteEdit =>
        (bytes) =>
          Buffer.concat([bytes, bytes.subarray(where(bytes, from), where(bytes, to))]),
    ),
  );
  return fc
    .tuple(valid, fc.array(edit, { maxLength: 4 }))
    .map(([bytes, edits]) => edits.reduce((now, one) => one(now), bytes));
}
