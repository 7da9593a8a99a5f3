/** The mesh layer on a real RabbitMQ with its AMQP 1.0 plugin (dialect `rabbitmq`, plain TCP, SASL PLAIN). */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { MeshEndpoint, MeshOptions } from '../../srv/mesh/index.ts';
import { eventually, Inbox, lineTo, numbers, rig, type CuttableLine, type Rig } from './mesh-parts.ts';
import { describeNeeding } from './needing.ts';
import { declareQueue, deleteQueue, rabbitPort, whyNoRabbit } from './rabbitmq.ts';

const missing = await whyNoRabbit();

const queue = `territory-sync/test/${process.pid}`;
const topic = `test/${process.pid}/ce/changed`;

describeNeeding(missing, 'on RabbitMQ', () => {
  const rigs: Rig[] = [];
  let line: CuttableLine;

  beforeAll(async () => {
    line = await lineTo(rabbitPort);
    await declareQueue(queue, topic.replaceAll('/', '.'));
  });
  afterAll(async () => {
    await deleteQueue(queue);
    await line.close();
  });
  afterEach(async () => {
    await Promise.all(rigs.map(({ mesh }) => mesh.stop()));
    for (const { clock, log } of rigs.splice(0)) {
      expect(clock.timers).toBe(0);
      expect(log.defects).toEqual([]);
    }
  });

  const made = (options: Partial<MeshOptions> = {}): Rig => {
    const endpoint: MeshEndpoint = {
      kind: 'amqp',
      uri: `amqp://127.0.0.1:${line.port}`,
      user: 'guest',
      password: 'guest',
      dialect: 'rabbitmq',
    };
    const one = rig(endpoint, {
      connectTimeoutMs: 5_000,
      attachTimeoutMs: 5_000,
      publishTimeoutMs: 5_000,
      ...options,
    });
    rigs.push(one);
    return one;
  };

  const publishAll = async ({ mesh }: Rig, bodies: readonly string[]): Promise<void> => {
    await eventually(() => mesh.status().state === 'open', 'open');
    const results = await Promise.all(
      bodies.map((body, index) =>
        mesh.publish({
          to: index % 2 === 0 ? { kind: 'topic', name: topic } : { kind: 'queue', name: queue },
          body: Buffer.from(body),
          contentType: 'application/json',
          messageId: `m-${body}`,
          properties: { 'cloudEvents:source': '/Österreich', n: 3, ratio: 0.25, final: true },
        }),
      ),
    );
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['accepted']));
  };

  test('what is published to topic and queue arrives with its properties, within the window', async () => {
    const one = made();
    const inbox = new Inbox();
    one.mesh.subscribe({ queue, window: 10 }, inbox);
    let open = 0;
    let most = 0;
    inbox.onDelivery = (delivery) => {
      most = Math.max(most, ++open);
      setImmediate(() => {
        open--;
        delivery.accept();
      });
    };
    one.mesh.start();
    await publishAll(one, numbers(200));
    await eventually(() => inbox.deliveries.length === 200 && open === 0, '200 deliveries');
    expect(inbox.texts.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(200));
    expect(most).toBeLessThanOrEqual(10);
    expect(inbox.deliveries.find(({ message }) => message.messageId === 'm-7')?.message).toMatchObject({
      contentType: 'application/json',
      properties: { 'cloudEvents:source': '/Österreich', n: 3, ratio: 0.25, final: true },
    });
  });

  test('unsettled messages survive broken connections and a stop, in order, and none is dead-lettered', async () => {
    const one = made();
    const inbox = new Inbox();
    one.mesh.subscribe({ queue, window: 20 }, inbox);
    one.mesh.start();
    await eventually(() => one.mesh.status().state === 'open', 'open');
    for (const body of numbers(40)) {
      await one.mesh.publish({
        to: { kind: 'queue', name: queue },
        body: Buffer.from(body),
        contentType: 'text/plain',
      });
    }
    await eventually(() => inbox.deliveries.length === 20, 'a full window');
    line.cut();
    await eventually(() => inbox.events.includes('lost 1'), 'the link is lost');
    await eventually(() => inbox.deliveries.length === 40, 'the window again');
    expect(inbox.deliveries[0]?.accept()).toBe('stale');
    expect(inbox.texts.slice(20)).toEqual(numbers(20));
    inbox.deliveries.slice(20, 25).forEach((delivery) => expect(delivery.accept()).toBe('settled'));
    await one.mesh.stop();

    const next = made();
    const second = new Inbox();
    second.onDelivery = (delivery) => delivery.accept();
    next.mesh.subscribe({ queue, window: 20 }, second);
    next.mesh.start();
    await eventually(() => second.deliveries.length === 35, 'the rest');
    expect(second.texts).toEqual(numbers(35, 5));
  });

  test('a queue that does not exist is named and costs neither the connection nor the other queue', async () => {
    const one = made();
    const nowhere = new Inbox();
    const inbox = new Inbox();
    one.mesh.subscribe({ queue: `${queue}/nowhere`, window: 5 }, nowhere);
    one.mesh.subscribe({ queue, window: 5 }, inbox);
    one.mesh.start();
    await eventually(() => nowhere.problems.length >= 3, 'three refusals');
    expect(nowhere.problems[0]).toContain(`Queue ${queue}/nowhere does not exist`);
    expect(inbox.events).toEqual(['attached 1']);
    expect(one.mesh.status().state).toBe('open');
  });

  test('an idle connection stays, and its last sign of life stays young', async () => {
    const { mesh, clock, log } = made({ silentAfterMs: 500 });
    mesh.start();
    await eventually(() => mesh.status().state === 'open', 'open');
    const startMs = clock.monotonicMs();
    let oldest = 0;
    await eventually(() => {
      oldest = Math.max(oldest, clock.monotonicMs() - (mesh.status().lastFrameAtMs ?? 0));
      return clock.monotonicMs() - startMs > 1_200;
    }, 'twice the silence that ends a connection');
    expect(oldest).toBeLessThan(400);
    expect(log.failures).toEqual([]);
  });
});
