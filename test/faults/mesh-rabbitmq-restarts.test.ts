/**
 * RabbitMQ itself is stopped and started, ten times: the flow goes on by itself, nothing is lost, order is kept. Only where it is asked for,
 * with RABBITMQ_RESTARTS=10 (vitest.faults.config.ts): the broker is away for everybody on this machine, for about ten seconds each time.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import type { MeshEndpoint } from '../../srv/mesh/index.ts';
import { eventually, Inbox, rig } from '../integration/mesh-parts.ts';
import { declareQueue, deleteQueue, rabbitPort } from '../integration/rabbitmq.ts';

const RESTARTS = Number(process.env['RABBITMQ_RESTARTS'] ?? 0);
const control = promisify(execFile);
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

test(`${RESTARTS} restarts of RabbitMQ under traffic both ways`, async () => {
  const queue = `territory-sync/restarts/${process.pid}`;
  await declareQueue(queue);
  closing.push(() => deleteQueue(queue));
  const uri = `amqp://127.0.0.1:${rabbitPort}`;
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
    await control('rabbitmqctl', ['-q', 'stop_app']);
    await control('rabbitmqctl', ['-q', 'start_app']);
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
