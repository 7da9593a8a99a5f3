/**
 * RabbitMQ ends the session of a consumer that keeps a delivery unsettled for longer than `consumer_timeout` (30 minutes by default).
 * In embedded mode an outage of the API or a pause does just that: the flow goes on by itself, in order, and nothing is dead-lettered.
 */
import { expect } from 'vitest';
import type { MeshEndpoint } from '../../srv/mesh/index.ts';
import { eventually, Inbox, rig } from '../integration/mesh-parts.ts';
import { testNeeding } from '../integration/needing.ts';
import { startRabbitMq } from '../integration/rabbitmq-server.ts';
import { declareQueueOn, whyNoRabbit } from '../integration/rabbitmq.ts';
import { closedAfterEach } from '../system/closing.ts';
import { readyIn } from './mesh/rabbitmq-queue.ts';

const MESSAGES = 30;
const PATIENCE_MS = 1_000;
const ENDS = 3;
const missing = await whyNoRabbit();
const closing = closedAfterEach();

testNeeding(missing, 'deliveries that are kept for longer than RabbitMQ waits', async () => {
  const queue = 'territory-sync/kept';
  const broker = await startRabbitMq();
  closing.push(() => broker.stop());
  await broker.control(
    'eval',
    `application:set_env(rabbit, consumer_timeout, ${PATIENCE_MS}), application:set_env(rabbit, channel_tick_interval, 500).`,
  );
  await declareQueueOn(broker.control, queue);
  const uri = `amqp://127.0.0.1:${broker.port}`;
  const endpoint: MeshEndpoint = { kind: 'amqp', uri, user: 'guest', password: 'guest', dialect: 'rabbitmq' };
  const { mesh, clock, log } = rig(endpoint, { backoff: { firstMs: 100, maxMs: 1_000 } });
  closing.push(() => mesh.stop());
  const inbox = new Inbox();
  const order: number[] = [];
  let settles = false;
  inbox.onDelivery = (delivery) => {
    const number = Number(delivery.message.body.toString());
    order.push(number);
    if (settles) delivery.accept();
  };
  mesh.subscribe({ queue, window: MESSAGES }, inbox);
  mesh.start();
  for (let number = 0; number < MESSAGES; number += 1) {
    const to = { kind: 'queue', name: queue } as const;
    const message = { to, body: Buffer.from(String(number)), contentType: 'text/plain' };
    while ((await mesh.publish(message)).kind !== 'accepted') {
      await new Promise<void>((resolve) => void clock.after(20, resolve));
    }
  }
  await eventually(() => order.length >= MESSAGES * (ENDS + 1), `${ENDS} ends of the session`, 60_000);
  const kept = order.length;
  settles = true;
  await eventually(() => order.length >= kept + MESSAGES, 'all of them once more', 60_000);
  await mesh.stop();
  const ends = log.failures.map(({ code }) => code);
  console.log(
    `RabbitMQ: ${order.length / MESSAGES} rounds of ${MESSAGES} deliveries; connection lost: ${ends.join(', ') || 'never'}`,
  );
  // Each round from the start of the queue, in its order.
  expect(order).toEqual(order.map((_, index) => index % MESSAGES));
  expect(await readyIn(queue, broker.control)).toBe(0);
  expect(log.defects).toEqual([]);
});
