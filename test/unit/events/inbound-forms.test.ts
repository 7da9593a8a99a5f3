import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { InboundMessage } from '../../../srv/events/inbound.ts';
import {
  ATTRIBUTES,
  binary,
  CONTEXT,
  DATA,
  messageOf,
  plain,
  readable,
  structured,
  TYPE,
  unreadable,
} from './sample-events.ts';

const CHANGE = {
  id: '7d0c',
  source: '/default/crm/prod',
  type: TYPE,
  time: '2026-11-22T10:00:00Z',
  territoryId: 'EMEA-NORTH',
  assignments: [
    {
      id: 'T001',
      operation: 'update',
      fields: { owner: 'E1008', validFrom: '2026-12-01' },
      before: { owner: 'E1001' },
    },
  ],
  relatedTo: [],
};

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');

describe('the form of an event does not matter', () => {
  const forms: [string, InboundMessage][] = [
    ['structured', structured()],
    [
      'structured, with parameters and in capitals',
      structured({}, 'Application/CloudEvents+JSON; charset=UTF-8'),
    ],
    ['structured, without the +json', structured({}, 'application/cloudevents')],
    ['structured, sent as application/json', structured({}, 'application/json')],
    ['structured, without content type', messageOf(structured().body)],
    ['structured 0.3', structured({ specversion: '0.3' })],
    ['structured 0.2', structured({ specversion: '0.2' })],
    ['structured with data_base64', structured({ data: undefined, data_base64: base64(DATA) })],
    [
      'structured 0.3 with encoded data',
      structured({ specversion: '0.3', datacontentencoding: 'Base64', data: base64(DATA) }),
    ],
    ['binary with cloudEvents_', binary()],
    ['binary with cloudEvents:', binary(DATA, ATTRIBUTES, 'cloudEvents:')],
    ['binary in other capitals', binary(DATA, ATTRIBUTES, 'CloudEvents_')],
    ['binary 0.3', binary(DATA, { ...ATTRIBUTES, specversion: '0.3' })],
    [
      'a byte order mark before it',
      messageOf(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), structured().body])),
    ],
    ['a JMS text message', messageOf(JSON.stringify(structured().body.toString()))],
  ];

  it.each(forms)('%s', (_form, message) => {
    const parsed = readable(message);
    expect(parsed.change).toEqual(CHANGE);
    expect(parsed.digest).toBe(readable(structured()).digest);
  });

  it('an AMQP timestamp is a time', () => {
    const message = binary(DATA, { ...ATTRIBUTES, time: new Date('2026-11-22T10:00:00Z') });
    expect(readable(message).change.time).toBe('2026-11-22T10:00:00.000Z');
  });

  it('cloudEvents_ is preferred where both spellings are there', () => {
    const message = binary(DATA, { ...ATTRIBUTES, id: 'wanted' });
    const properties = { 'cloudEvents:id': 'other', ...message.properties };
    expect(readable({ ...message, properties }).change.id).toBe('wanted');
    const reversed = Object.fromEntries(Object.entries(properties).reverse());
    expect(readable({ ...message, properties: reversed }).change.id).toBe('wanted');
  });

  it('plain JSON takes message-id and queue as id and source', () => {
    const parsed = readable(plain());
    expect(parsed.change).toEqual({ ...CHANGE, id: 'm-1', source: CONTEXT.queue, time: undefined });
    expect(parsed.digest).toBe(readable(structured()).digest);
  });
});

describe('what an event may leave out', () => {
  const { territoryId: _, ...nameless } = DATA;

  it.each<[string, InboundMessage]>([
    ['structured', structured({ data: nameless })],
    ['structured, with an empty territoryId', structured({ data: { ...DATA, territoryId: '' } })],
    ['binary', binary(nameless)],
    ['plain', plain(nameless, { subject: 'EMEA-NORTH' })],
  ])('the subject is the territory of one that names none: %s', (_form, message) => {
    expect(readable(message).change.territoryId).toBe('EMEA-NORTH');
  });

  it('an operation left out is an update', () => {
    const assignments = [{ id: 'T001', fields: { owner: 'E1' } }];
    const { change } = readable(structured({ data: { ...DATA, assignments } }));
    expect(change.assignments).toEqual([{ id: 'T001', operation: 'update', fields: { owner: 'E1' } }]);
  });

  it('null stands for what is left out', () => {
    const assignments = [{ id: 'T001', operation: null, fields: { owner: null }, before: null }];
    const data = { ...DATA, assignments, relatedTo: null };
    const { change } = readable(structured({ data, time: null, data_base64: null }));
    expect(change).toEqual({
      ...CHANGE,
      time: undefined,
      assignments: [{ id: 'T001', operation: 'update', fields: { owner: null } }],
    });
  });

  it('a delete needs no fields, and has none', () => {
    const assignments = [
      { id: 'T001', operation: 'delete' },
      { id: 'T002', operation: 'delete', fields: { owner: 'E1' } },
    ];
    const { change } = readable(structured({ data: { ...DATA, assignments } }));
    expect(change.assignments.map(({ fields }) => Object.keys(fields))).toEqual([[], []]);
  });
});

describe('what an event carries along', () => {
  const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  it('sequence, traceparent and related territories are kept', () => {
    const data = { ...DATA, relatedTo: ['EMEA-SOUTH', 'EMEA-WEST'] };
    const { change } = readable(structured({ data, sequence: '00017', traceparent: TRACE }));
    expect(change).toMatchObject({ sequence: '00017', traceparent: TRACE, relatedTo: data.relatedTo });
    expect(readable(plain(DATA, { properties: { traceparent: TRACE } })).change.traceparent).toBe(TRACE);
  });

  it.each([
    TRACE.toUpperCase(),
    TRACE.replace('00-', 'ff-'),
    `${TRACE}-more`,
    TRACE.replace('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
    TRACE.replace('00f067aa0ba902b7', '0'.repeat(16)),
    `${TRACE}\n`,
    17,
  ])('a traceparent that is not well-formed is left out: %j', (traceparent) => {
    expect(readable(structured({ traceparent })).change.traceparent).toBeUndefined();
  });

  it('a correlation id is kept, of the event or of a message without an envelope', () => {
    expect(readable(structured({ correlationid: 'order-4711' })).change.correlationId).toBe('order-4711');
    expect(readable(plain(DATA, { correlationId: 'order-4712' })).change.correlationId).toBe('order-4712');
  });

  it.each(['two words', 'line\nbreak', 'ümlaut', '', 'x'.repeat(257), 4711])(
    'a correlation id that cannot stand in a header is left out: %j',
    (correlationid) => {
      expect(readable(structured({ correlationid })).change.correlationId).toBeUndefined();
    },
  );

  it('a later version of traceparent may have more parts', () => {
    const later = `${TRACE.replace('00-', '01-')}-more`;
    expect(readable(structured({ traceparent: later })).change.traceparent).toBe(later);
  });

  it.each(['yesterday', '2026-11-22', '2026-11-22T10:00:00Z\0', 1_770_000_000, {}])(
    'a time that is none is left out: %j',
    (time) => {
      expect(readable(structured({ time })).change.time).toBeUndefined();
    },
  );

  it('nine digits of a second are kept as sent', () => {
    const time = '2026-01-13T13:59:32.934399888Z';
    expect(readable(structured({ time })).change.time).toBe(time);
  });

  it('assignments keep their order, and one may appear several times', () => {
    const assignments = ['T2', 'T1', 'T2'].map((id, place) => ({ id, fields: { place } }));
    const { change } = readable(structured({ data: { ...DATA, assignments } }));
    expect(change.assignments.map(({ id, fields }) => [id, fields['place']])).toEqual([
      ['T2', 0],
      ['T1', 1],
      ['T2', 2],
    ]);
  });

  it('ids keep quotes, commas, slashes and blanks', () => {
    const id = `O'Brien, "a/b" %2C (x) ü😀 `;
    const { change } = readable(
      structured({ id, data: { ...DATA, territoryId: id, assignments: [{ id, fields: { owner: id } }] } }),
    );
    expect([change.id, change.territoryId, change.assignments[0]?.id]).toEqual([id, id, id]);
    expect(change.assignments[0]?.fields['owner']).toBe(id);
  });

  it('__proto__ and constructor are fields like any other', () => {
    const data =
      '{"territoryId":"X","assignments":[{"id":"1","fields":{"__proto__":"p","constructor":"c"}}]}';
    const fields = readable(messageOf(data, { messageId: 'm' })).change.assignments[0]?.fields;
    expect(Object.getPrototypeOf(fields)).toBeNull();
    expect(Object.entries(fields ?? {})).toEqual([
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
  });

  it('of a member given twice the last one counts', () => {
    const data = '{"territoryId":"X","assignments":[{"id":"1","fields":{"owner":"a","owner":"b"}}]}';
    expect(readable(messageOf(data, { messageId: 'm' })).change.assignments[0]?.fields).toEqual({
      owner: 'b',
    });
  });
});

describe('the digest', () => {
  const digestOf = (data: object, event: object = {}) => readable(structured({ data, ...event })).digest;
  const assignment = { id: 'T1', fields: { owner: 'a', quota: 1 } };

  it('is the same whatever the envelope says and in whatever order members come', () => {
    const digest = digestOf({ ...DATA, assignments: [assignment] });
    const turned = { id: 'T1', operation: 'update', fields: { quota: 1.0, owner: 'a' } };
    const event = { id: 'other', source: '/other', time: '2027-01-01T00:00:00Z', sequence: '9', other: 'x' };
    expect(digestOf({ assignments: [turned], territoryId: 'EMEA-NORTH', note: 'more' }, event)).toBe(digest);
  });

  it.each<[string, object]>([
    ['the territory', { territoryId: 'EMEA-SOUTH' }],
    ['related territories', { relatedTo: ['X'] }],
    ['an id', { assignments: [{ ...assignment, id: 'T2' }] }],
    ['the operation', { assignments: [{ ...assignment, operation: 'create' }] }],
    ['a value', { assignments: [{ ...assignment, fields: { owner: 'a', quota: '1' } }] }],
    ['a field less', { assignments: [{ ...assignment, fields: { owner: 'a' } }] }],
    ['the image before', { assignments: [{ ...assignment, before: { owner: 'b' } }] }],
    ['one more assignment', { assignments: [assignment, assignment] }],
  ])('differs with %s', (_what, data) => {
    const all = { territoryId: 'EMEA-NORTH', assignments: [assignment] };
    expect(digestOf({ ...all, ...data })).not.toBe(digestOf(all));
  });

  it('stays what journals have kept', () => {
    const canonical =
      '["EMEA-NORTH",[["T001","update",[["owner","E1008"],["validFrom","2026-12-01"]],[["owner","E1001"]]]],[]]';
    expect(readable(structured()).digest).toBe(createHash('sha256').update(canonical).digest('hex'));
  });
});

it('a dead letter moved back to the queue is the event it was', () => {
  const { territoryId: _, ...nameless } = DATA;
  const properties = {
    deadLetterId: 'f3b6f5a0-0000-5000-8000-000000000000',
    source: '/crm',
    id: '17',
    territoryId: 'EMEA-NORTH',
  };
  const { change } = readable(plain(nameless, { messageId: properties.deadLetterId, properties }));
  expect(change).toMatchObject({ source: '/crm', id: '17', territoryId: 'EMEA-NORTH', type: TYPE });
  for (const contentType of ['application/octet-stream', 'application/cloudevents+json']) {
    const broken = messageOf('{', { contentType, messageId: properties.deadLetterId, properties });
    expect(unreadable(broken).ref).toEqual({ source: '/crm', id: '17' });
  }
});
