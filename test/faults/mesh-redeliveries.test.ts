/**
 * Every reconnect counts as a redelivery of all that is unsettled. 300 reconnects with a full window, on brokers that count: nothing
 * may reach the dead-letter queue. SHORT=1: 60. On RabbitMQ where it is found.
 */
import { expect, test } from 'vitest';
import type { MeshEndpoint } from '../../srv/mesh/index.ts';
import { eventually, Inbox, lineTo, numbers, rig, webSocketOf } from '../integration/mesh-parts.ts';
import { describeNeeding } from '../integration/needing.ts';
import { deleteQueue, rabbitPort, whyNoRabbit } from '../integration/rabbitmq.ts';
import { startSandboxMesh } from '../sandbox/mesh/index.ts';
import { closedAfterEach } from '../system/closing.ts';
import { declareCountingQueue, readyIn } from './mesh/rabbitmq-queue.ts';

const RECONNECTS = process.env['SHORT'] === '1' ? 60 : 300;
const WINDOW = 20;
const missing = await whyNoRabbit();

const closing = closedAfterEach();

/** Loses the connection again and again, each time with a full window; then settles everything. Answers the last delivery count. */
async function reconnects(endpoint: MeshEndpoint, queue: string, cut: () => void): Promise<number> {
  const { mesh, log, clock } = rig(endpoint, {
    backoff: { firstMs: 1, maxMs: 2 },
    connectTimeoutMs: 10_000,
    attachTimeoutMs: 10_000,
    silentAfterMs: 10_000,
  });
  closing.push(() => mesh.stop());
  const inbox = new Inbox();
  mesh.subscribe({ queue, window: WINDOW }, inbox);
  mesh.start();
  for (let round = 1; round <= RECONNECTS; round++) {
    await eventually(() => inbox.deliveries.length === WINDOW, `a full window ${round}`, 20_000);
    expect(inbox.texts).toEqual(numbers(WINDOW));
    inbox.deliveries.length = 0;
    cut();
  }
  await eventually(() => inbox.deliveries.length === WINDOW, 'the last full window', 20_000);
  const last = inbox.deliveries[0]?.message.deliveryCount ?? 0;
  inbox.onDelivery = (delivery) => delivery.accept();
  inbox.deliveries.forEach((delivery) => delivery.accept());
  await eventually(() => inbox.deliveries.length === WINDOW + 5, 'what waited behind');
  expect(inbox.texts).toEqual(numbers(WINDOW + 5));
  await mesh.stop();
  expect(clock.timers).toBe(0);
  expect(log.defects).toEqual([]);
  return last;
}

test(`${RECONNECTS} reconnects on the sandbox: counted, and nothing is dead-lettered`, async () => {
  const sandbox = await startSandboxMesh();
  closing.push(() => sandbox.stop());
  sandbox.createQueue('buried');
  sandbox.createQueue('work', { accessType: 'EXCLUSIVE', maxRedeliveryCount: 0, deadMsgQueue: 'buried' });
  for (const body of numbers(WINDOW + 5)) sandbox.enqueue('work', { body });
  const last = await reconnects(webSocketOf(sandbox), 'work', () => sandbox.faults.dropConnections());
  console.log(
    `Sandbox: ${RECONNECTS} reconnects with ${WINDOW} unsettled, delivery count ${last}, dead-lettered 0`,
  );
  expect(last).toBe(RECONNECTS);
  expect(sandbox.counters).toMatchObject({ deadLettered: 0, dropped: 0, rejections: 0, expired: 0 });
  expect(sandbox.depth('buried')).toEqual({ ready: 0, unsettled: 0 });
});

describeNeeding(missing, 'on RabbitMQ', () => {
  async function withQueue(
    limit?: number,
  ): Promise<{ queue: string; buried: string; endpoint: MeshEndpoint; cut: () => void }> {
    const queue = `territory-sync/faults/${process.pid}/${limit ?? 'none'}`;
    const buried = `${queue}/buried`;
    await declareCountingQueue(queue, buried, limit);
    closing.push(() => deleteQueue(buried));
    closing.push(() => deleteQueue(queue));
    const line = await lineTo(rabbitPort);
    closing.push(() => line.close());
    const uri = `amqp://127.0.0.1:${line.port}`;
    const endpoint: MeshEndpoint = {
      kind: 'amqp',
      uri,
      user: 'guest',
      password: 'guest',
      dialect: 'rabbitmq',
    };
    const { mesh } = rig(endpoint, { publishTimeoutMs: 10_000, connectTimeoutMs: 10_000 });
    mesh.start();
    await eventually(() => mesh.status().state === 'open', 'open');
    for (const body of numbers(WINDOW + 5)) {
      const to = { kind: 'queue', name: queue } as const;
      const result = await mesh.publish({ to, body: Buffer.from(body), contentType: 'text/plain' });
      expect(result).toEqual({ kind: 'accepted' });
    }
    await mesh.stop();
    return { queue, buried, endpoint, cut: () => line.cut() };
  }

  test(`${RECONNECTS} reconnects: nothing is dead-lettered`, async () => {
    const { queue, buried, endpoint, cut } = await withQueue();
    await reconnects(endpoint, queue, cut);
    const lost = await readyIn(buried);
    console.log(`RabbitMQ: ${RECONNECTS} reconnects with ${WINDOW} unsettled, dead-lettered ${lost}`);
    expect(lost).toBe(0);
    expect(await readyIn(queue)).toBe(0);
  });

  test('it does count: with a limit of five, all that was unsettled is dead-lettered after as many', async () => {
    const { queue, buried, endpoint, cut } = await withQueue(5);
    const { mesh } = rig(endpoint, { backoff: { firstMs: 1, maxMs: 2 }, connectTimeoutMs: 10_000 });
    closing.push(() => mesh.stop());
    const inbox = new Inbox();
    mesh.subscribe({ queue, window: WINDOW }, inbox);
    mesh.start();
    for (let round = 0; round <= 5; round++) {
      await eventually(() => inbox.deliveries.length === WINDOW, 'a full window', 20_000);
      inbox.deliveries.length = 0;
      cut();
    }
    await eventually(() => inbox.deliveries.length === 5, 'what waited behind');
    expect(inbox.texts).toEqual(numbers(5, WINDOW));
    expect(await readyIn(buried)).toBe(WINDOW);
  });
});
