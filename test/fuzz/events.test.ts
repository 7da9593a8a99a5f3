/** Everything that reads a message: events in every form, what a dead letter says of itself, and the command line's documents. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readDocuments } from '../../srv/cli/documents.ts';
import { readOutgoing } from '../../srv/cli/outgoing-change.ts';
import { CommandFailure } from '../../srv/cli/terminal.ts';
import { deadLetterMessage, readDeadLetterProperties } from '../../srv/events/dead-letter.ts';
import { readChange, type InboundMessage } from '../../srv/events/inbound.ts';
import { unreadableDeadLetterId } from '../../srv/events/outcome-event.ts';
import { contextOf, traceParentOf } from '../../srv/monitor/traces/trace-context.ts';
import { keysIn } from '../../srv/lanes/cursor.ts';
import { readLetter } from '../../srv/lanes/held-letter.ts';
import { UnknownCursor } from '../../srv/operations/port.ts';
import { ATTRIBUTES, CONTEXT, DATA } from '../unit/events/sample-events.ts';
import { fuzz } from './fuzz.ts';
import { wrongBytes, wrongJson, wrongText } from './mutations.ts';

const EVENT = { ...ATTRIBUTES, data: DATA };
const FORMS = [
  EVENT,
  { ...EVENT, specversion: '0.2' },
  { ...EVENT, data: undefined, data_base64: 'e30=' },
  { ...EVENT, data: JSON.stringify(DATA) },
  DATA,
];

const body = fc.oneof(
  { weight: 4, arbitrary: wrongJson(fc.constantFrom(...FORMS)).map((text) => Buffer.from(text)) },
  {
    weight: 1,
    arbitrary: wrongBytes(fc.constantFrom(...FORMS.map((form) => Buffer.from(JSON.stringify(form))))),
  },
);
const property = fc.oneof(
  wrongText(fc.constantFrom(...Object.values(ATTRIBUTES))),
  fc.constantFrom(
    null,
    true,
    0,
    -1,
    Number.NaN,
    Infinity,
    2 ** 53,
    new Date(0),
    new Date(Number.NaN),
    '',
    'x'.repeat(5_000),
  ),
);
const LETTER = deadLetterMessage({
  deadLetterId: '7f0b8f6e-6c0e-5b57-9d0a-5a1f2f3c4d5e',
  decision: 0,
  reason: { code: 'CONFLICT_LIMIT', message: 'was changed by others' },
  change: { source: ATTRIBUTES.source, id: ATTRIBUTES.id },
  territoryId: DATA.territoryId,
  body: Buffer.from(JSON.stringify(EVENT)),
  firstReceivedAt: 0,
  failedAt: 1,
  attempts: 6,
  conflicts: 6,
  position: 4711,
  history: [{ at: 0, step: 'conflict', assignment: 'T001' }],
}).properties;
const letterProperties = fc
  .tuple(wrongJson(fc.constant(LETTER)), fc.dictionary(fc.constantFrom(...Object.keys(LETTER)), property))
  .map(([text, others]) => ({ ...parsed(text), ...others }));
const attributes = fc.dictionary(
  fc
    .tuple(
      fc.constantFrom('cloudEvents_', 'cloudEvents:', 'CLOUDEVENTS_', ''),
      fc.constantFrom(...Object.keys(ATTRIBUTES), '__proto__', 'data'),
    )
    .map((parts) => parts.join('')),
  property,
);
const message: fc.Arbitrary<InboundMessage> = fc.record(
  {
    body,
    properties: fc.oneof(fc.constant({}), attributes, letterProperties),
    contentType: wrongText(
      fc.constantFrom(
        'application/cloudevents+json',
        'application/json',
        'application/cloudevents-batch+json',
      ),
    ),
    messageId: wrongText(fc.constant('m-1')),
    subject: wrongText(fc.constant('EMEA-NORTH')),
  },
  { requiredKeys: ['body', 'properties'] },
);

/** Only flat values arrive as application properties. */
function parsed(text: string): InboundMessage['properties'] {
  try {
    const value = JSON.parse(text) as unknown;
    const flat = Object.entries(value ?? {}).filter(([, one]) => one === null || typeof one !== 'object');
    return Object.fromEntries(flat);
  } catch {
    return {};
  }
}

describe('whatever comes', () => {
  test('as a message is a change, or has a reason why it is none', () =>
    fuzz(message, (given) => {
      const first = readChange(given, CONTEXT);
      expect(readChange(given, CONTEXT)).toEqual(first);
      expect(first.digest).toMatch(/^[0-9a-f]{64}$/u);
      if (first.kind === 'change') {
        expect(first.change.assignments.length).toBeGreaterThan(0);
        return;
      }
      expect(first.message.length).toBeLessThanOrEqual(200);
      expect(first.action.length).toBeLessThanOrEqual(200);
      expect(unreadableDeadLetterId(first)).toMatch(/^[0-9a-f-]{36}$/u);
      expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    }));

  test('as a dead letter is listed', () =>
    fuzz(message, (given) => {
      const letter = readLetter({ ...given, deliveryCount: 0 } as InboundMessage, 0, CONTEXT);
      expect(letter.id.length).toBeGreaterThan(0);
    }));

  test("as a dead letter's properties is read as far as it is sound", () =>
    fuzz(letterProperties, (properties) => readDeadLetterProperties(properties)));

  test('as a file to publish is read, or refused in one line', () =>
    fuzz(
      fc.oneof(
        wrongJson(fc.constantFrom<unknown>(DATA, EVENT, [EVENT, DATA])),
        wrongText(fc.constant(`${JSON.stringify(EVENT)}\n\n${JSON.stringify(DATA)}`)),
      ),
      (text) => {
        const parts = { ...CONTEXT, uuid: () => 'an-id', time: ATTRIBUTES.time };
        const { changes, problems } = readOutgoing(readDocuments(text, 'file'), parts);
        expect(changes.length + problems.length).toBeGreaterThan(0);
        for (const problem of problems) expect(problem).not.toMatch(/[\n\r]/u);
      },
      { declared: [CommandFailure] },
    ));

  test('as a cursor is one of its list, or refused', () => {
    const cursors = wrongJson(fc.constant(['dead-letters', 4711, 'T001'])).map((text) =>
      Buffer.from(text).toString('base64url'),
    );
    return fuzz(
      fc.oneof(cursors, wrongText(cursors)),
      (cursor) => keysIn('dead-letters', cursor, ['number', 'string']),
      {
        declared: [UnknownCursor],
      },
    );
  });

  test('as a traceparent is one that can be passed on, or none', () => {
    const valid = [
      '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-more',
    ];
    return fuzz(wrongText(fc.constantFrom(...valid)), (text) => {
      const context = contextOf(text);
      if (context === undefined) return;
      const passedOn = traceParentOf(context);
      expect(passedOn).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/u);
      expect(contextOf(passedOn)).toEqual(context);
    });
  });
});
