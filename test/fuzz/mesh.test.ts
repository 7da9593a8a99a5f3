/** Messages that are no AMQP, nearly AMQP or strange AMQP, through a real broker and the library: each is a delivery, in order. */
import fc from 'fast-check';
import rhea from 'rhea';
import { expect, test } from 'vitest';
import { bareMessage } from '../../srv/mesh/bare-message.ts';
import { linkProblem } from '../../srv/mesh/link-session.ts';
import { normalise } from '../../srv/mesh/message.ts';
import { readProblem } from '../../srv/mesh/problem.ts';
import { refusal } from '../../srv/mesh/publish-result.ts';
import { memoryOf, memoryText } from '../../srv/journal/postgres/memory-rows.ts';
import { NEW_RECORD, type LaneMemory } from '../../srv/journal/port.ts';
import { eventually } from '../integration/mesh-parts.ts';
import { sandboxStage } from '../integration/mesh-stage.ts';
import { CASES, fuzz } from './fuzz.ts';
import { anything, wrongBytes, wrongText } from './mutations.ts';

const stage = sandboxStage();
const { queue, receiving } = stage;

const MESSAGES = [
  {
    message_id: 'm-1',
    content_type: 'application/json',
    subject: 's',
    application_properties: { a: 'b', n: 7, t: true },
    body: rhea.message.data_section(Buffer.from('{}')),
  },
  { message_id: 1, body: { a: [1, 2.5, null, 'x'], b: { c: 'd' } } },
  { body: 'text' },
].map((message) => rhea.message.encode(message as never));
const raw = wrongBytes(fc.constantFrom(...MESSAGES)).filter((bytes) => bytes.length > 0);
const BATCH = 200;

test('every message of the queue is delivered, and the connection lasts', async () => {
  const { inbox, mesh, log } = receiving(1_000);
  inbox.onDelivery = (delivery) => delivery.accept();
  await eventually(() => inbox.events.includes('attached 1'), 'attached');
  const batches = fc.array(raw, { minLength: BATCH, maxLength: BATCH, size: 'max' });
  await fuzz(
    batches,
    async (list) => {
      inbox.deliveries.length = 0;
      log.lines.length = 0;
      for (const bytes of list) stage.sandbox.enqueue(queue, { raw: bytes });
      await eventually(() => inbox.deliveries.length === list.length, 'each of them');
      inbox.deliveries.forEach(({ message }, index) => {
        if (message.undecodable !== undefined)
          expect(message.body).toEqual(bareMessage(list[index] ?? Buffer.alloc(0)));
      });
    },
    { cases: Math.ceil(CASES / BATCH) },
  );
  expect(mesh.status().unreadable).toBeUndefined();
  expect(stage.sandbox.counters.connectionsAccepted).toBe(1);
});

test('whatever the library makes of a message has the promised shape', () => {
  const source = fc.option(fc.record({ header: anything, properties: anything }), { nil: null });
  const payload = fc.option(
    fc.record(
      {
        chunks: fc.constantFrom(null, undefined, [], [Buffer.from('a'), Buffer.from('b')]),
        type: fc.constantFrom('amqp-1.0', null),
        data: anything,
        properties: fc.dictionary(fc.string(), anything),
      },
      { requiredKeys: [] },
    ),
    { nil: null },
  );
  return fuzz(fc.record({ source, payload }), (given) => {
    const message = normalise(given as never);
    expect(Buffer.isBuffer(message.body)).toBe(true);
    for (const value of Object.values(message.properties)) {
      if (typeof value === 'object' && value !== null) expect(value).toBeInstanceOf(Date);
      else expect(['string', 'number', 'boolean', 'object']).toContain(typeof value);
    }
  });
});

test('what a lane remembers comes back from its row as it was, whatever its records are called', () => {
  const id = fc.oneof(
    fc.constantFrom('__proto__', 'constructor', 'T001', '\ud800', 'a"b'),
    fc.string({ unit: 'binary', minLength: 1 }),
  );
  const memory: fc.Arbitrary<LaneMemory> = fc
    .record({
      prefixEnd: fc.nat(),
      unmergedUpTo: fc.nat(),
      records: fc.array(fc.tuple(id, fc.nat(5))),
      expected: fc.array(fc.tuple(id, fc.string())),
    })
    .map(({ records, expected, ...numbers }) => ({
      ...numbers,
      records: new Map(records.map(([name, conflicts]) => [name, { ...NEW_RECORD, conflicts }])),
      rest: { latest: 1, expected: new Map(expected) },
    }));
  return fuzz(memory, (given) => {
    const text = memoryText(given);
    expect(memoryOf(text === null ? null : (JSON.parse(text) as unknown), {})).toEqual(given);
  });
});

test('whatever a broker says of an end or a refusal is told in one line', () => {
  const said = wrongText(
    fc.constantFrom(
      '@sap/xb-msg-amqp-v100 0.9.58 [252] WebSocket upgrade failed, code 401, body: a\r\nb',
      '@sap/xb-msg-amqp-v100 0.9.58 [404] no connection',
      'amqp:connection:forced: too many connections',
      'x'.repeat(10_000),
    ),
  );
  const error = fc.oneof(
    { weight: 1, arbitrary: anything },
    {
      weight: 4,
      arbitrary: fc
        .record({
          message: said,
          condition: fc.oneof(anything, fc.constantFrom('amqp:not-allowed', 'amqp:resource-limit-exceeded')),
          // The system's, never the peer's.
          code: fc.constantFrom(undefined, 5, 'ECONNREFUSED', 'CERT_HAS_EXPIRED'),
        })
        .map(({ message, ...others }) => Object.assign(new Error(message), others)),
    },
  );
  return fuzz(error, (given) => {
    const problem = readProblem(given);
    const told = [problem.message, linkProblem(given).text];
    const result = refusal(linkProblem(given), { kind: 'topic', name: 'a/b' });
    if (result.kind !== 'accepted') told.push(result.reason);
    for (const line of told) {
      expect(line).not.toMatch(/[\r\n]/u);
      expect(line.length).toBeLessThanOrEqual(500);
    }
  });
});
