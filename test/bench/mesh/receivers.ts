/** The two that are compared: each receives and settles a number of messages, and gives the messages per second. */
import { Client, type ClientOptions } from '@sap/xb-msg-amqp-v100';
import { createMesh, type MeshEndpoint } from '../../../srv/mesh/index.ts';
import { systemClock } from '../../../srv/platform/clock.ts';
import type { Log } from '../../../srv/platform/log.ts';
import { systemRandom } from '../../../srv/platform/random.ts';

/** A broker, said to each of them in its own words. */
export interface Broker {
  readonly queue: string;
  readonly endpoint: MeshEndpoint;
  /** The bare library's address of the queue and options, in the library's words. */
  readonly address: string;
  readonly options: () => Record<string, unknown>;
}

/** As in production. */
const WINDOW = 1_000;

/** Counts from the first message to the settlement of the last. */
class Pace {
  readonly #count: number;
  readonly #done = Promise.withResolvers<number>();
  #settled = 0;
  #startedAtMs = 0;

  constructor(count: number) {
    this.#count = count;
  }

  get perSecond(): Promise<number> {
    return this.#done.promise;
  }

  settled(): void {
    if (this.#settled === 0) this.#startedAtMs = performance.now();
    if (++this.#settled !== this.#count) return;
    this.#done.resolve(((this.#count - 1) * 1_000) / (performance.now() - this.#startedAtMs));
  }

  fail(error: unknown): void {
    this.#done.reject(error);
  }
}

export async function throughLayer({ endpoint, queue }: Broker, count: number): Promise<number> {
  const pace = new Pace(count);
  const silent = (): void => undefined;
  const log: Log = {
    debug: silent,
    info: silent,
    warn: silent,
    error: (text) => pace.fail(new Error(text)),
    child: () => log,
  };
  const mesh = createMesh({ endpoint, clock: systemClock, random: systemRandom, log });
  mesh.subscribe(
    { queue, window: WINDOW },
    {
      attached: silent,
      lost: silent,
      delivery(delivery) {
        delivery.accept();
        pace.settled();
      },
    },
  );
  mesh.start();
  try {
    return await pace.perSecond;
  } finally {
    await mesh.stop();
  }
}

/** As its README has it: the library grants credit by itself, and each message is done at once. */
export async function throughBareLibrary({ address, options }: Broker, count: number): Promise<number> {
  const pace = new Pace(count);
  const client = new Client(options() as unknown as ClientOptions);
  const gone = new Promise((resolve) => {
    client.on('disconnected', resolve);
  });
  client.on('error', (error) => pace.fail(error));
  client.on('connected', () => {
    client
      .receiver('bench')
      .attach(address, '', WINDOW)
      .on('data', (message: { done(): void }) => {
        message.done();
        pace.settled();
      });
  });
  client.connect();
  try {
    return await pace.perSecond;
  } finally {
    client.disconnect();
    await gone;
  }
}
