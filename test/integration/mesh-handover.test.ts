/** A receiver leaves its queue to the one that stands by, and goes on publishing: against the sandbox's broker over real sockets. */
import { expect, test } from 'vitest';
import { eventually, numbers } from './mesh-parts.ts';
import { sandboxStage } from './mesh-stage.ts';

const stage = sandboxStage();
const { queue, receiving, fill } = stage;

test('what it had not settled goes to the next in order, none of it rejected, and it receives no more', async () => {
  const first = receiving(5);
  await stage.sandbox.until((mesh) => mesh.consumers(queue).active === 1, 5_000);
  const second = receiving(50);
  second.inbox.onDelivery = (delivery) => void delivery.accept();
  await stage.sandbox.until((mesh) => mesh.consumers(queue).standby === 1, 5_000);
  fill(8);
  await eventually(() => first.inbox.texts.length === 5, 'a full window');
  first.inbox.deliveries.slice(0, 2).forEach((delivery) => delivery.accept());

  first.subscription.handOver();
  const rest = numbers(6, 2);
  await eventually(() => second.inbox.texts.length === rest.length, 'the other to receive');
  expect(second.inbox.texts).toEqual(rest);
  await stage.sandbox.until((mesh) => mesh.depth(queue).ready + mesh.depth(queue).unsettled === 0, 5_000);
  expect(stage.sandbox.counters).toMatchObject({ rejections: 0 });

  await eventually(() => first.mesh.status().state === 'open', 'the other connection');
  const body = Buffer.from('an outcome');
  const sent = await first.mesh.publish({
    to: { kind: 'queue', name: queue },
    body,
    contentType: 'text/plain',
  });
  expect(sent).toEqual({ kind: 'accepted' });
  await eventually(() => second.inbox.texts.length === rest.length + 1, 'the message');
  expect(stage.sandbox.consumers(queue)).toEqual({ active: 1, standby: 0 });
});
