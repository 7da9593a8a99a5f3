/**
 * What the services around the mesh and the territory API answer, byte by byte over real sockets: token endpoints, queue management, the
 * alert service. Each answer is read or is an error of that reader, at once: nothing waits for a time-out.
 */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { notificationChannel } from '../../srv/alerts/notification/channel.ts';
import type { AlertNotice } from '../../srv/alerts/port.ts';
import { fetchToken, TokenError } from '../../srv/mesh/access-token.ts';
import type { QueueAdministration } from '../../srv/mesh/management/administration.ts';
import { createEventMeshAdministration } from '../../srv/mesh/management/event-mesh.ts';
import { ManagementError } from '../../srv/mesh/management/problem.ts';
import { createRabbitAdministration } from '../../srv/mesh/management/rabbitmq.ts';
import { systemClock as clock } from '../../srv/platform/clock.ts';
import { exchange, HttpExchangeError } from '../../srv/platform/http-exchange.ts';
import { systemRandom as random } from '../../srv/platform/random.ts';
import { fuzz } from './fuzz.ts';
import { wrongBytes, wrongJson, wrongText } from './mutations.ts';

const TIMEOUT_MS = 2_000;
/** Stands in every answer that might hold a secret; no error may repeat it. */
const SECRET = 'c3VwZXItc2VjcmV0';

/** What is answered to token requests, and to all others. */
let answers: { readonly token: Buffer; readonly other: Buffer };
/** First lines of the requests since the case began. */
let asked: string[] = [];
let server: net.Server;
let base: string;

beforeAll(async () => {
  server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (request: Buffer) => {
      const line = request.toString('latin1').split('\r\n', 1)[0] ?? '';
      asked.push(line);
      socket.end(line.includes('/oauth/token') ? answers.token : answers.other);
    });
    // What the client sends beyond is read, so that closing does not cut off the answer.
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const status = fc.oneof(
  { weight: 6, arbitrary: fc.constant(200) },
  { weight: 1, arbitrary: fc.constantFrom(100, 101, 103, 204, 301, 304, 401, 404, 429, 503) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 999 }) },
);
const type = fc.oneof(
  { weight: 3, arbitrary: fc.constant('application/json') },
  { weight: 1, arbitrary: wrongText(fc.constantFrom('application/json', 'text/html')) },
);
/** How the body's end is told. */
const framing = fc.constantFrom('length', 'chunked', 'close', 'longer', 'shorter', 'upgrade', 'gzip');

/** An answer as it goes over the line, with this body: mostly sound HTTP. */
function answerWith(body: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  const retryAfter = wrongText(fc.constantFrom('1', '120', 'Sun, 22 Nov 2026 10:00:00 GMT'));
  const sound = fc
    .record({ status, type, framing, body, retryAfter: fc.option(retryAfter, { nil: undefined }) })
    .map(onTheLine);
  return fc.oneof(
    { weight: 5, arbitrary: sound },
    { weight: 1, arbitrary: wrongBytes(sound) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  );
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly framing: string;
  readonly body: string;
  readonly retryAfter: string | undefined;
}

function onTheLine(answer: Answer): Buffer {
  const bytes = Buffer.from(answer.body);
  const lines = [`HTTP/1.1 ${answer.status} X`, `content-type: ${answer.type}`];
  if (answer.retryAfter !== undefined) lines.push(`retry-after: ${answer.retryAfter}`);
  const extra: Readonly<Record<string, readonly string[]>> = {
    length: [`content-length: ${bytes.length}`],
    longer: [`content-length: ${bytes.length + 7}`],
    shorter: [`content-length: ${Math.max(0, bytes.length - 7)}`],
    chunked: ['transfer-encoding: chunked'],
    upgrade: ['connection: upgrade', 'upgrade: websocket'],
    gzip: ['content-encoding: gzip', `content-length: ${bytes.length}`],
  };
  const head = [...lines, ...(extra[answer.framing] ?? []), '', ''].join('\r\n');
  const parts =
    answer.framing === 'chunked'
      ? [`${bytes.length.toString(16)}\r\n`, bytes, bytes.length === 0 ? '\r\n' : '\r\n0\r\n\r\n']
      : [bytes];
  return Buffer.concat([head, ...parts].map((part) => Buffer.from(part)));
}

const TOKENS = [
  { access_token: SECRET, expires_in: 43_199, token_type: 'bearer' },
  { access_token: `a.${Buffer.from('{"iat":1,"exp":100}').toString('base64url')}.${SECRET}` },
];
const token = answerWith(
  fc.oneof(
    wrongJson(fc.constantFrom<unknown>(...TOKENS)),
    wrongJson(fc.constant({ error: SECRET })),
    wrongText(fc.constant(`<html>${SECRET}</html>`)),
  ),
);
const goodToken = Buffer.from(
  onTheLine({
    status: 200,
    type: 'application/json',
    framing: 'length',
    body: '{"access_token":"t","expires_in":60}',
    retryAfter: undefined,
  }),
);

/** Runs the reader on these answers; what it throws may repeat no secret, and nobody may have waited. */
async function reading<T>(given: typeof answers, read: () => Promise<T>): Promise<T> {
  answers = given;
  asked = [];
  try {
    return await read();
  } catch (error) {
    const { message } = error as Error;
    expect(message).not.toContain(SECRET);
    expect(message, 'waited for').not.toMatch(/within \d+ ms/u);
    throw error;
  }
}

test('whatever is answered over HTTP is an answer, or broken; nobody waits for its end', () =>
  fuzz(
    answerWith(fc.oneof(wrongJson(fc.constant({ a: [1, 'x'] })), fc.string({ unit: 'binary' }))),
    async (bytes) => {
      const answer = await reading({ token: bytes, other: bytes }, () =>
        exchange({ method: 'GET', url: `${base}/x` }, { clock, timeoutMs: TIMEOUT_MS }),
      );
      expect(answer.status).toBeGreaterThanOrEqual(100);
      expect(answer.retryAfterMs ?? 0).toBeGreaterThanOrEqual(0);
      expect(answer.retryAfterMs ?? 0).toBeLessThanOrEqual(3_600_000);
    },
    { declared: [HttpExchangeError] },
  ));

test('a token for the mesh fits into a header and has a life, or there is none', () =>
  fuzz(
    token,
    async (bytes) => {
      const got = await reading({ token: bytes, other: bytes }, () =>
        fetchToken(
          { tokenUrl: `${base}/oauth/token`, clientId: 'id', clientSecret: 'cs' },
          { clock, timeoutMs: TIMEOUT_MS, signal: new AbortController().signal },
        ),
      );
      expect(got.authorization).toMatch(/^Bearer [\x21-\x7e]+$/u);
      expect(got.lifeMs ?? 1).toBeGreaterThan(0);
    },
    { declared: [TokenError] },
  ));

const limits = {
  timeoutMs: TIMEOUT_MS,
  attempts: 1,
  backoff: { firstMs: 1, maxMs: 1 },
  readyWithinMs: 0,
};
const parts = { clock, random, limits };
const QUEUE = 'a/b/c/changes';
const EVENT_MESH = [
  { name: QUEUE, accessType: 'EXCLUSIVE', maxTtl: 604_800, deadMsgQueue: '', respectTtl: true },
  [{ topicPattern: '+/+/+/ce/*', queueName: QUEUE }],
  { message: SECRET },
];
const RABBITMQ = [
  {
    name: QUEUE,
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-message-ttl': 5 },
    effective_policy_definition: { 'message-ttl': 9 },
  },
  [{ source: 'amq.topic', routing_key: 'a.#', properties_key: 'a.%23', arguments: {} }],
  { error: 'bad_request', reason: SECRET },
];

/** Bindings by the API's own names for them, which stand in the URL by which they are removed. */
const bindings = wrongText(
  fc.constantFrom('a.%23', '..', '%2E%2e', '../../../queues/%2F/other', 'a?b#c', 'a\\b'),
).map((name) => JSON.stringify([{ routing_key: 'a.#', properties_key: name }]));

/** What the set-up asks of a queue; each answer has the shape that the rest of the program works with. */
async function ask(administration: QueueAdministration, what: keyof typeof QUESTIONS): Promise<void> {
  await QUESTIONS[what](administration);
}
const QUESTIONS = {
  async queue(administration: QueueAdministration) {
    const properties = (await administration.get(QUEUE)) ?? {};
    for (const value of Object.values(properties))
      expect(['string', 'number', 'boolean']).toContain(typeof value);
  },
  async subscriptions(administration: QueueAdministration) {
    for (const pattern of await administration.subscriptions(QUEUE)) expect(typeof pattern).toBe('string');
  },
  ready: (administration: QueueAdministration) => administration.ready(),
  removal: (administration: QueueAdministration) => administration.removeSubscription(QUEUE, 'a.#'),
};
const question = fc.constantFrom(...(Object.keys(QUESTIONS) as (keyof typeof QUESTIONS)[]));

describe('queue management', () => {
  /** An error of the API may be quoted there: it tells what is wrong with the request, and holds no token. */
  const quotable = (bytes: Buffer): Buffer =>
    Buffer.from(bytes.toString('latin1').replaceAll(SECRET, 'no'), 'latin1');

  test('of Event Mesh tells queues and subscriptions, or why it cannot', () =>
    fuzz(
      fc.record({
        what: question,
        token: fc.oneof({ weight: 3, arbitrary: fc.constant(goodToken) }, { weight: 1, arbitrary: token }),
        other: answerWith(wrongJson(fc.constantFrom<unknown>(...EVENT_MESH))).map(quotable),
      }),
      ({ what, ...given }) =>
        reading(given, () => {
          const oauth = { tokenUrl: `${base}/oauth/token`, clientId: 'id', clientSecret: 'cs' };
          return ask(createEventMeshAdministration({ uri: base, oauth }, parts), what);
        }),
      { declared: [ManagementError] },
    ));

  test('of RabbitMQ tells queues and subscriptions, or why it cannot, and only bindings of the queue are removed', () =>
    fuzz(
      fc.record({
        what: question,
        bytes: answerWith(
          fc.oneof(
            { weight: 3, arbitrary: wrongJson(fc.constantFrom<unknown>(...RABBITMQ)) },
            { weight: 1, arbitrary: bindings },
          ),
        ).map(quotable),
      }),
      async ({ what, bytes }) => {
        const management = { uri: base, user: 'u', password: 'p', deliveryLimit: 'none-by-default' as const };
        try {
          await reading({ token: bytes, other: bytes }, () =>
            ask(createRabbitAdministration(management, parts), what),
          );
        } finally {
          const removals = asked.filter((line) => line.startsWith('DELETE '));
          for (const line of removals)
            expect(line).toMatch(
              /^DELETE \/api\/bindings\/%2F\/e\/amq\.topic\/q\/a%2Fb%2Fc%2Fchanges\/[^/?#]+ HTTP/u,
            );
        }
      },
      { declared: [ManagementError] },
    ));
});

const NOTICE: AlertNotice = {
  eventType: 'TerritorySyncDeadLetter',
  sourceEventId: 'territory-sync/app/dev/TerritorySyncDeadLetter',
  status: 'raised',
  severity: 'ERROR',
  title: 'Changes need a person',
  detail: '3 dead letters are open',
  action: 'Look at them.',
  raisedAt: 0,
  changedAt: 0,
  figures: {},
  version: 1,
};

test('an alert is accepted, refused or to be sent again, whatever is answered, and no answer is quoted', () =>
  fuzz(
    fc.record({
      token: fc.oneof({ weight: 2, arbitrary: fc.constant(goodToken) }, { weight: 1, arbitrary: token }),
      other: answerWith(wrongText(fc.constant(SECRET))),
    }),
    async (given) => {
      const channel = notificationChannel({
        endpoint: {
          url: base,
          login: {
            kind: 'oauth-secret',
            tokenUrl: `${base}/oauth/token`,
            clientId: 'id',
            clientSecret: 'cs',
          },
        },
        resource: { name: 'app', instanceIndex: 0 },
        clock,
      });
      const result = await reading(given, () => channel.send(NOTICE, new AbortController().signal));
      const reason = result.kind === 'accepted' ? '' : result.reason;
      expect(reason).not.toMatch(/[\r\n]|defect|within \d+ ms/u);
      expect(reason).not.toContain(SECRET);
    },
  ));
