/** A RabbitMQ 3.x on this machine for tests: found or not, its AMQP 1.0 plugin enabled where that is possible, queues declared. */
import { execFile } from 'node:child_process';
import net from 'node:net';
import { promisify } from 'node:util';

const run = promisify(execFile);
const host = '127.0.0.1';
const port = 5672;
export { port as rabbitPort };

/** Why RabbitMQ cannot be used; undefined if it can. */
export async function whyNoRabbit(): Promise<string | undefined> {
  const answer = await greet();
  if (answer === undefined) return `RabbitMQ does not listen on ${host}:${port}`;
  if (!answer.equals(amqp10)) {
    const enabled = await run('rabbitmq-plugins', ['enable', 'rabbitmq_amqp1_0']).then(
      () => true,
      () => false,
    );
    if (!enabled || !(await greet())?.equals(amqp10)) {
      return 'RabbitMQ runs without AMQP 1.0: as root, rabbitmq-plugins enable rabbitmq_amqp1_0';
    }
  }
  return control('eval', 'ok.').then(
    () => undefined,
    () => 'rabbitmqctl cannot be used: run the tests as root or as the user rabbitmq',
  );
}

/** Header of AMQP 1.0 with SASL: a broker that speaks it answers the same bytes, any other its own protocol's. */
const amqp10 = Buffer.from('AMQP\u0003\u0001\u0000\u0000', 'latin1');

function greet(): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: 3_000 });
    const answer = (bytes?: Buffer): void => {
      socket.destroy();
      resolve(bytes?.subarray(0, amqp10.length));
    };
    socket.on('connect', () => socket.write(amqp10));
    socket.on('data', answer);
    socket.on('error', () => answer());
    socket.on('timeout', () => answer());
    socket.on('close', () => answer());
  });
}

/** `rabbitmqctl` with these arguments; gives what it prints. */
export type RabbitControl = (...args: readonly string[]) => Promise<string>;

/** This machine's node. */
export const control: RabbitControl = async (...args) => (await run('rabbitmqctl', ['-q', ...args])).stdout;

/** Declares a queue on this machine's RabbitMQ. */
export async function declareQueue(name: string, ...routingKeys: readonly string[]): Promise<void> {
  await declareQueueOn(control, name, ...routingKeys);
}

/**
 * Declares a queue as the service wants it (durable, quorum, single active consumer) with bindings to amq.topic.
 * Names must not hold quotes.
 */
export async function declareQueueOn(
  node: RabbitControl,
  name: string,
  ...routingKeys: readonly string[]
): Promise<void> {
  const args = '[{<<"x-queue-type">>, longstr, <<"quorum">>}, {<<"x-single-active-consumer">>, bool, true}]';
  const steps = [
    `Queue = rabbit_misc:r(<<"/">>, queue, <<"${name}">>)`,
    'Topics = rabbit_misc:r(<<"/">>, exchange, <<"amq.topic">>)',
    `rabbit_amqqueue:declare(Queue, true, false, ${args}, none, <<"guest">>)`,
    ...routingKeys.map(
      (key) => `rabbit_binding:add({binding, Topics, <<"${key}">>, Queue, []}, <<"guest">>)`,
    ),
  ];
  await node('eval', `${steps.join(', ')}, ok.`);
}

export async function deleteQueue(name: string): Promise<void> {
  await control('delete_queue', name);
}
