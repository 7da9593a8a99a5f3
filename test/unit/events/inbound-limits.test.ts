import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readChange } from '../../../srv/events/inbound.ts';
import type { InboundContext, InboundMessage } from '../../../srv/events/inbound.ts';
import {
  ATTRIBUTES,
  binary,
  CONTEXT,
  DATA,
  messageOf,
  plain,
  read,
  readable,
  structured,
  TYPE,
  unreadable,
} from './sample-events.ts';

const SECRET = 'E1008-secret';

/** One assignment, the rest as in the sample. */
const withAssignment = (assignment: unknown) => structured({ data: { ...DATA, assignments: [assignment] } });
const withFields = (fields: unknown) => withAssignment({ id: 'T001', fields });
/** JSON text that JSON.stringify cannot write. */
const withValue = (text: string) =>
  messageOf(`{"territoryId":"X","assignments":[{"id":"1","fields":{"quota":${text}}}]}`, { messageId: 'm' });
const manyFields = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, n]));
const manyAssignments = (count: number) =>
  structured({
    data: { ...DATA, assignments: Array.from({ length: count }, (_, n) => ({ id: `T${n}`, fields: {} })) },
  });

describe('a body that is no event is refused, and the reason says where', () => {
  it.each<[string, InboundMessage, string]>([
    ['empty', messageOf(''), 'The body is empty'],
    ['blank', messageOf(' \n'), 'The body is empty'],
    ['cut off', messageOf('{"id":"1'), 'The body is not JSON'],
    ['broken inside', messageOf('{"id" 1}'), 'The body is not JSON (at character 6)'],
    ['two values', messageOf('{} {}'), 'The body is not JSON (at character 3)'],
    ['a raw NUL', messageOf('{"id":"\0"}'), 'The body is not JSON'],
    ['Latin-1', messageOf(Buffer.from('{"id":"ü"}', 'latin1')), 'The body is not UTF-8'],
    ['UTF-16', messageOf(Buffer.from('\ufeff{}', 'utf16le')), 'The body is not UTF-8'],
    ['null', plain(null), 'The event has no data'],
    ['a number', plain(17), 'data must be a JSON object'],
    ['an array', plain([]), 'data must be a JSON object'],
    ['a text', plain('text'), 'The body is not JSON'],
    [
      'an event that is an array',
      messageOf('[]', { contentType: 'application/cloudevents+json' }),
      'not a JSON object',
    ],
    ['no data', structured({ data: undefined }), 'The event has no data'],
    ['data null', structured({ data: null }), 'The event has no data'],
    ['data as text', structured({ data: '{}' }), 'data must be a JSON object'],
    ['data twice', structured({ data_base64: 'e30=' }), 'data and data_base64 are both there'],
    ['no base64', structured({ data: null, data_base64: 'e30' }), 'data_base64 is not a base64 string'],
    ['base64 of no JSON', structured({ data: null, data_base64: 'e30x' }), 'data_base64 is not JSON'],
    [
      'encoded object',
      structured({ specversion: '0.3', datacontentencoding: 'base64' }),
      'data is not a base64 string',
    ],
    [
      'a batch',
      messageOf('[]', { contentType: 'application/cloudevents-batch+json' }),
      'is a batch of CloudEvents',
    ],
    [
      'XML',
      messageOf('<e/>', { contentType: 'application/cloudevents+xml' }),
      'is a batch of CloudEvents or not JSON',
    ],
    ['no envelope', messageOf('{}', { contentType: 'application/cloudevents+json' }), 'specversion must be'],
    [
      'plain without message-id',
      messageOf(JSON.stringify(DATA)),
      'neither a CloudEvents envelope nor a message-id',
    ],
  ])('%s', (_what, message, reason) => {
    const parsed = unreadable(message);
    expect(parsed.code).toBe('INVALID_EVENT');
    expect(parsed.message).toContain(reason);
  });

  it('a megabyte is read, a byte more is too large', () => {
    const note = (length: number) => structured({ data: { ...DATA, note: 'x'.repeat(length) } });
    const length = 1_048_576 - note(0).body.length;
    expect(read(note(length)).kind).toBe('change');
    expect(unreadable(note(length + 1))).toMatchObject({
      code: 'TOO_LARGE',
      message: 'The body has 1048577 bytes, at most 1048576 are allowed.',
    });
  });

  it('depth costs neither the stack nor time', () => {
    const deep = '['.repeat(500_000) + ']'.repeat(500_000);
    expect(unreadable(messageOf(deep, { messageId: 'm' })).message).toContain('data must be a JSON object');
    expect(unreadable(withValue('['.repeat(20_000) + ']'.repeat(20_000))).message).toContain(
      'quota must be a string',
    );
    const objects = '{"a":'.repeat(20_000) + '1' + '}'.repeat(20_000);
    const ignored = `{"territoryId":"X","assignments":[{"id":"1","fields":{}}],"note":${objects}}`;
    expect(readable(messageOf(ignored, { messageId: 'm' })).change.territoryId).toBe('X');
  });
});

describe('an envelope is refused', () => {
  it.each<[string, InboundMessage, string]>([
    ['of version 0.1', structured({ specversion: '0.1' }), 'specversion must be "1.0", "0.3" or "0.2"'],
    ['with the version as number', structured({ specversion: 1 }), 'specversion must be'],
    [
      'without version, in properties',
      binary(DATA, { id: '1', source: 's', type: TYPE }),
      'specversion must be',
    ],
    ['without id', structured({ id: undefined }), 'id must be a string of 1 to 256 characters'],
    ['with an empty id', structured({ id: '' }), 'id must be a string of 1 to 256 characters'],
    ['with a number as id', binary(DATA, { ...ATTRIBUTES, id: 17 }), 'id must be a string'],
    ['with a long id', structured({ id: 'x'.repeat(257) }), 'id must be a string of 1 to 256'],
    ['with NUL in the id', structured({ id: 'a\0' }), 'id must be a string'],
    ['with half a character in the id', structured({ id: 'a\ud800' }), 'id must be a string'],
    ['without source', structured({ source: null }), 'source must be a string of 1 to 512 characters'],
    ['with a long source', structured({ source: 'x'.repeat(513) }), 'source must be a string'],
    ['with a long message-id', plain(DATA, { messageId: 'x'.repeat(257) }), 'message-id must be a string'],
    ['of no type', structured({ type: undefined }), `type is not ${TYPE}`],
    ['of another type', structured({ type: 'sap.crm.other' }), `type is not ${TYPE}, and nothing maps it`],
  ])('%s', (_what, message, reason) => {
    expect(unreadable(message).message).toContain(reason);
  });

  it('another type needs a mapping, and the action says so', () => {
    const parsed = unreadable(structured({ type: 'sap.crm.other' }));
    expect(parsed).toMatchObject({ type: 'sap.crm.other', action: expect.stringContaining('add a mapping') });
  });

  it('ids and sources of the longest length are kept', () => {
    const [id, source] = ['i'.repeat(256), 's'.repeat(512)];
    expect(readable(structured({ id, source })).change).toMatchObject({ id, source });
  });
});

describe('data is refused', () => {
  const LONG = 'x'.repeat(101);
  it.each<[string, InboundMessage, string]>([
    ['no territory', structured({ subject: undefined, data: { assignments: [] } }), 'territoryId is missing'],
    [
      'a number as territory',
      structured({ data: { ...DATA, territoryId: 5 } }),
      'territoryId must be a string',
    ],
    [
      'a long territory',
      structured({ data: { ...DATA, territoryId: LONG } }),
      'territoryId must have at most 100',
    ],
    ['NUL in it', structured({ data: { ...DATA, territoryId: 'a\0' } }), 'territoryId must not hold a NUL'],
    [
      'a long subject',
      structured({ subject: LONG, data: { assignments: [] } }),
      'subject must have at most 100',
    ],
    ['no assignments', structured({ data: { territoryId: 'X' } }), 'assignments must be an array'],
    ['an object instead', structured({ data: { ...DATA, assignments: {} } }), 'assignments must be an array'],
    ['none of them', manyAssignments(0), 'assignments must hold at least one'],
    ['1001 of them', manyAssignments(1001), 'assignments must hold at most 1000'],
    ['null among them', withAssignment(null), 'assignments[0] must be an object'],
    ['a list among them', withAssignment([]), 'assignments[0] must be an object'],
    ['no id', withAssignment({ fields: {} }), 'assignments[0].id must be a string of 1 to 128'],
    ['a number as id', withAssignment({ id: 5, fields: {} }), 'assignments[0].id must be a string'],
    ['an empty id', withAssignment({ id: '', fields: {} }), 'assignments[0].id must not be empty'],
    [
      'a long id',
      withAssignment({ id: 'x'.repeat(129), fields: {} }),
      'assignments[0].id must have at most 128',
    ],
    ['NUL in an id', withAssignment({ id: '\0', fields: {} }), 'assignments[0].id must not hold a NUL'],
    [
      'half a character in an id',
      withAssignment({ id: '\udc00', fields: {} }),
      'assignments[0].id must not hold',
    ],
    [
      'an unknown operation',
      withAssignment({ id: '1', operation: 'upsert' }),
      'assignments[0].operation must be "update"',
    ],
    [
      'an inherited operation',
      withAssignment({ id: '1', operation: 'toString' }),
      'assignments[0].operation must be',
    ],
    ['no fields', withAssignment({ id: '1' }), 'assignments[0].fields is missing'],
    [
      'no fields to create',
      withAssignment({ id: '1', operation: 'create' }),
      'assignments[0].fields is missing',
    ],
    ['a list of fields', withFields(['a']), 'assignments[0].fields must be an object'],
    ['101 fields', withFields(manyFields(101)), 'assignments[0].fields must have at most 100'],
    ['a field name with a blank', withFields({ ok: 1, 'a b': 1 }), 'fields field name no. 2 must match'],
    ['an empty field name', withFields({ '': 1 }), 'field name no. 1 must match'],
    ['a field name with NUL', withFields({ 'a\0': 1 }), 'field name no. 1 must match'],
    ['a long field name', withFields({ ['x'.repeat(129)]: 1 }), 'field name no. 1 must match'],
    [
      'an object as value',
      withFields({ owner: {} }),
      'assignments[0].fields.owner must be a string, a number',
    ],
    ['a list as value', withFields({ owner: [] }), 'assignments[0].fields.owner must be a string, a number'],
    ['NUL in a value', withFields({ owner: 'a\0b' }), 'assignments[0].fields.owner must not hold a NUL'],
    [
      'half a character in a value',
      withFields({ owner: 'a\ud83d' }),
      'assignments[0].fields.owner must not hold',
    ],
    ['2^53 + 1', withValue('9007199254740993'), 'assignments[0].fields.quota is a number beyond'],
    ['−2^53', withValue('-9007199254740992'), 'is a number beyond'],
    ['2^53 with a fraction', withValue('9007199254740993.5'), 'is a number beyond'],
    ['2^64 as a power', withValue('18.446744073709552e18'), 'is a number beyond'],
    ['1e999', withValue('1e999'), 'is a number beyond'],
    ['-1e999', withValue('-1e999'), 'is a number beyond'],
    [
      'a wrong image',
      withAssignment({ id: '1', fields: {}, before: { a: [] } }),
      'assignments[0].before.a must be',
    ],
    [
      'an image that is none',
      withAssignment({ id: '1', fields: {}, before: 'a' }),
      'assignments[0].before must be',
    ],
    ['related to no list', structured({ data: { ...DATA, relatedTo: 'X' } }), 'relatedTo must be an array'],
    ['related to 21', structured({ data: { ...DATA, relatedTo: Array(21).fill('X') } }), 'at most 20'],
    [
      'related to a number',
      structured({ data: { ...DATA, relatedTo: ['X', 1] } }),
      'relatedTo[1] must be a string',
    ],
  ])('%s', (_what, message, reason) => {
    const parsed = unreadable(message);
    expect(parsed.code).toBe('INVALID_EVENT');
    expect(parsed.message).toContain(reason);
  });

  it('the first fault is named with its place', () => {
    const assignments = [{ id: 'T1', fields: {} }, { id: 'T2', fields: { owner: [] } }, { id: 3 }];
    expect(unreadable(structured({ data: { ...DATA, assignments } })).message).toBe(
      'assignments[1].fields.owner must be a string, a number, true, false or null.',
    );
  });

  it('the message is one line of at most 200 characters, and never shows a value', () => {
    const messages = [
      withFields({ [SECRET]: 1 }),
      withFields({ owner: [SECRET] }),
      withFields({ owner: `${SECRET}\0` }),
      withFields({ ['f'.repeat(128)]: { [SECRET]: 1 } }),
      withAssignment({ id: 'T1', operation: SECRET }),
      withAssignment({ id: `${SECRET}\0`, fields: {} }),
      withAssignment(SECRET),
      structured({ id: `${SECRET}\0` }),
      structured({ type: SECRET }),
      structured({ data: SECRET }),
      structured({ specversion: SECRET }),
      messageOf(`{"owner": ${SECRET}}`),
      messageOf(`{"owner": "${SECRET}`),
    ];
    for (const message of messages) {
      const parsed = unreadable(message);
      expect(parsed.message + parsed.action).not.toContain(SECRET);
      expect(parsed.message).toMatch(/^[^\n]{1,200}$/u);
      expect(parsed.action).toMatch(/^[^\n]{1,200}$/u);
    }
  });
});

describe('what is just within the limits is read', () => {
  it.each<[string, InboundMessage]>([
    ['1000 assignments', manyAssignments(1000)],
    ['100 fields', withFields(manyFields(100))],
    ['no field', withFields({})],
    ['a field name of 128', withFields({ ['x'.repeat(128)]: 1 })],
    ['2^53 − 1', withValue('9007199254740991')],
    ['−2^53 + 1', withValue('-9007199254740991')],
    ['an id of 128', withAssignment({ id: 'x'.repeat(128), fields: {} })],
    ['a territory of 100', structured({ data: { ...DATA, territoryId: 'x'.repeat(100) } })],
    ['20 related territories', structured({ data: { ...DATA, relatedTo: Array(20).fill('X') } })],
  ])('%s', (_what, message) => {
    expect(read(message).kind).toBe('change');
  });

  it('-0 is 0', () => {
    expect(readable(withValue('-0')).change.assignments[0]?.fields['quota']).toBe(0);
  });
});

describe('what cannot be read still has a name', () => {
  const hash = (body: Buffer) => `sha256:${createHash('sha256').update(body).digest('hex')}`;

  it('its own, where id and source can be read', () => {
    const sight = { ref: { source: '/default/crm/prod', id: '7d0c' }, territoryId: 'EMEA-NORTH', type: TYPE };
    const time = '2026-11-22T10:00:00Z';
    expect(unreadable(structured({ data: { ...DATA, assignments: [] } }))).toMatchObject({ ...sight, time });
    expect(unreadable(structured({ data: null, data_base64: '?' }))).toMatchObject({ ...sight, time });
    expect(unreadable({ ...binary(), body: Buffer.from('{') })).toMatchObject({ ...sight, time });
    expect(unreadable({ ...binary(), body: Buffer.alloc(1_048_577) })).toMatchObject({
      ...sight,
      code: 'TOO_LARGE',
    });
  });

  it('queue and message-id, where one of them cannot', () => {
    const ref = { source: CONTEXT.queue, id: 'm-1' };
    for (const message of [structured({ id: undefined }), structured({ source: 5 }), messageOf('{')]) {
      expect(unreadable({ ...message, messageId: 'm-1' }).ref).toEqual(ref);
    }
  });

  it('queue and hash of the body, where there is no message-id either', () => {
    const message = messageOf('{');
    expect(unreadable(message)).toMatchObject({
      ref: { source: CONTEXT.queue, id: hash(message.body) },
      digest: hash(message.body).slice('sha256:'.length),
    });
    expect(unreadable({ ...message, messageId: 'a\0' }).ref.id).toBe(hash(message.body));
  });

  it('no territory, where it cannot be read', () => {
    expect(unreadable(structured({ data: { ...DATA, territoryId: 7 } })).territoryId).toBeUndefined();
    expect(unreadable(messageOf('{')).territoryId).toBeUndefined();
  });
});

describe('an id that the API can have for no key', () => {
  const keyed = (id: string, keyType: InboundContext['keyType']) =>
    readChange(withAssignment({ id, fields: { owner: 'E1' } }), { ...CONTEXT, keyType });

  it.each([
    ['T001', 'int'],
    ['9007199254740993', 'int'],
    ['T001', 'guid'],
  ] as const)('%j for a key of type %s', (id, keyType) => {
    expect(keyed(id, keyType)).toMatchObject({
      kind: 'unreadable',
      code: 'INVALID_EVENT',
      message: `data.assignments[0].id is no key of type ${keyType}.`,
    });
  });

  it.each([
    ['007', 'int'],
    ['6f9619ff-8b86-d011-b42d-00cf4fc964ff', 'guid'],
    ['T001', undefined],
  ] as const)('is not %j for a key of type %s', (id, keyType) => {
    expect(keyed(id, keyType)).toMatchObject({ kind: 'change' });
  });
});
