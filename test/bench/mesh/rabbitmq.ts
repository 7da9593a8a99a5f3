/** A RabbitMQ on this machine, with a queue for the time of a benchmark; filled through the mesh layer, outside the measurement. */
import { createMesh, type MeshEndpoint } from '../../../srv/mesh/index.ts';
import { systemClock } from '../../../srv/platform/clock.ts';
import type { Log } from '../../../srv/platform/log.ts';
import { systemRandom } from '../../../srv/platform/random.ts';
import { declareQueue, deleteQueue, rabbitPort, whyNoRabbit } from '../../integration/rabbitmq.ts';
import type { Broker } from './receivers.ts';

const silent = (): void => undefined;
const log: Log = { debug: silent, info: silent, warn: silent, error: silent, child: () => log };

/** What `use` gives, or why there is no RabbitMQ. */
export async function withRabbit<T>(
  body: string,
  use: (broker: Broker, fill: (count: number) => Promise<void>) => Promise<T>,
): Promise<T | string> {
  const missing = await whyNoRabbit();
  if (missing !== undefined) return missing;
  const queue = `territory-sync/bench/${process.pid}`;
  await declareQueue(queue);
  const uri = `amqp://127.0.0.1:${rabbitPort}`;
  const endpoint: MeshEndpoint = { kind: 'amqp', uri, user: 'guest', password: 'guest', dialect: 'rabbitmq' };
  const publisher = createMesh({ endpoint, clock: systemClock, random: systemRandom, log });
  publisher.start();
  try {
    const broker: Broker = {
      queue,
      endpoint,
      address: `/amq/queue/${encodeURIComponent(queue)}`,
      options: () => ({
        net: { host: '127.0.0.1', port: rabbitPort },
        sasl: { mechanism: 'PLAIN', user: 'guest', password: 'guest' },
      }),
    };
    return await use(broker, async (count) => {
      let left = count;
      const publish = async (): Promise<void> => {
        while (left-- > 0) {
          const to = { kind: 'queue', name: queue } as const;
          const message = { to, body: Buffer.from(body), contentType: 'application/cloudevents+json' };
          while ((await publisher.publish(message)).kind !== 'accepted') await new Promise(setImmediate);
        }
      };
      await Promise.all(Array.from({ length: 100 }, publish));
    });
  } finally {
    await publisher.stop();
    await deleteQueue(queue);
  }
}
