/** The embedded mesh seen from outside, by a plain rhea client over real sockets. */
import rhea from 'rhea';
import { afterEach, describe, expect, it } from 'vitest';
import { meshClock } from '../sandbox/mesh/index.ts';
import { MeshBed, putNumbered } from '../sandbox/mesh/plain-bed.ts';
import { clientBinding, fetchToken, PlainClient } from '../sandbox/mesh/plain-client.ts';

const WAIT_MS = 5_000;
const bed = new MeshBed();
afterEach(() => bed.end());

describe('access', () => {
  it('needs a token that was issued here and has not expired', async () => {
    let skewMs = 0;
    const clock = { ...meshClock, monotonicMs: () => meshClock.monotonicMs() + skewMs };
    const mesh = await bed.start({ tokenLifetimeS: 60, clock });
    const binding = clientBinding(mesh.credentials());
    const upgrade = (token: string) => bed.connect(mesh, token);
    const token = await fetchToken(binding);
    void upgrade('made-up');
    await mesh.until(({ counters }) => counters.upgradesRefused === 1, WAIT_MS);
    await upgrade(token);
    skewMs = 60_001;
    void upgrade(token);
    await mesh.until(({ counters }) => counters.upgradesRefused === 2, WAIT_MS);
    await upgrade(await fetchToken(binding));
    expect(mesh.counters.connections).toBe(2);
  });

  it('gives tokens to Basic and to form credentials, and 401 to a wrong secret', async () => {
    const mesh = await bed.start();
    const { tokenUrl, clientId, clientSecret } = clientBinding(mesh.credentials());
    const form = { grant_type: 'client_credentials', client_id: clientId };
    const ask = (fields: Record<string, string>) =>
      fetch(tokenUrl, { method: 'POST', body: new URLSearchParams(fields) });
    expect(await (await ask({ ...form, client_secret: clientSecret })).json()).toMatchObject({
      expires_in: 3600,
    });
    expect((await ask({ ...form, client_secret: 'wrong' })).status).toBe(401);
    expect((await ask({ ...form, grant_type: 'password' })).status).toBe(400);
    expect(mesh.counters).toMatchObject({ tokenRequests: 3, tokensIssued: 1 });
  });

  it('over plain TCP asks for SASL PLAIN', async () => {
    const mesh = await bed.start({ tcp: { user: 'me', password: 'right' } });
    mesh.createQueue('q');
    putNumbered(mesh, 'q', 1);
    const tcp = (password: string) => {
      const client = new PlainClient({ host: '127.0.0.1', port: mesh.tcpPort, username: 'me', password });
      bed.clients.push(client);
      return client;
    };
    await tcp('wrong').saw('unknown');
    const inbox = tcp('right').receive('queue:q', 1);
    await inbox.got(1);
    expect(inbox.bodies()).toEqual(['m1']);
  });
});

describe('publishing', () => {
  it('carries bytes, content type, ids and properties unchanged from a topic to every subscribed queue', async () => {
    const mesh = await bed.start();
    for (const queue of ['a', 'b']) {
      mesh.createQueue(queue);
      mesh.subscribe(queue, '+/+/+/ce/*');
    }
    const client = await bed.connect(mesh);
    const result = await client.send().send(Buffer.from([0, 1, 255]), {
      to: 'topic:default/crm/prod/ce/cx/v1',
      content_type: 'application/cloudevents+json',
      message_id: 'id-1',
      application_properties: { n: 7, s: 'x', b: rhea.types.wrap_ubyte(9) },
    });
    expect(result).toEqual({ outcome: 'accepted' });
    const expected = {
      body: Buffer.from([0, 1, 255]),
      contentType: 'application/cloudevents+json',
      messageId: 'id-1',
      to: 'topic:default/crm/prod/ce/cx/v1',
      properties: { n: 7, s: 'x', b: 9 },
    };
    expect(mesh.peek('a')).toEqual([expect.objectContaining(expected)]);
    expect(mesh.peek('b')).toEqual([expect.objectContaining(expected)]);
    const [received] = await client.receive('queue:a', 1).got(1);
    expect(received?.message).toMatchObject({
      message_id: 'id-1',
      application_properties: { n: 7, s: 'x', b: 9 },
    });
  });

  it('is refused outside the publish filters, above the size limit and without an address', async () => {
    const mesh = await bed.start({ publishFilters: ['${namespace}/*'], maxMessageSizeBytes: 100_000 });
    const outbox = (await bed.connect(mesh)).send();
    const outcome = async (to: string | undefined, body: string | Buffer) =>
      outbox.send(body, to ? { to } : {});
    expect(await outcome('topic:default/territory/sync/ce/x', 'ok')).toEqual({ outcome: 'accepted' });
    expect(await outcome('topic:other/ns/x', 'no')).toEqual({
      outcome: 'rejected',
      condition: 'amqp:not-allowed',
    });
    expect(await outcome('queue:missing', 'no')).toEqual({
      outcome: 'rejected',
      condition: 'amqp:not-found',
    });
    expect(await outcome(undefined, 'no')).toEqual({ outcome: 'rejected', condition: 'amqp:invalid-field' });
    expect(await outcome('topic:default/territory/sync/big', Buffer.alloc(100_001))).toEqual({
      outcome: 'rejected',
      condition: 'amqp:link:message-size-exceeded',
    });
    expect(mesh.counters).toMatchObject({ published: 1, unrouted: 1, publishesRefused: 4 });
  });

  it('can detach the link that sends too much, as AMQP has it', async () => {
    const mesh = await bed.start({ oversize: 'detach', maxMessageSizeBytes: 1_000 });
    const client = await bed.connect(mesh);
    void client.send('topic:a/b').send(Buffer.alloc(2_000));
    await client.saw('amqp:link:message-size-exceeded');
  });
});

describe('consuming', () => {
  it('from an unknown queue is refused with amqp:not-found', async () => {
    const mesh = await bed.start();
    const client = await bed.connect(mesh);
    client.receive('queue:missing', 1);
    await client.saw('amqp:not-found');
    expect(mesh.counters).toMatchObject({ attaches: 1, attachesRefused: 1 });
  });

  it('honours credit, and the unacknowledged window whatever the credit', async () => {
    const mesh = await bed.start();
    mesh.createQueue('q', { maxDeliveredUnackedMsgsPerFlow: 5 });
    putNumbered(mesh, 'q', 20);
    const inbox = (await bed.connect(mesh)).receive('queue:q', 3);
    await inbox.got(3);
    inbox.receiver.add_credit(100);
    await inbox.got(5);
    inbox.accept(0, 2);
    await inbox.got(7);
    expect(inbox.bodies()).toEqual(['m1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7']);
    expect(mesh.depth('q')).toEqual({ ready: 13, unsettled: 5 });
  });

  it('after a lost connection starts again in the original order, with the attempts counted', async () => {
    const mesh = await bed.start();
    mesh.createQueue('q', { accessType: 'EXCLUSIVE' });
    putNumbered(mesh, 'q', 6);
    const first = (await bed.connect(mesh)).receive('queue:q', 4);
    await first.got(4);
    first.accept(1, 2);
    await mesh.until(({ counters }) => counters.acceptances === 1, WAIT_MS);
    mesh.faults.dropConnections();
    const second = (await bed.connect(mesh)).receive('queue:q', 10);
    const deliveries = await second.got(5);
    expect(second.bodies()).toEqual(['m1', 'm3', 'm4', 'm5', 'm6']);
    expect(deliveries.map(({ message }) => message?.delivery_count)).toEqual([1, 1, 1, 0, 0]);
    expect(mesh.counters).toMatchObject({ deliveries: 9, redeliveries: 3, lostDeliveries: 3 });
  });

  it('does not tell how often where Event Mesh does not', async () => {
    const mesh = await bed.start({ deliveryCount: 'hidden' });
    mesh.createQueue('q');
    putNumbered(mesh, 'q', 1);
    const inbox = (await bed.connect(mesh)).receive('queue:q', 1);
    (await inbox.got(1))[0]?.delivery?.release();
    inbox.receiver.add_credit(1);
    const [, again] = await inbox.got(2);
    expect(again?.message).toMatchObject({ delivery_count: 0, first_acquirer: false });
  });

  it('of an EXCLUSIVE queue passes to the next consumer when the active one goes, however it goes', async () => {
    const mesh = await bed.start();
    mesh.createQueue('q', { accessType: 'EXCLUSIVE' });
    putNumbered(mesh, 'q', 2);
    const [active, next, last] = [await bed.connect(mesh), await bed.connect(mesh), await bed.connect(mesh)];
    const inboxes = [];
    for (const client of [active, next, last]) {
      inboxes.push(client.receive('queue:q', 10));
      await mesh.until((m) => m.consumers('q').active + m.consumers('q').standby === inboxes.length, WAIT_MS);
    }
    await inboxes[0]?.got(2);
    expect(mesh.consumers('q')).toEqual({ active: 1, standby: 2 });
    active.connection.close();
    await inboxes[1]?.got(2);
    inboxes[1]?.receiver.close();
    await inboxes[2]?.got(2);
    expect(inboxes.map((inbox) => inbox.bodies())).toEqual([
      ['m1', 'm2'],
      ['m1', 'm2'],
      ['m1', 'm2'],
    ]);
  });

  it('of a topic gets what is published there while the link lasts', async () => {
    const mesh = await bed.start();
    const client = await bed.connect(mesh);
    const inbox = client.receive('topic:a/*', 5);
    await mesh.until((m) => m.queues().length === 1, WAIT_MS);
    mesh.publish('a/b/c', { body: 'm1' });
    mesh.publish('b/c', { body: 'no' });
    mesh.publish('a/d', { body: 'm2' });
    await inbox.got(2);
    expect(inbox.bodies()).toEqual(['m1', 'm2']);
    inbox.receiver.close();
    await mesh.until((m) => m.queues().length === 0, WAIT_MS);
  });

  it('ends with amqp:resource-deleted when the queue is deleted', async () => {
    const mesh = await bed.start();
    mesh.createQueue('q');
    const client = await bed.connect(mesh);
    client.receive('queue:q', 1);
    await mesh.until((m) => m.consumers('q').active === 1, WAIT_MS);
    mesh.deleteQueue('q');
    await client.saw('amqp:resource-deleted');
  });

  it('rejecting goes on until maxRedeliveryCount, then the message lies in the dead-message queue', async () => {
    const mesh = await bed.start();
    mesh.createQueue('dead');
    mesh.createQueue('q', { maxRedeliveryCount: 2, deadMsgQueue: 'dead' });
    putNumbered(mesh, 'q', 1);
    const inbox = (await bed.connect(mesh)).receive('queue:q', 10);
    for (let attempt = 1; attempt <= 3; attempt++) {
      (await inbox.got(attempt))[attempt - 1]?.delivery?.reject({ condition: 'amqp:internal-error' });
    }
    await mesh.until((m) => m.depth('dead').ready === 1, WAIT_MS);
    expect(mesh.peek('dead')[0]).toMatchObject({ body: Buffer.from('m1'), failures: 0 });
    expect(mesh.counters).toMatchObject({ rejections: 3, redeliveries: 2, deadLettered: 1, dropped: 0 });
  });

  it('what nobody consumes expires into the dead-message queue, or is gone without one', async () => {
    const mesh = await bed.start({ timeScale: 0.01 });
    mesh.createQueue('dead');
    mesh.createQueue('q', { maxTtl: 3, deadMsgQueue: 'dead' });
    mesh.createQueue('lossy', { maxTtl: 3 });
    putNumbered(mesh, 'q', 2);
    putNumbered(mesh, 'lossy', 1);
    await mesh.until(({ counters }) => counters.expired === 3, WAIT_MS);
    expect(mesh.peek('dead').map(({ body }) => String(body))).toEqual(['m1', 'm2']);
    expect(mesh.counters).toMatchObject({ deadLettered: 2, dropped: 1 });
  });
});

describe('the management API', () => {
  it('creates, describes and deletes queues and subscriptions by their encoded names', async () => {
    const mesh = await bed.start();
    const token = await bed.token(mesh);
    const call = async (method: string, path: string, body?: object, bearer = token) => {
      const response = await fetch(`${mesh.url}/hub/rest/api/v1/management/messaging${path}`, {
        method,
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: text ? (JSON.parse(text) as unknown) : undefined };
    };
    const status = async (...args: Parameters<typeof call>) => (await call(...args)).status;
    expect(await status('GET', '/queues', undefined, 'wrong')).toBe(401);
    expect(await status('PUT', '/queues/a%2Fq', { deadMsgQueue: 'a/dead' })).toBe(400);
    expect(await status('PUT', '/queues/a%2Fdead', {})).toBe(201);
    expect(await status('PUT', '/queues/a%2Fq', { accessType: 'EXCLUSIVE', deadMsgQueue: 'a/dead' })).toBe(
      201,
    );
    expect(await status('PUT', '/queues/a%2Fq', { maxTtl: 60 })).toBe(200);
    expect(await status('PUT', '/queues/a%2Fq', { accessType: 'NON_EXCLUSIVE' })).toBe(409);
    expect(await status('GET', '/queues/a/q')).toBe(404);
    expect(await status('PUT', '/queues/a%2Fq/subscriptions/x%2F%2B%2F*')).toBe(201);
    expect(await status('PUT', '/queues/a%2Fq/subscriptions/x%2F%2B%2F*')).toBe(200);
    expect((await call('GET', '/queues/a%2Fq/subscriptions')).body).toEqual([
      { queueName: 'a/q', topicPattern: 'x/+/*' },
    ]);
    mesh.publish('x/y/z', { body: 'm1' });
    expect((await call('GET', '/queues/a%2Fq')).body).toMatchObject({
      name: 'a/q',
      accessType: 'EXCLUSIVE',
      maxTtl: 60,
      deadMsgQueue: 'a/dead',
      messageCount: 1,
      unacknowledgedMessageCount: 0,
    });
    expect(await status('DELETE', '/queues/a%2Fq/subscriptions/x%2F%2B%2F*')).toBe(204);
    expect(await status('DELETE', '/queues/a%2Fq')).toBe(204);
    expect(await status('GET', '/queues/a%2Fq')).toBe(404);
    mesh.faults.refuseManagement(503, 1, 7);
    expect(await status('GET', '/readinessCheck')).toBe(503);
    expect(await status('GET', '/readinessCheck')).toBe(200);
  });
});

it('carries thousands of messages a second through publish, deliver and accept', async () => {
  const mesh = await bed.start();
  mesh.createQueue('q');
  const client = await bed.connect(mesh);
  const inbox = client.receive('queue:q', 2_000);
  inbox.receiver.on('message', ({ delivery }) => {
    delivery?.accept();
    inbox.receiver.add_credit(1);
  });
  const started = performance.now();
  const count = 3_000;
  const outbox = client.send('queue:q');
  for (let n = 0; n < count; n += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, i) => outbox.send(`m${n + i}`)));
  }
  await mesh.until(({ counters }) => counters.acceptances === count, 15_000);
  const perSecond = Math.round((count * 1_000) / (performance.now() - started));
  console.info(`sandbox mesh: ${perSecond} messages/s published, delivered and accepted`);
  expect(inbox.bodies()).toEqual(Array.from({ length: count }, (_, n) => `m${n}`));
});
