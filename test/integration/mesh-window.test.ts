/** The receive window in bytes, against the sandbox's broker over real sockets: what the broker saw unsettled at most. */
import { expect, test } from 'vitest';
import { eventually } from './mesh-parts.ts';
import { sandboxStage } from './mesh-stage.ts';

const stage = sandboxStage();
const { queue, receiving } = stage;

const MB = 1_048_576;
const LARGE = MB - 1_024;

test('messages of a megabyte come until the limit of bytes; each settled one lets one more come', async () => {
  for (let count = 0; count < 40; count++) stage.sandbox.enqueue(queue, { body: Buffer.alloc(LARGE, count) });
  let peakBytes = 0;
  const { inbox } = receiving(1_000, { windowBytes: 8 * MB });
  inbox.onDelivery = () => {
    peakBytes = Math.max(peakBytes, stage.sandbox.depth(queue).unsettled * LARGE);
  };
  await eventually(() => inbox.deliveries.length === 8, 'a full window');
  let settled = 0;
  while (settled < 40) {
    await eventually(() => inbox.deliveries.length > settled, 'the next message');
    inbox.deliveries[settled++]?.accept();
  }
  await stage.sandbox.until((mesh) => mesh.counters.acceptances === 40, 10_000);
  console.log(
    `Receive window of 8 MiB, messages of 1 MiB: at most ${(peakBytes / MB).toFixed(2)} MiB unsettled at the broker`,
  );
  expect(peakBytes).toBeLessThanOrEqual(8 * MB);
  expect(peakBytes).toBeGreaterThan(7 * MB);
  expect(inbox.deliveries.map(({ message }) => message.body[0])).toEqual(
    Array.from({ length: 40 }, (_, at) => at),
  );
});

test('a message larger than the limit is received alone, and those behind it after it', async () => {
  await stage.replaceSandbox({ maxMessageSizeBytes: 4 * MB, tcp: {} });
  stage.sandbox.createQueue(queue, { maxMessageSizeInBytes: 4 * MB });
  for (const size of [10, 3 * MB, 10, 3 * MB, 10]) stage.sandbox.enqueue(queue, { body: Buffer.alloc(size) });
  const { inbox } = receiving(1_000, { windowBytes: MB });
  const besides: number[] = [];
  inbox.onDelivery = (delivery) => {
    besides.push(stage.sandbox.depth(queue).unsettled);
    delivery.accept();
  };
  await stage.sandbox.until((mesh) => mesh.counters.acceptances === 5, 10_000);
  expect(inbox.deliveries.map(({ message }) => message.body.length)).toEqual([10, 3 * MB, 10, 3 * MB, 10]);
  expect(besides).toEqual([1, 1, 1, 1, 1]);
});
