/**
 * Bindings that cannot work, each with marked secrets: refused by their server, leading nowhere, not to be read, with certificates
 * that are none. Neither the service (its output, its HTTP answers) nor `territory-sync check` may repeat a mark. Each case names the
 * line by which the fault shows, so that it is known to have been met.
 */
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../integration/free-port.ts';
import { describeNeeding } from '../integration/needing.ts';
import { rabbitPort, whyNoRabbit } from '../integration/rabbitmq.ts';
import { startRedis, whyNoRedis, type OwnRedis } from '../integration/redis-server.ts';
import { bodyOf, startLocalServer, type LocalServer } from '../system/local-server.ts';
import { withService } from '../system/provided-service.ts';
import { setField } from '../system/published-change.ts';
import { startWorld, type World } from '../system/world.ts';
import { FAST_SETTINGS } from './fast-world.ts';

const MARK = 'S3CR3T';
/** Of a password; with what has to be encoded in an address. */
const PASSWORD = `${MARK}p`;
const PEM = `-----BEGIN CERTIFICATE-----\n${MARK}c\n-----END CERTIFICATE-----`;
const KEY = `-----BEGIN PRIVATE KEY-----\n${MARK}k\n-----END PRIVATE KEY-----`;
/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1';
const PATIENCE = { timeout: 30_000, interval: 100 };
const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const MAIN = fileURLToPath(new URL('../../srv/main.ts', import.meta.url));

type Env = Readonly<Record<string, string>>;
type Credentials = Readonly<Record<string, unknown>>;

let world: World;
let redis: OwnRedis;
/** A token server and producer API that refuses whoever comes, and repeats what it was sent. */
let echo: LocalServer;
/** A database that refuses every password, and repeats it. */
let database: { readonly port: number; stop(): Promise<void> };

/** What `check` writes in each case. */
let checked: Promise<Readonly<Record<string, string>>>;

const missing = whyNoRedis() ?? (await whyNoRabbit());

/** PostgreSQL's protocol as far as the password: https://www.postgresql.org/docs/current/protocol-flow.html */
async function startRefusingDatabase() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      if (bytes[0] !== 0x70) {
        // AuthenticationCleartextPassword.
        socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
        return;
      }
      const password = bytes.subarray(5, -1).toString();
      const fields = ['SFATAL', 'C28P01', `Mpassword authentication failed, you sent ${password}`];
      const text = Buffer.from(`${fields.join('\0')}\0\0`);
      const head = Buffer.alloc(5, 'E');
      head.writeInt32BE(text.length + 4, 1);
      socket.end(Buffer.concat([head, text]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Said {
  output(): string;
  readonly exited: Promise<unknown>;
  kill(): void;
}

async function checkAll(): Promise<Readonly<Record<string, string>>> {
  const child = fork(new URL('checks-process.ts', import.meta.url), { cwd: FOLDER, env: {} });
  child.send(Object.fromEntries(CASES.map(([name, environment]) => [name, environment()])));
  const [outputs] = (await once(child, 'message')) as [Readonly<Record<string, string>>];
  return outputs;
}

function startService(env: Env): Said {
  const child = spawn(process.execPath, [MAIN], {
    cwd: FOLDER,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const exited = new Promise((resolve) => child.once('close', resolve));
  return { output: () => output, exited, kill: () => void child.kill('SIGKILL') };
}

const with_ = (tag: string, credentials: Credentials) => (): Env =>
  withService(world.env(FAST_SETTINGS), { name: `the ${tag}`, tag, credentials });
/** In place of the mesh that there is. */
const mesh = (credentials: Credentials) => (): Env =>
  withService(
    { ...world.env(FAST_SETTINGS), VCAP_SERVICES: '{}' },
    { name: 'the mesh', tag: 'mesh', credentials },
  );
/** The binding of Event Mesh with other credentials for each of its protocols. */
const eventMesh = (change: (oauth: Record<string, string>) => void) => (): Env => {
  const bound = structuredClone(world.mesh.binding()) as unknown as {
    'enterprise-messaging': { credentials: { messaging: { oa2: Record<string, string> }[] } }[];
  };
  for (const { credentials } of bound['enterprise-messaging'])
    for (const { oa2 } of credentials.messaging) change(oa2);
  return { ...world.env(FAST_SETTINGS), VCAP_SERVICES: JSON.stringify(bound) };
};
const late = (make: () => Credentials, tag: string) => (): Env => with_(tag, make())();

const RABBITMQ = { dialect: 'rabbitmq', namespace: 'a/b/c' };

const CASES: readonly (readonly [string, () => Env, ...RegExp[]])[] = [
  [
    'PostgreSQL refuses the password',
    late(() => ({ uri: `postgres://user:${PASSWORD}@127.0.0.1:${database.port}/db` }), 'postgres'),
    /password authentication failed \(28P01\)/,
  ],
  [
    'PostgreSQL is not there',
    with_('postgres', { uri: `postgres://user:${PASSWORD}@${NOWHERE}/db` }),
    /ECONNREFUSED/,
  ],
  [
    'Redis and RabbitMQ refuse the password',
    () =>
      withService(mesh({ uri: `amqp://guest:${PASSWORD}@127.0.0.1:${rabbitPort}`, ...RABBITMQ })(), {
        name: 'the redis',
        tag: 'redis',
        credentials: { uri: `redis://:${PASSWORD}@127.0.0.1:${redis.port}` },
      }),
    /WRONGPASS/,
    /MESH_LOGIN_REFUSED/,
  ],
  [
    'Redis and the broker are not there',
    () =>
      withService(mesh({ uri: `amqp://user:${PASSWORD}@${NOWHERE}`, ...RABBITMQ })(), {
        name: 'the redis',
        tag: 'redis',
        credentials: { uri: `redis://user:${PASSWORD}@${NOWHERE}` },
      }),
    /Redis.*ECONNREFUSED/,
    /MESH_UNREACHABLE/,
  ],
  [
    'the URI of PostgreSQL is none',
    with_('postgres', { uri: `postgres//user:${PASSWORD}@host:x/db` }),
    /wrong "uri"/,
  ],
  [
    'the certificate of PostgreSQL is none',
    with_('postgres', {
      uri: `postgres://user:${PASSWORD}@${NOWHERE}/db?sslmode=verify-full`,
      sslrootcert: PEM,
      sslcert: PEM,
      sslkey: KEY,
    }),
    /PostgreSQL|postgres/,
  ],
  ['the URI of Redis is none', with_('redis', { uri: `redis//user:${PASSWORD}@host:x` }), /"uri"/],
  [
    'the certificate of Redis is none',
    with_('redis', { uri: `rediss://user:${PASSWORD}@${NOWHERE}`, ca: PEM, cert: PEM, key: KEY }),
    /Redis|redis/,
  ],
  [
    'the URI of the broker is none',
    mesh({ uri: `amqp//user:${PASSWORD}@host:x`, dialect: 'rabbitmq' }),
    /uri/,
  ],
  [
    'the certificate of the broker is none',
    mesh({ uri: `amqps://user:${PASSWORD}@${NOWHERE}`, dialect: 'rabbitmq', namespace: 'a/b/c', ca: PEM }),
    /mesh|ECONNREFUSED/,
  ],
  [
    'the token server of the mesh refuses the secret and repeats it',
    eventMesh((oa2) => {
      Object.assign(oa2, { clientsecret: PASSWORD, tokenendpoint: `${echo.url}/oauth/token` });
    }),
    /token/,
  ],
  [
    'the address of that token server is none',
    eventMesh((oa2) => {
      Object.assign(oa2, { clientsecret: PASSWORD, tokenendpoint: `not an address ${MARK}` });
    }),
    /tokenendpoint|address|URL/i,
  ],
  [
    'the certificate of the mesh is none',
    eventMesh((oa2) => {
      delete oa2['clientsecret'];
      Object.assign(oa2, { certificate: PEM, key: KEY });
    }),
    /certificate|PEM|key|token/i,
  ],
  [
    'the alert service refuses the secret and repeats it',
    late(
      () => ({ url: echo.url, oauth_url: echo.url, client_id: 'it', client_secret: PASSWORD }),
      'alert-notification',
    ),
    /alert/i,
  ],
  [
    'the address of the alert service is none',
    with_('alert-notification', { url: `not an address ${MARK}`, username: 'user', password: PASSWORD }),
    /url/,
  ],
  [
    'the certificate of the alert service is none',
    with_('alert-notification', { url: `https://${NOWHERE}`, certificate: PEM, private_key: KEY }),
    /alert/i,
  ],
  [
    'the certificates of Cloud Logging are none',
    with_('Cloud Logging', {
      'ingest-otlp-endpoint': NOWHERE,
      'ingest-otlp-cert': PEM,
      'ingest-otlp-key': KEY,
      'server-ca': PEM,
    }),
    /"server-ca" that cannot be read/,
  ],
  [
    'the address of Cloud Logging is none',
    with_('Cloud Logging', {
      'ingest-otlp-endpoint': `:::${MARK}`,
      'ingest-otlp-cert': PEM,
      'ingest-otlp-key': KEY,
    }),
    /wrong "ingest-otlp-endpoint"/,
  ],
  [
    'xsuaa is bound to what is no address',
    () => {
      const env = world.env(FAST_SETTINGS);
      const bound = JSON.parse(env['VCAP_SERVICES'] ?? '{}') as object;
      const credentials = {
        clientid: 'it',
        clientsecret: PASSWORD,
        url: `not an address ${MARK}`,
        verificationkey: KEY,
      };
      const xsuaa = [{ name: 'users', label: 'xsuaa', tags: ['xsuaa'], credentials }];
      return { ...env, VCAP_SERVICES: JSON.stringify({ ...bound, xsuaa }) };
    },
    /xsuaa/,
  ],
  [
    'the destinations are no JSON',
    () => ({
      ...world.env(FAST_SETTINGS),
      destinations: `[{"name":"TERRITORY_API","password":"${PASSWORD}"`,
    }),
    /destination/i,
  ],
  [
    'the bindings are no JSON',
    () => ({
      ...world.env(FAST_SETTINGS),
      VCAP_SERVICES: `{"enterprise-messaging":[{"credentials":"${PASSWORD}"`,
    }),
    /VCAP_SERVICES/,
  ],
];

describeNeeding(missing, 'No secret is repeated where', () => {
  beforeAll(async () => {
    world = await startWorld();
    redis = await startRedis({ password: 'another' });
    echo = await startLocalServer((request, response) => {
      void bodyOf(request).then((text) =>
        response.writeHead(401).end(`${request.headers.authorization ?? ''} ${text}`),
      );
    });
    database = await startRefusingDatabase();
    checked = checkAll();
  });
  afterAll(async () => {
    await Promise.all([world?.stop(), redis?.stop(), echo?.stop(), database?.stop()]);
  });

  test.each(CASES.map(([name, environment, ...shown]) => ({ name, environment, shown })))(
    '$name',
    async ({ name, environment, shown }) => {
      const port = await freePort();
      const env = { ...environment(), PORT: String(port), LOG_LEVEL: 'debug' };
      expect(JSON.stringify(env)).toContain(MARK);
      const service = startService(env);
      try {
        let ended = false;
        void service.exited.then(() => (ended = true));
        // A dead letter, so that there is an alert to tell and a record to look for.
        world.mesh.publish('default/crm/prod/ce/cx/territory/assignments/changed/v1', {
          body: Buffer.from('not to be read'),
          contentType: 'application/cloudevents+json',
        });
        world.publish(setField(`change-${port}`, 'TER-0', 'A-0', 'owner', 'E1'));
        for (const line of shown) await expect.poll(() => service.output(), PATIENCE).toMatch(line);
        const ask = (path: string) =>
          fetch(`http://127.0.0.1:${port}${path}`).then(
            (answer) => answer.text(),
            () => '',
          );
        const answers = ended
          ? []
          : await Promise.all(['/health/live', '/health/ready', '/metrics', '/api/v1/summary'].map(ask));
        const check = (await checked)[name] ?? '';
        for (const [where, text] of Object.entries({
          service: service.output(),
          check,
          answers: answers.join('\n'),
        })) {
          expect(text, where).not.toContain(MARK);
          expect(text, where).not.toContain(Buffer.from(`user:${PASSWORD}`).toString('base64'));
          // It ended, if it did, with a line for whoever has to set it right.
          expect(text, where).not.toMatch(/^Node\.js v|^Uncaught/m);
        }
        expect(check).not.toBe('');
      } finally {
        service.kill();
        await service.exited;
      }
    },
    60_000,
  );
});
