/**
 * Queue management of RabbitMQ through its management HTTP API, on the default virtual host, which is also the one that an AMQP 1.0
 * connection without a host name gets. Topics are bindings of the exchange `amq.topic`.
 */
import { decodedPart } from '../../platform/credential-text.ts';
import type { PropertyValue, QueueAdministration, QueueProperties } from './administration.ts';
import { createJsonApi } from './json-api.ts';
import type { ManagementParts } from './patience.ts';
import { wrongAnswer } from './problem.ts';
import { rabbitRequirements, SINGLE_ACTIVE_CONSUMER, type DeliveryLimit } from './rabbitmq-queue.ts';

export interface RabbitManagement {
  /** `http://host:15672`, with or without user and password, which win over the others. */
  readonly uri: string;
  readonly user: string;
  readonly password: string;
  readonly deliveryLimit: DeliveryLimit;
  readonly ca?: string;
}

const PRODUCT = 'RabbitMQ';
const WHAT = `${PRODUCT}'s management API`;
const VHOST = '%2F';
const EXCHANGE = 'amq.topic';
/** What stays one segment when a URL is made of it: dots alone, escaped ones too, would go up. */
const PATH_SEGMENT = /^(?!(?:\.|%2e){1,2}$)(?:(?![/\\?#])[!-~])+$/i;

/** A topic pattern as a binding key of a topic exchange. */
export function bindingKey(pattern: string): string {
  return pattern
    .split('/')
    .map((segment, index, all) =>
      segment === '+' ? '*' : segment === '*' && index === all.length - 1 ? '#' : segment,
    )
    .join('.');
}

export function createRabbitAdministration(
  management: RabbitManagement,
  parts: ManagementParts,
): QueueAdministration {
  const { base, authorization } = addressOf(management);
  const api = createJsonApi({
    ...parts,
    ...(management.ca !== undefined && { ca: management.ca }),
    what: WHAT,
    base: `${base}/api`,
    credentials: { get: () => Promise.resolve(authorization), refused: () => 'are-the-same' },
  });
  const queuePath = (queue: string) => `/queues/${VHOST}/${encodeURIComponent(queue)}`;
  const bindingsPath = (queue: string) => `/bindings/${VHOST}/e/${EXCHANGE}/q/${encodeURIComponent(queue)}`;

  async function bindings(queue: string): Promise<readonly Binding[]> {
    const doing = `reading the bindings of queue ${queue}`;
    const body = await api.call({ doing, method: 'GET', path: bindingsPath(queue) });
    if (!Array.isArray(body) || !body.every(isBinding)) throw wrongAnswer(WHAT, doing);
    return body;
  }

  return {
    product: PRODUCT,
    exclusive: { property: SINGLE_ACTIVE_CONSUMER, value: true, unshown: 'unset' },
    remedy:
      'correct the policy where one sets it, else stop what receives from it, let it run empty, delete it and run the set-up again',
    requirements: (queue) => rabbitRequirements(queue, management.deliveryLimit),
    pattern: bindingKey,
    ready: () => api.untilReady({ doing: 'the question who asks', method: 'GET', path: '/whoami' }),
    async get(queue) {
      const doing = `reading queue ${queue}`;
      const result = await api.find({ doing, method: 'GET', path: queuePath(queue) });
      return result && propertiesOf(result.body, doing);
    },
    async put(queue, properties) {
      const doing = `declaring queue ${queue}`;
      const { durable = true, ...args } = properties;
      const body = { durable, auto_delete: false, arguments: args };
      await api.call({ doing, method: 'PUT', path: queuePath(queue), body });
    },
    subscriptions: async (queue) => (await bindings(queue)).map(({ routing_key: key }) => key),
    async addSubscription(queue, pattern) {
      const doing = `binding queue ${queue} to ${pattern}`;
      const body = { routing_key: pattern, arguments: {} };
      await api.call({ doing, method: 'POST', path: bindingsPath(queue), body });
    },
    async removeSubscription(queue, pattern) {
      const doing = `unbinding queue ${queue} from ${pattern}`;
      for (const { routing_key: key, properties_key: encoded } of await bindings(queue)) {
        if (key !== pattern) continue;
        // The API gives this name of a binding in the form in which it wants it back; it must not lead elsewhere.
        if (!PATH_SEGMENT.test(encoded)) throw wrongAnswer(WHAT, doing);
        await api.find({ doing, method: 'DELETE', path: `${bindingsPath(queue)}/${encoded}` });
      }
    },
  };
}

interface Binding {
  readonly routing_key: string;
  readonly properties_key: string;
}

function isBinding(value: unknown): value is Binding {
  if (typeof value !== 'object' || value === null) return false;
  const { routing_key: key, properties_key: encoded } = value as Readonly<Record<string, unknown>>;
  return typeof key === 'string' && typeof encoded === 'string';
}

function addressOf({ uri, user, password }: RabbitManagement): {
  readonly base: string;
  readonly authorization: string;
} {
  const url = new URL(uri);
  const pair =
    url.username === '' ? `${user}:${password}` : `${decodedPart(url.username)}:${decodedPart(url.password)}`;
  return {
    // Behind a proxy the API may have a path of its own.
    base: url.origin + url.pathname.replace(/\/+$/, ''),
    authorization: `Basic ${Buffer.from(pair).toString('base64')}`,
  };
}

/** Arguments of the declaration, over what policies set under the same names without `x-`. */
function propertiesOf(body: unknown, doing: string): QueueProperties {
  const queue = record(body);
  if (queue === undefined) throw wrongAnswer(WHAT, doing);
  const policy = Object.entries(record(queue['effective_policy_definition']) ?? {}).map(
    ([name, value]) => [`x-${name}`, value] as const,
  );
  const properties: Record<string, PropertyValue> = { 'x-queue-type': 'classic' };
  for (const [name, value] of [...policy, ...Object.entries(record(queue['arguments']) ?? {})]) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      properties[name] = value;
  }
  return { ...properties, durable: queue['durable'] === true };
}

function record(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}
