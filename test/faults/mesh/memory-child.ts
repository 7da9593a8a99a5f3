/**
 * A mesh layer in a process of its own, so that nothing but it is weighed: receives, settles, and publishes one message for every ten.
 * Told `measure`, it collects garbage and answers with what is left. To be started with --expose-gc; argument: the endpoint as JSON.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createMesh, type MeshEndpoint } from '../../../srv/mesh/index.ts';
import { systemClock } from '../../../srv/platform/clock.ts';
import type { Log } from '../../../srv/platform/log.ts';
import { systemRandom } from '../../../srv/platform/random.ts';

export interface Weight {
  readonly heapBytes: number;
  readonly buffersBytes: number;
  readonly residentBytes: number;
  readonly received: number;
  readonly published: number;
}

const silent = (): void => undefined;
const log: Log = { debug: silent, info: silent, warn: silent, error: console.error, child: () => log };
const [, , endpoint = ''] = process.argv;
const mesh = createMesh({
  endpoint: JSON.parse(endpoint) as MeshEndpoint,
  clock: systemClock,
  random: systemRandom,
  log,
  options: { backoff: { firstMs: 1, maxMs: 2 } },
});

let received = 0;
let published = 0;
mesh.subscribe(
  { queue: 'work', window: 200 },
  {
    attached: silent,
    lost: silent,
    delivery(delivery) {
      delivery.accept();
      if (++received % 10 !== 0) return;
      const to = { kind: 'queue', name: 'out' } as const;
      void mesh
        .publish({ to, body: delivery.message.body, contentType: 'application/json' })
        .then(({ kind }) => {
          if (kind === 'accepted') published++;
        });
    },
  },
);

async function weigh(): Promise<Weight> {
  // Several turns, for what is closed gives its memory back a little later.
  for (let turn = 0; turn < 10; turn++) {
    await nextTurn();
    globalThis.gc?.();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, buffersBytes: external, residentBytes: rss, received, published };
}

process.on('message', (word) => {
  if (word === 'measure') void weigh().then((weight) => process.send?.(weight));
  else void mesh.stop().then(() => process.disconnect());
});
mesh.start();
