/** Queue management over real HTTP: against the sandbox's API, a server that wants a client certificate, and a RabbitMQ. */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readMeshBinding } from '../../srv/config/mesh-binding.ts';
import {
  createQueueAdministration,
  examineQueues,
  inspectQueue,
  isSound,
  planQueues,
  setupQueues,
  type QueueAdministration,
} from '../../srv/mesh/management/index.ts';
import { systemRandom as random } from '../../srv/platform/random.ts';
import { startSandboxMesh, type SandboxMesh } from '../sandbox/mesh/index.ts';
import { certificate, certificateKey } from './certificate.ts';
import { CountingClock } from './mesh-parts.ts';
import { describeNeeding } from './needing.ts';
import { deleteQueue, rabbitManagementUri, whyNoRabbitManagement } from './rabbitmq-management.ts';

const clock = new CountingClock();
const limits = {
  timeoutMs: 2_000,
  attempts: 3,
  backoff: { firstMs: 10, maxMs: 2_000 },
  readyWithinMs: 5_000,
};

const settings = {
  queue: 'default/territory/sync/territory/changes',
  deadLetterQueue: 'default/territory/sync/territory/deadletter',
  subscriptions: ['+/+/+/ce/cx/territory/assignments/changed/v1', 'default/territory/sync/*'],
  queueTtlS: 604_800,
};
const others = { intake: { window: 1_000 }, retention: { deadLetterDays: 30 } };
const plan = planQueues({ mesh: settings, ...others });

/** As the service gets it: from the credentials of a binding. */
function administrationOf(
  credentials: object,
  label = 'enterprise-messaging',
  more: Parameters<typeof createQueueAdministration>[1] = { clock, random, limits },
): QueueAdministration {
  const binding = readMeshBinding({ name: 'mesh', label, credentials: { ...credentials } });
  const administration = createQueueAdministration(binding, more);
  if (administration === undefined) throw new Error('the binding names no management API');
  return administration;
}

function closed(server: http.Server | https.Server): Promise<unknown> {
  return new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}

afterEach(() => {
  expect(clock.timers).toBe(0);
});

describe('on Event Mesh', () => {
  let sandbox: SandboxMesh;
  let administration: QueueAdministration;
  beforeEach(async () => {
    sandbox = await startSandboxMesh();
    administration = administrationOf(sandbox.credentials());
    return () => sandbox.stop();
  });
  const setup = (obsolete: 'keep' | 'remove' = 'keep') => setupQueues(plan, { administration, obsolete });

  test.each(['enterprise-messaging', 'event-mesh-message-client'])(
    'a set-up with the binding of %s makes the queues ready, and a second one changes nothing',
    async (label) => {
      administration = administrationOf(sandbox.credentials(), label);
      const first = await setup();
      expect(first.queues).toMatchObject([
        { queue: settings.deadLetterQueue, action: 'created', differences: [] },
        {
          queue: settings.queue,
          action: 'created',
          set: {
            accessType: 'EXCLUSIVE',
            maxRedeliveryCount: 0,
            maxTtl: 604_800,
            maxDeliveredUnackedMsgsPerFlow: 1_000,
            deadMsgQueue: settings.deadLetterQueue,
          },
          differences: [],
        },
      ]);
      sandbox.publish('a/b/c/ce/cx/territory/assignments/changed/v1', { body: '{}' });
      sandbox.publish('default/territory/sync/x/y', { body: '{}' });
      expect(sandbox.depth(settings.queue).ready).toBe(2);
      expect(await examineQueues(plan, administration)).toEqual([]);
      expect(await inspectQueue(settings.queue, administration)).toEqual({ kind: 'exclusive' });

      const second = await setup();
      expect(second.queues.map(({ action }) => action)).toEqual(['unchanged', 'unchanged']);
      expect(second.subscriptions.map(({ action }) => action)).toEqual(['present', 'present']);
      expect(sandbox.depth(settings.queue).ready).toBe(2);
    },
  );

  test('an existing queue is changed where that is possible, and named where it is not', async () => {
    sandbox.createQueue(settings.queue, { accessType: 'NON_EXCLUSIVE', maxRedeliveryCount: 3, maxTtl: 60 });
    sandbox.subscribe(settings.queue, 'old/topic');
    const report = await setup();
    expect(report.queues[1]).toMatchObject({
      action: 'changed',
      set: { maxRedeliveryCount: 0, maxTtl: 604_800, deadMsgQueue: settings.deadLetterQueue },
      differences: [{ property: 'accessType', is: 'NON_EXCLUSIVE', shouldBe: 'EXCLUSIVE' }],
    });
    expect(isSound(report)).toBe(false);
    expect(await inspectQueue(settings.queue, administration)).toMatchObject({ kind: 'not-exclusive' });

    expect(sandbox.publish('old/topic', { body: '{}' })).toBe(1);
    const pruned = await setup('remove');
    expect(pruned.subscriptions.map(({ action }) => action)).toEqual(['present', 'present', 'removed']);
    expect(sandbox.publish('old/topic', { body: '{}' })).toBe(0);
    expect(sandbox.queues().toSorted()).toEqual([settings.queue, settings.deadLetterQueue].toSorted());
  });

  test('one token serves a whole set-up, and a lost one is replaced', async () => {
    await setup();
    expect(sandbox.counters.tokensIssued).toBe(1);
    sandbox.faults.refuseManagement(401);
    await setup();
    expect(sandbox.counters.tokensIssued).toBe(2);
  });

  test('a token is not used to its last second', async () => {
    const shortLived = await startSandboxMesh({ tokenLifetimeS: 0.2 });
    try {
      const short = administrationOf(shortLived.credentials());
      await short.ready();
      const { tokensIssued } = shortLived.counters;
      const goneAtMs = clock.monotonicMs() + 150;
      while (clock.monotonicMs() < goneAtMs) await short.ready();
      // The second half of its life is not used: it was renewed before the API refused it.
      expect(shortLived.counters.tokensIssued).toBeGreaterThan(tokensIssued);
      expect(shortLived.counters.tokensIssued).toBeLessThan(10);
    } finally {
      await shortLived.stop();
    }
  });

  test.each([429, 503])('an API that answers %i is asked again, not sooner than it wants', async (status) => {
    await administration.ready();
    sandbox.faults.refuseManagement(status, 1, 1);
    const startMs = clock.monotonicMs();
    await expect(administration.get('no/such/queue')).resolves.toBeUndefined();
    expect(clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(1_000);
  });

  test('an API that stays down is given up after a bounded number of attempts', async () => {
    await administration.ready();
    const { managementRequests } = sandbox.counters;
    sandbox.faults.refuseManagement(503, 'until-cleared');
    await expect(administration.get('q')).rejects.toMatchObject({
      code: 'MANAGEMENT_UNAVAILABLE',
      message: expect.stringContaining('answered 503 to reading queue q') as unknown,
    });
    expect(sandbox.counters.managementRequests - managementRequests).toBe(3);
  });

  test('an API that cannot be reached, and one that never answers, are named within the time-out', async () => {
    sandbox.faults.tokenEndpoint({ kind: 'hang' }, 'until-cleared');
    const impatient = { clock, random, limits: { ...limits, timeoutMs: 100 } };
    await expect(
      administrationOf(sandbox.credentials(), undefined, impatient).get('q'),
    ).rejects.toMatchObject({
      code: 'MANAGEMENT_UNAVAILABLE',
      message: expect.stringContaining('did not answer within 100 ms') as unknown,
    });
    await sandbox.stop();
    await expect(administration.get('q')).rejects.toMatchObject({
      code: 'MANAGEMENT_UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED') as unknown,
    });
  });

  test('credentials and rights that are refused are said at once, and what to check; no secret is shown', async () => {
    sandbox.faults.tokenEndpoint({ kind: 'status', status: 401 });
    await expect(administration.get('q')).rejects.toMatchObject({
      code: 'MANAGEMENT_TOKEN_REFUSED',
      message: expect.not.stringContaining('sandbox') as unknown,
    });
    expect(sandbox.counters.tokenRequests).toBe(1);
    sandbox.faults.refuseManagement(403);
    const { managementRequests } = sandbox.counters;
    await expect(administration.get('q')).rejects.toMatchObject({ code: 'MANAGEMENT_FORBIDDEN' });
    expect(sandbox.counters.managementRequests - managementRequests).toBe(1);
    sandbox.faults.tokenEndpoint({ kind: 'not-json' });
    const fresh = administrationOf(sandbox.credentials());
    await expect(fresh.get('q')).rejects.toMatchObject({ code: 'MANAGEMENT_WRONG_ANSWER' });
  });

  test('a stop ends the wait for the API', async () => {
    const stop = new AbortController();
    const parts = { clock, random, limits, signal: stop.signal };
    const stoppable = administrationOf(sandbox.credentials(), undefined, parts);
    sandbox.faults.refuseManagement(503, 'until-cleared', 4);
    const ready = expect(stoppable.ready()).rejects.toMatchObject({ code: 'MANAGEMENT_UNAVAILABLE' });
    await sandbox.until(({ counters }) => counters.managementRequests > 0, 5_000);
    stop.abort();
    await ready;
  });
});

describe('on an API that is strict', () => {
  test('every PUT has a body, and every name is one fully encoded segment below the base of Integration Suite', async () => {
    const seen: string[] = [];
    const server = http.createServer((request, response) => {
      void (async () => {
        const { method = '', url = '' } = request;
        const body = await text(request);
        response.setHeader('content-type', 'application/json');
        if (url === '/oauth/token') return response.end('{"access_token":"t"}');
        seen.push(`${method} ${url} ${body}`);
        if (method === 'GET' && url.endsWith('/subscriptions')) return response.end('[]');
        // As Integration Suite does without a body.
        response.statusCode =
          method === 'PUT' && body === '' ? 400 : url.endsWith('/readinessCheck') ? 404 : 200;
        return response.end('{"accessType":"EXCLUSIVE"}');
      })();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const oa2 = { clientid: 'c', clientsecret: 's', tokenendpoint: `${url}/oauth/token` };
    try {
      const administration = administrationOf(
        {
          messaging: [{ protocol: ['amqp10ws'], uri: url.replace('http', 'ws'), oa2 }],
          management: [{ uri: url, oa2 }],
        },
        'event-mesh-message-client',
      );
      await setupQueues(planQueues({ mesh: { ...settings, subscriptions: ['+/+/x'] }, ...others }), {
        administration,
        obsolete: 'keep',
      });
      const base = '/sap-event-mesh/rest/api/v1';
      const queue = 'default%2Fterritory%2Fsync%2Fterritory%2Fchanges';
      expect(seen[0]).toBe(`GET ${base}/readinessCheck `);
      expect(seen).toContainEqual(expect.stringMatching(`^PUT ${base}/queues/${queue} .*"maxTtl":604800`));
      expect(seen.at(-1)).toBe(`PUT ${base}/queues/${queue}/subscriptions/%2B%2F%2B%2Fx {}`);
    } finally {
      await closed(server);
    }
  });
});

describe('with a client certificate', () => {
  test('the token is asked for with it and without a secret; the binding`s authority is trusted', async () => {
    const seen: string[] = [];
    const options = {
      cert: certificate,
      key: certificateKey,
      ca: certificate,
      requestCert: true,
      rejectUnauthorized: false,
    };
    const server = https.createServer(options, (request, response) => {
      void (async () => {
        const { authorized } = request.socket as TLSSocket;
        const body = await text(request);
        const { pathname } = new URL(request.url ?? '/', 'https://x');
        seen.push(
          `${request.method} ${decodeURIComponent(pathname)} ${authorized ? 'certified' : 'anonymous'} ${body}`,
        );
        const token = { access_token: 't', expires_in: 3600 };
        response.setHeader('content-type', 'application/json');
        response.end(
          JSON.stringify(pathname === '/oauth/token' ? token : { name: 'q', accessType: 'EXCLUSIVE' }),
        );
      })();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const oa2 = { clientid: 'sb|x!b1', tokenendpoint: 'https://unused.example.com' };
    try {
      const administration = administrationOf({
        ca: certificate,
        uaa: { certificate, key: certificateKey, certurl: url },
        messaging: [{ protocol: ['amqp10ws'], uri: url.replace('https', 'wss'), oa2 }],
        management: [{ uri: url, oa2 }],
      });
      expect(await inspectQueue('a/q', administration)).toEqual({ kind: 'exclusive' });
      expect(seen).toEqual([
        'POST /oauth/token certified grant_type=client_credentials&client_id=sb%7Cx%21b1',
        'GET /hub/rest/api/v1/management/messaging/queues/a/q anonymous ',
      ]);
    } finally {
      await closed(server);
    }
  });
});

const missing = await whyNoRabbitManagement();

describeNeeding(missing, 'on RabbitMQ', () => {
  const prefix = `territory-sync/setup/${process.pid}`;
  const own = planQueues({
    mesh: { ...settings, queue: `${prefix}/changes`, deadLetterQueue: `${prefix}/deadletter` },
    ...others,
  });
  const credentials = {
    uri: 'amqp://127.0.0.1:5672',
    dialect: 'rabbitmq',
    managementUri: rabbitManagementUri,
  };
  const administration = administrationOf(credentials);
  const setup = (obsolete: 'keep' | 'remove' = 'keep') => setupQueues(own, { administration, obsolete });

  afterAll(async () => {
    for (const { name } of [own.work, own.deadLetters]) await deleteQueue(name);
  });

  test('a set-up declares quorum queues with one active consumer and binds the topics; a second one changes nothing', async () => {
    const first = await setup();
    expect(first.queues).toMatchObject([
      { action: 'created', differences: [] },
      {
        action: 'created',
        set: {
          durable: true,
          'x-queue-type': 'quorum',
          'x-single-active-consumer': true,
          'x-message-ttl': 604_800_000,
        },
        differences: [],
      },
    ]);
    expect(first.subscriptions.map(({ pattern }) => pattern)).toEqual([
      '*.*.*.ce.cx.territory.assignments.changed.v1',
      'default.territory.sync.#',
    ]);
    expect(await examineQueues(own, administration)).toEqual([]);
    expect(await inspectQueue(own.work.name, administration)).toEqual({ kind: 'exclusive' });
    const second = await setup();
    expect(second.queues.map(({ action }) => action)).toEqual(['unchanged', 'unchanged']);
    expect(second.subscriptions.map(({ action }) => action)).toEqual(['present', 'present']);
  });

  test('obsolete bindings are removed only when told to', async () => {
    await setup();
    await administration.addSubscription(own.work.name, 'old.#');
    expect((await setup()).subscriptions.at(-1)).toMatchObject({ pattern: 'old.#', action: 'obsolete' });
    expect((await setup('remove')).subscriptions.at(-1)).toMatchObject({
      pattern: 'old.#',
      action: 'removed',
    });
    expect(await administration.subscriptions(own.work.name)).not.toContain('old.#');
  });

  test('a queue declared otherwise is named property by property and left as it is', async () => {
    const name = `${prefix}/classic`;
    await administration.put(name, { 'x-queue-type': 'classic' });
    try {
      const report = await setupQueues(
        { ...own, work: { ...own.work, name } },
        { administration, obsolete: 'keep' },
      );
      expect(report.queues[1]).toMatchObject({ action: 'unchanged', set: {} });
      expect(report.queues[1]?.differences.map(({ property }) => property)).toEqual([
        'x-queue-type',
        'x-single-active-consumer',
        'x-message-ttl',
        'x-dead-letter-exchange',
        'x-dead-letter-routing-key',
        'x-dead-letter-strategy',
        'x-overflow',
      ]);
      expect(await inspectQueue(name, administration)).toMatchObject({ kind: 'not-exclusive' });
    } finally {
      await deleteQueue(name);
    }
  });

  test('a wrong password is said at once', async () => {
    const wrong = administrationOf({ ...credentials, uri: 'amqp://guest:wrong@127.0.0.1:5672' });
    await expect(wrong.ready()).rejects.toMatchObject({ code: 'MANAGEMENT_UNAUTHORIZED' });
    const right = administrationOf({
      ...credentials,
      uri: 'amqp://guest:wrong@127.0.0.1:5672',
      managementUri: rabbitManagementUri.replace('//', '//guest:guest@'),
    });
    await right.ready();
  });
});
