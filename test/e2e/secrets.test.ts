/**
 * Secrets are marked, and fed into whatever a service reads or is told: bindings, the destination, token endpoints and an API that
 * repeat what they were sent, payload. Nothing that the service says may hold a mark: its output, HTTP answers, outcome events,
 * alerts, and the properties of dead letters.
 */
import { expect, test } from 'vitest';
import { createAuthority } from '../integration/own-authority.ts';
import { closedAfterEach } from '../system/closing.ts';
import { bodyOf, startLocalServer } from '../system/local-server.ts';
import { setField } from '../system/published-change.ts';
import { withService } from '../system/provided-service.ts';
import { startService } from '../system/service-process.ts';
import { FAST_SETTINGS, fastWorld } from './fast-world.ts';
import { operatorOf } from './operator.ts';

const open = closedAfterEach();

const MARK = 'S3CR3T';
let marks = 0;
const secret = (): string => `${MARK}${(marks += 1)}x`;
/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1';

/** Refuses everything, and repeats all that it was sent in its answer. */
async function startEcho(status: number, tls?: { cert: string; key: string }) {
  const seen: string[] = [];
  const server = await startLocalServer((request, response) => {
    void bodyOf(request).then(
      (text) => {
        const sent = `${request.headers.authorization ?? ''} ${text}`;
        seen.push(sent);
        const message = `you sent ${sent}`;
        response
          .writeHead(status, message, { 'content-type': 'application/json' })
          .end(JSON.stringify({ error: { code: sent, message }, error_description: message }));
      },
      () => response.destroy(),
    );
  }, tls);
  open.push(() => server.stop());
  return { ...server, seen };
}

test('no secret of a binding and no value of a payload shows in anything that the service says', async () => {
  const world = await fastWorld();
  const authority = createAuthority();
  const tokens = await startEcho(401, authority.certify());
  const api = await startEcho(403);
  let env = world.env({
    ...FAST_SETTINGS,
    LOG_LEVEL: 'debug',
    destinations: JSON.stringify([
      { name: 'TERRITORY_API', url: api.url, username: 'user', password: secret() },
    ]),
  });
  env = withService(env, {
    name: 'locks',
    tag: 'redis',
    credentials: { uri: `redis://user:${secret()}@${NOWHERE}` },
  });
  env = withService(env, {
    name: 'alerts',
    tag: 'alert-notification',
    credentials: {
      url: tokens.url,
      oauth_url: tokens.url,
      client_id: 'it',
      client_secret: secret(),
      ca: authority.ca,
    },
  });
  const service = await startService(env);
  open.push(() => service.kill());
  await world.untilReceiving();
  world.publish(setField('change', 'TER-0', 'A', 'owner', secret()));
  // What cannot be read, with a value in the place of everything.
  world.mesh.publish('default/crm/prod/ce/cx/territory/assignments/changed/v1', {
    body: Buffer.from(`{"specversion":"1.0","type":"${secret()}","data":{"owner":"${secret()}"`),
    contentType: 'application/cloudevents+json',
    messageId: 'unreadable',
  });
  await expect.poll(() => tokens.seen.length, { timeout: 20_000 }).toBeGreaterThan(0);
  expect(tokens.seen.join()).toContain(MARK);
  const operator = operatorOf(service);
  await expect.poll(() => operator.letters(), { timeout: 10_000 }).toHaveLength(1);
  const answers = await Promise.all([
    operator.get('summary'),
    operator.get('territories'),
    operator.get('territories/TER-0'),
    operator.get('dead-letters'),
    fetch(`${service.url}/health/ready`).then((answer) => answer.text()),
  ]);
  expect(service.output()).toMatch(/Alert: Changes need a person/);
  const said = {
    output: service.output(),
    answers: JSON.stringify(answers),
    outcomes: world.mesh
      .peek(world.queues.outcomes)
      .map(({ body }) => body.toString())
      .join('\n'),
    deadLetters: JSON.stringify(
      world.mesh.peek(world.queues.deadLetters).map(({ properties }) => properties),
    ),
  };
  expect(said.outcomes).toContain('INVALID_EVENT');
  expect(said.deadLetters).toContain('INVALID_EVENT');
  for (const [where, text] of Object.entries(said)) expect(text, where).not.toContain(MARK);
  expect(await service.stop(), service.output()).toBe(0);
  expect(service.output()).not.toContain(MARK);
}, 60_000);

test('a flight that the API refuses, repeating its Authorization header, shows none of it', async () => {
  const world = await fastWorld();
  const api = await startEcho(500);
  const env = world.env({
    ...FAST_SETTINGS,
    LOG_LEVEL: 'debug',
    destinations: JSON.stringify([
      {
        name: 'TERRITORY_API',
        url: api.url,
        authentication: 'BasicAuthentication',
        username: 'user',
        password: secret(),
      },
    ]),
  });
  const service = await startService(env);
  open.push(() => service.kill());
  await world.untilReceiving();
  world.publish(setField('change', 'TER-0', 'A', 'owner', secret()));
  await expect.poll(() => api.seen.length, { timeout: 20_000 }).toBeGreaterThan(2);
  const password = /Basic (\S+)/.exec(api.seen.join())?.[1] ?? '';
  expect(Buffer.from(password, 'base64').toString()).toContain(MARK);
  await expect.poll(() => service.output()).toMatch(/in trouble/);
  const summary = JSON.stringify(await operatorOf(service).get('summary'));
  await service.stop();
  for (const text of [service.output(), summary]) {
    expect(text).not.toContain(MARK);
    expect(text).not.toContain(password);
  }
}, 60_000);
