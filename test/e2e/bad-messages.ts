/** Messages of which none is a change, and what has to be said of each. */
import { createHash } from 'node:crypto';
import rhea from 'rhea';
import type { NewMessage, RawMessage } from '../sandbox/mesh/index.ts';
import { CHANGE_TYPE } from '../system/published-change.ts';

/** The work queue: the source of whatever shows none of its own. */
export const QUEUE = 'default/territory/sync/territory/changes';
const SOURCE = '/default/crm/prod';
export const TERRITORY = 'TER-0';
const RECORD = 'A-0';

export interface BadMessage {
  readonly what: string;
  readonly message: NewMessage | RawMessage;
  /** The bytes that have to be kept; for what has no body section none. */
  readonly body: Buffer;
  readonly code: string;
  readonly says: RegExp;
  /** What the dead letter calls it. */
  readonly source: string;
  readonly id: string;
}

const ONE = { id: RECORD, fields: { owner: 'bad' } };
const deep = (levels: number, open: string, close: string) => open.repeat(levels) + close.repeat(levels);

/** An event with this `data`, readable as an event. `data` is JSON text, so that it can hold what no object can. */
function event(what: string, data: string, says: RegExp, code = 'INVALID_EVENT'): BadMessage {
  const id = what.replaceAll(/[^a-z0-9]+/gi, '-');
  const attributes = `"specversion":"1.0","id":"${id}","source":"${SOURCE}","type":"${CHANGE_TYPE}"`;
  return { ...whole(what, `{${attributes},"data":${data}}`, says, code), source: SOURCE, id };
}

/** An event whose `data` holds these assignments, as JSON text. */
function assignments(what: string, list: string, says: RegExp, code?: string): BadMessage {
  return event(what, `{"territoryId":"${TERRITORY}","assignments":${list}}`, says, code);
}

/** An event that sets these fields, as JSON text. */
function fields(what: string, set: string, says: RegExp, code?: string): BadMessage {
  return assignments(what, `[{"id":"${RECORD}","fields":${set}}]`, says, code);
}

/** A message that shows neither source nor id, so that it goes by queue and message-id. */
function whole(what: string, body: string | Buffer, says: RegExp, code = 'INVALID_EVENT'): BadMessage {
  const bytes = Buffer.from(body);
  const id = `message of ${what}`;
  const message = { body: bytes, contentType: 'application/cloudevents+json', messageId: id };
  return { what, message, body: bytes, code, says, source: QUEUE, id };
}

/** The value section that rhea writes where a message has no body. */
const NULL_SECTION = Buffer.from([0x00, 0x53, 0x77, 0x40]);
const UNNAMED_ID = `sha256:${createHash('sha256').digest('hex')}`;

function withoutBody(id: string): Buffer {
  const bytes = rhea.message.encode({ message_id: id, body: null });
  if (!bytes.subarray(-4).equals(NULL_SECTION)) throw new Error('rhea encodes a missing body in another way');
  return bytes.subarray(0, -4);
}

/** A message given section by section. */
function raw(what: string, bytes: Buffer, body: Buffer, says: RegExp, id = UNNAMED_ID): BadMessage {
  return { what, message: { raw: bytes }, body, code: 'INVALID_EVENT', says, source: QUEUE, id };
}

export const BAD: readonly BadMessage[] = [
  whole('not JSON', '{"specversion": "1.0", ', /not JSON/),
  whole('not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0xc3, 0x28, 0x22, 0x7d]), /not UTF-8/),
  whole('an empty body', '', /empty/),
  whole('blanks only', ' \r\n\t ', /empty/),
  whole('JSON null', 'null', /not a JSON object/),
  whole('a list of events', '[]', /not a JSON object/),
  raw('a message without body', withoutBody('bodiless'), Buffer.alloc(0), /empty/, 'bodiless'),
  raw('an AMQP null', Buffer.from(NULL_SECTION), Buffer.alloc(0), /empty/),

  event('null data', 'null', /no data/),
  event('data that is text', '"not { an object"', /must be a JSON object/),
  event(
    'a territory that is a number',
    `{"territoryId":7,"assignments":[${JSON.stringify(ONE)}]}`,
    /territoryId/,
  ),
  event('no territory', `{"assignments":[${JSON.stringify(ONE)}]}`, /territoryId is missing/),
  assignments('assignments that are an object', '{"0":{}}', /array/),
  assignments('an assignment that is null', '[null]', /assignments\[0\] must be an object/),
  assignments('an assignment without key', '[{"fields":{"owner":"bad"}}]', /assignments\[0\]\.id/),
  assignments('an id that is a number', '[{"id":1,"fields":{"owner":"bad"}}]', /assignments\[0\]\.id/),
  assignments('fields that are a list', `[{"id":"${RECORD}","fields":["owner"]}]`, /must be an object/),
  assignments('no assignments', '[]', /at least one/),
  assignments('1001 assignments', JSON.stringify(Array.from({ length: 1001 }, () => ONE)), /at most 1000/),
  assignments('an unknown operation', `[{"id":"${RECORD}","operation":"merge","fields":{}}]`, /operation/),
  fields('a field that is an object', '{"owner":{"name":"bad"}}', /owner must be/),
  // Not even opened, so it goes by queue and message-id.
  whole('over a megabyte', `{"id":"${'x'.repeat(1_048_576)}"}`, /at most 1048576/, 'TOO_LARGE'),

  whole('20,000 levels of lists', deep(20_000, '[', ']'), /not a JSON object/),
  event('20,000 levels of data', deep(20_000, '[', ']'), /must be a JSON object/),
  fields(
    '20,000 levels of a field',
    `{"owner":${deep(20_000, '{"a":[', ']}').replace('[]', '[0]')}}`,
    /owner must be/,
  ),

  // Taken as the prototype these would make good events of bad ones.
  event(
    'data in __proto__',
    `{"__proto__":{"territoryId":"${TERRITORY}","assignments":[]}}`,
    /territoryId is missing/,
  ),
  assignments(
    'fields in __proto__',
    `[{"id":"${RECORD}","__proto__":{"fields":{"owner":"bad"}}}]`,
    /fields is missing/,
  ),
  fields('an object as __proto__', '{"__proto__":{"owner":"bad"}}', /__proto__ must be/),
  // A field name like any other to this program; this API does not know it.
  fields('a field __proto__', '{"__proto__":"bad"}', /__proto__ is unknown/, 'REJECTED_BY_API'),
  fields('a field constructor', '{"constructor":"bad"}', /constructor is unknown/, 'REJECTED_BY_API'),

  fields('NUL in a value', String.raw`{"owner":"a\u0000b"}`, /NUL/),
  fields('a lone surrogate in a value', String.raw`{"owner":"\ud800"}`, /surrogate/),
  fields('a lone surrogate in a name', String.raw`{"\udfff":"bad"}`, /field name no\. 1/),
  assignments('NUL in an id', String.raw`[{"id":"A\u0000","fields":{"owner":"bad"}}]`, /NUL/),
  event('NUL in the territory', `{"territoryId":"T\\u0000","assignments":[${JSON.stringify(ONE)}]}`, /NUL/),
  whole(
    'a lone surrogate in the event id',
    String.raw`{"specversion":"1.0","id":"\ud800","source":"/s","type":"${CHANGE_TYPE}","data":{}}`,
    /^id must be/,
  ),

  fields('an integer beyond 2^53', '{"owner":9007199254740993}', /2\^53/),
  fields('an integer below −2^53', '{"owner":-9007199254740993}', /2\^53/),
  fields('a number without end', '{"owner":1e999}', /2\^53/),
  assignments('an id of 10 kB', JSON.stringify([{ ...ONE, id: 'x'.repeat(10_240) }]), /at most 128/),
  event('a territory of 10 kB', `{"territoryId":"${'x'.repeat(10_240)}","assignments":[]}`, /at most 100/),
  whole(
    'an event id of 10 kB',
    `{"specversion":"1.0","id":"${'x'.repeat(10_240)}","source":"/s","type":"${CHANGE_TYPE}","data":{}}`,
    /^id must be/,
  ),
  {
    ...whole(
      'another type',
      '{"specversion":"1.0","id":"other","source":"/s","type":"cx.other.v1","data":{}}',
      /type/,
    ),
    source: '/s',
    id: 'other',
  },
];
