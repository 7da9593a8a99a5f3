/** The calls of RabbitMQ's management HTTP API that the demo needs, on the default virtual host. */
import type { RabbitMqAddress } from './arguments.ts';
import { DemoError } from './problem.ts';

const REQUEST_LIMIT_MS = 10_000;
const VHOST = '%2F';

/** One consumer receives, the others stand by. No delivery limit: every dropped connection would count as one. */
const QUEUE = {
  durable: true,
  auto_delete: false,
  arguments: { 'x-queue-type': 'quorum', 'x-single-active-consumer': true },
};

export class RabbitMqManagement {
  readonly #base: string;
  readonly #authorization: string;

  constructor({ uri, management }: RabbitMqAddress) {
    const url = new URL(management);
    const from = url.username === '' ? new URL(uri) : url;
    const user = decodeURIComponent(from.username) || 'guest';
    const password = decodeURIComponent(from.password) || 'guest';
    this.#authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    this.#base = `${url.origin}${url.pathname.replace(/\/$/, '')}`;
  }

  /** One that is there already with the same settings is left as it is. @throws {DemoError} */
  async declareQueue(name: string): Promise<void> {
    await this.#call('PUT', `queues/${VHOST}/${encodeURIComponent(name)}`, QUEUE);
  }

  /** Lets the topic exchange put what is published under the key into the queue. @throws {DemoError} */
  async bind(queue: string, routingKey: string): Promise<void> {
    const binding = `bindings/${VHOST}/e/amq.topic/q/${encodeURIComponent(queue)}`;
    await this.#call('POST', binding, { routing_key: routingKey, arguments: {} });
  }

  /** With what is in it; one that is not there is none to delete. @throws {DemoError} */
  async deleteQueue(name: string): Promise<void> {
    await this.#call('DELETE', `queues/${VHOST}/${encodeURIComponent(name)}`);
  }

  async #call(method: string, path: string, body?: object): Promise<void> {
    const response = await fetch(`${this.#base}/api/${path}`, {
      method,
      headers: { authorization: this.#authorization, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    }).catch((cause: unknown) => {
      throw new DemoError(
        'RABBITMQ_UNREACHABLE',
        `No management API answers at ${this.#base}: check --management, and run rabbitmq-plugins enable rabbitmq_management`,
        { cause },
      );
    });
    await response.arrayBuffer();
    if (response.ok || (method === 'DELETE' && response.status === 404)) return;
    throw new DemoError(
      'RABBITMQ_REFUSED',
      `The management API answered ${response.status} to ${method} ${path}: check user and password, and their permissions`,
    );
  }
}
