import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { InboundMessage } from '../../../srv/events/inbound.ts';
import {
  ATTRIBUTES,
  binary,
  CONTEXT,
  messageOf,
  plain,
  read,
  readable,
  structured,
  TYPE,
} from './sample-events.ts';

/** Well-formed text without NUL, in every script; `grapheme` strings hold characters of several code units. */
const sound = (maxLength: number) =>
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength })
    .filter((text) => text.length <= maxLength && !text.includes('\0'));

const scalar = fc.oneof(
  sound(40),
  fc.constant(''),
  fc.boolean(),
  fc.constant(null),
  fc.maxSafeInteger(),
  fc.double({ min: -1e15, max: 1e15, noNaN: true }).map((value) => (value === 0 ? 0 : value)),
);

const fieldName = fc.oneof(
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.]{0,20}$/),
  fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty'),
);

/** Pairs, not an object: `__proto__` must arrive as a field. */
const fields = fc.uniqueArray(fc.tuple(fieldName, scalar), { selector: ([name]) => name, maxLength: 6 });

const assignment = fc.record(
  { id: sound(128), operation: fc.constantFrom('update', 'create', 'delete'), fields, before: fields },
  { requiredKeys: ['id', 'operation', 'fields'] },
);

const content = fc.record({
  territoryId: sound(100),
  assignments: fc.array(assignment, { minLength: 1, maxLength: 8 }),
  relatedTo: fc.array(sound(100), { maxLength: 20 }),
});

type Content = typeof content extends fc.Arbitrary<infer T> ? T : never;

/** JSON text of `data`, with fields written by hand so that `__proto__` stays a member. */
function textOf({ territoryId, assignments, relatedTo }: Content): string {
  const list = assignments.map(({ id, operation, fields: set, before }) => {
    const parts = [`"id":${JSON.stringify(id)}`, `"operation":"${operation}"`, `"fields":${objectOf(set)}`];
    if (before) parts.push(`"before":${objectOf(before)}`);
    return `{${parts.join(',')}}`;
  });
  return `{"territoryId":${JSON.stringify(territoryId)},"assignments":[${list.join(',')}],"relatedTo":${JSON.stringify(relatedTo)}}`;
}

function objectOf(pairs: readonly (readonly [string, unknown])[]): string {
  return `{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
}

const identity = fc.record({ id: sound(256), source: sound(512) });

const property = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.boolean(),
  fc.date(),
  fc.constant(null),
);
const attribute = fc.constantFrom(
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'time',
  'sequence',
  'deadLetterId',
);
const properties = fc.dictionary(
  fc
    .tuple(fc.constantFrom('', 'cloudEvents:', 'cloudEvents_', 'CLOUDEVENTS_'), attribute)
    .map((parts) => parts.join('')),
  property,
);
const contentType = fc.constantFrom(
  undefined,
  'application/json',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
  'text/plain',
);

/** Always an answer that can be stored and published: bounded, sound, without surprises. */
function expectSafe(message: InboundMessage): void {
  const parsed = read(message);
  expect(read(message)).toEqual(parsed);
  expect(parsed.digest).toMatch(/^[0-9a-f]{64}$/);
  const { source, id } = parsed.kind === 'change' ? parsed.change : parsed.ref;
  for (const [text, limit] of [[source, 512] as const, [id, 256] as const]) {
    expect(text.length).toBeGreaterThan(0);
    expect(text.length).toBeLessThanOrEqual(limit);
    expect(text.isWellFormed() && !text.includes('\0')).toBe(true);
  }
  if (parsed.kind === 'unreadable') {
    expect(parsed.message.length).toBeLessThanOrEqual(200);
    expect(parsed.action.length).toBeLessThanOrEqual(200);
  }
}

describe('whatever arrives, reading it ends with an answer', () => {
  it('for any bytes, content type, message-id and properties', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        contentType,
        fc.option(fc.string({ unit: 'binary', maxLength: 300 }), { nil: undefined }),
        properties,
        (bytes, type, messageId, given) => {
          expectSafe({ body: Buffer.from(bytes), contentType: type, messageId, properties: given });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('for any JSON', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), contentType, properties, (json, type, given) => {
        expectSafe(messageOf(json, { contentType: type, messageId: 'm-1', properties: given }));
      }),
      { numRuns: 300 },
    );
  });

  it('for a good event in which one part is anything', () => {
    const part = fc.constantFrom(
      'specversion',
      'id',
      'source',
      'type',
      'subject',
      'time',
      'sequence',
      'data',
    );
    fc.assert(
      fc.property(part, fc.jsonValue({ maxDepth: 3 }), (name, value) =>
        expectSafe(structured({ [name]: value })),
      ),
      { numRuns: 300 },
    );
  });
});

describe('any valid change', () => {
  it('comes out as it went in, in every form, with one digest', () => {
    fc.assert(
      fc.property(content, identity, (data, { id, source }) => {
        const text = textOf(data);
        const event = { ...ATTRIBUTES, id, source };
        const header = JSON.stringify(event).slice(0, -1);
        const forms = [
          messageOf(`${header},"data":${text}}`, { contentType: 'application/cloudevents+json' }),
          messageOf(`${header},"data_base64":"${Buffer.from(text).toString('base64')}"}`),
          { ...binary({}, event), body: Buffer.from(text) },
          { ...binary({}, event, 'cloudEvents:'), body: Buffer.from(text) },
          { ...plain({}, { messageId: id }), body: Buffer.from(text) },
        ].map(readable);

        for (const [index, { change, digest }] of forms.entries()) {
          const isPlain = index === forms.length - 1;
          expect(change).toMatchObject({ id, source: isPlain ? CONTEXT.queue : source, type: TYPE });
          expect(change.territoryId).toBe(data.territoryId);
          expect(change.relatedTo).toEqual(data.relatedTo);
          expect(
            change.assignments.map(({ fields: set, before, ...rest }) => ({
              ...rest,
              fields: Object.entries(set),
              ...(before && { before: Object.entries(before) }),
            })),
          ).toEqual(
            data.assignments.map((one) => (one.operation === 'delete' ? { ...one, fields: [] } : one)),
          );
          expect(digest).toBe(forms[0]?.digest);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('has the digest of no other', () => {
    fc.assert(
      fc.property(content, content, (one, other) => {
        const [a, b] = [one, other].map((data) => readable(messageOf(textOf(data), { messageId: 'm' })));
        const meaning = ({ change }: NonNullable<typeof a>) =>
          JSON.stringify([change.territoryId, change.assignments, change.relatedTo]);
        if (a && b && meaning(a) !== meaning(b)) expect(a.digest).not.toBe(b.digest);
      }),
      { numRuns: 100 },
    );
  });
});
