/**
 * A RabbitMQ of the test's own is stopped and started, ten times: the flow goes on by itself, nothing is lost, order is kept. SHORT=1: twice.
 */
import { expect } from 'vitest';
import type { MeshEndpoint } from '../../srv/mesh/index.ts';
import { eventually, Inbox, rig } from '../integration/mesh-parts.ts';
import { testNeeding } from '../integration/needing.ts';
import { startRabbitMq } from '../integration/rabbitmq-server.ts';
import { declareQueueOn, whyNoRabbit } from '../integration/rabbitmq.ts';
import { closedAfterEach } from '../system/closing.ts';

const RESTARTS = process.env['SHORT'] === '1' ? 2 : 10;
const missing = await whyNoRabbit();
const closing = closedAfterEach();

testNeeding(missing, `${RESTARTS} restarts of RabbitMQ under traffic both ways`, async () => {
  const queue = 'territory-sync/restarts';
  const broker = await startRabbitMq();
  closing.push(() => broker.stop());
  await declareQueueOn(broker.control, queue);
  const uri = `amqp://127.0.0.1:${broker.port}`;
  const endpoint: MeshEndpoint = { kind: 'amqp', uri, user: 'guest', password: 'guest', dialect: 'rabbitmq' };
  const { mesh, clock, log } = rig(endpoint, {
    connectTimeoutMs: 3_000,
    attachTimeoutMs: 3_000,
    publishTimeoutMs: 3_000,
    silentAfterMs: 5_000,
    backoff: { firstMs: 100, maxMs: 1_000 },
  });
  closing.push(() => mesh.stop());
  const inbox = new Inbox();
  const seen: number[] = [];
  inbox.onDelivery = (delivery) => {
    const number = Number(delivery.message.body.toString());
    if (!seen.includes(number)) seen.push(number);
    // Some stay unsettled for a while, so that every restart finds some.
    if (number % 5 === 0) clock.after(50, () => delivery.accept());
    else delivery.accept();
  };
  mesh.subscribe({ queue, window: 20 }, inbox);
  mesh.start();

  const end = new AbortController();
  let published = 0;
  const publishing = (async () => {
    // One after the other, each until it is accepted: the numbers then stand in the queue in order, some of them twice.
    for (; !end.signal.aborted; published++) {
      const to = { kind: 'queue', name: queue } as const;
      const message = { to, body: Buffer.from(String(published)), contentType: 'text/plain' };
      while ((await mesh.publish(message)).kind !== 'accepted') {
        await new Promise<void>((resolve) => void clock.after(20, resolve));
      }
    }
  })();

  const outagesMs: number[] = [];
  for (let restart = 1; restart <= RESTARTS; restart++) {
    const before = seen.length;
    await eventually(() => seen.length >= before + 50, `the flow before restart ${restart}`, 30_000);
    const fromMs = clock.monotonicMs();
    await broker.control('stop_app');
    await broker.control('start_app');
    const known = seen.length;
    await eventually(() => seen.length >= known + 50, `the flow after restart ${restart}`, 60_000);
    outagesMs.push(clock.monotonicMs() - fromMs);
  }
  end.abort();
  await publishing;
  await eventually(() => seen.length === published, 'all messages', 30_000);
  const seconds = outagesMs.map((ms) => (ms / 1_000).toFixed(1)).join(' ');
  console.log(
    `RabbitMQ: ${RESTARTS} restarts, ${published} messages, ${inbox.deliveries.length - published} delivered again, ` +
      `${log.failures.length} failed attempts, flow back after ${seconds} s`,
  );
  expect(seen).toEqual(Array.from({ length: published }, (_, index) => index));
  await mesh.stop();
  await eventually(() => clock.timers === 0, 'no timer left');
  expect(log.defects).toEqual([]);
});
