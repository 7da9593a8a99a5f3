/**
 * A RabbitMQ 3.x in place of the embedded mesh: its queues are declared through the management API, as the service expects
 * them, and deleted at the end; the upstream system and the observer of outcomes are a plain client of its AMQP 1.0 plugin.
 * Every name holds a part of its own for each run, so that runs at a time do not see each other.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import type { EventContext } from 'rhea';
import { bodyOf, PlainClient } from '../sandbox/mesh/plain-client.ts';
import { startTerritoryApi } from '../sandbox/territory-api/index.ts';
import { structuredEvent } from '../system/published-change.ts';
import { countEnded, type OutcomeEvent } from '../system/world.ts';
import type { RabbitMqAddress } from './arguments.ts';
import { createOwned, type Owned } from './owned.ts';
import { DemoError } from './problem.ts';
import { RabbitMqManagement } from './rabbitmq-management.ts';
import type { Scenario } from './scenario.ts';
import type { DemoSystem } from './system.ts';

/** Outcome events that the observer takes; what it has taken it keeps. */
const OUTCOMES_MAX = 20_000;
/** Granted anew only when used up: the plugin loses count of credit that is raised while deliveries are under way. */
const CREDIT = 500;

/** Of a scenario, what there has to be before anything is published. */
type Setting = Pick<Scenario, 'api' | 'records'>;

export interface OnRabbitMq extends DemoSystem {
  /** Their names, for who wants to look into them. */
  readonly queues: { readonly work: string; readonly deadLetters: string };
}

/** @throws {DemoError} where RabbitMQ cannot be reached or refuses */
export async function startOnRabbitMq(address: RabbitMqAddress, scenario: Setting): Promise<OnRabbitMq> {
  const own = createOwned();
  try {
    return await start(address, scenario, own);
  } catch (error) {
    // What went wrong first is what the caller has to know.
    await own.end().catch(() => {});
    throw error;
  }
}

async function start(address: RabbitMqAddress, scenario: Setting, own: Owned): Promise<OnRabbitMq> {
  const names = namesOf(randomUUID().slice(0, 8));
  const management = new RabbitMqManagement(address);
  for (const [queue, routingKey] of names.queues) {
    await own.own(
      () => management.declareQueue(queue),
      () => management.deleteQueue(queue),
    );
    if (routingKey !== undefined) await management.bind(queue, routingKey);
  }
  const line = await own.own(
    () => connect(address.uri),
    (connected) => connected.close(),
  );
  const inbox = collectOutcomes(line.client, names.outcomes);
  const outbox = line.client.send(`/topic/${names.upstreamTopic}`);

  const api = await own.own(
    () => startTerritoryApi(scenario.api),
    (started) => started.stop(),
  );
  api.seedRecords(scenario.records);

  return {
    api,
    queues: names,
    meshAddress: `${new URL(address.uri).host} (RabbitMQ), queue ${names.work}`,
    env: () => ({
      VCAP_SERVICES: JSON.stringify({
        'user-provided': [
          {
            name: 'rabbitmq',
            label: 'user-provided',
            tags: ['mesh'],
            credentials: { uri: address.uri, dialect: 'rabbitmq', namespace: names.namespace },
          },
        ],
      }),
      destinations: JSON.stringify([api.destination('TERRITORY_API')]),
    }),
    async publish(change) {
      const sent = outbox.send(structuredEvent(change), {
        content_type: 'application/cloudevents+json',
        message_id: change.id,
        durable: true,
      });
      const { outcome } = await Promise.race([sent, line.lost]);
      if (outcome !== 'accepted') {
        throw new DemoError('RABBITMQ_REFUSED', `RabbitMQ ${outcome} a published change: see its log`);
      }
    },
    outcomes: () => inbox.outcomes,
    untilEnded: (changes, timeoutMs) => Promise.race([inbox.untilEnded(changes, timeoutMs), line.lost]),
    stop: () => own.end(),
  };
}

/** `namespace` has three segments, as the names of SAP Event Mesh. */
function namesOf(run: string) {
  const namespace = `demo/territory/${run}`;
  const work = `${namespace}/territory/changes`;
  const deadLetters = `${namespace}/territory/deadletter`;
  const outcomes = `${namespace}/observer/outcomes`;
  const upstreamTopic = `demo.crm.${run}.ce.cx.territory.assignments.changed.v1`;
  return {
    namespace,
    work,
    deadLetters,
    outcomes,
    upstreamTopic,
    queues: [
      [work, upstreamTopic],
      [outcomes, `${namespace.replaceAll('/', '.')}.ce.cx.territory.sync.#`],
      [deadLetters, undefined],
    ] as const,
  };
}

interface Line {
  readonly client: PlainClient;
  /** Rejects when the connection is lost or closed. */
  readonly lost: Promise<never>;
  close(): Promise<void>;
}

async function connect(uri: string): Promise<Line> {
  const { protocol, hostname, port, username, password } = new URL(uri);
  const client = new PlainClient({
    transport: protocol === 'amqps:' ? 'tls' : 'tcp',
    host: hostname,
    port: Number(port || (protocol === 'amqps:' ? 5671 : 5672)),
    username: decodeURIComponent(username) || 'guest',
    password: decodeURIComponent(password) || 'guest',
  });
  const over = new Promise<void>((resolve) => {
    for (const event of ['connection_close', 'disconnected']) client.connection.once(event, () => resolve());
  });
  const lost = over.then(() => {
    throw new DemoError('MESH_LOST', 'The connection to RabbitMQ was lost: see its log, and start again');
  });
  // Whoever waits for something hears of it; at other times nobody does.
  lost.catch(() => {});
  const opened = await Promise.race([client.saw('open').then(() => true), over.then(() => false)]);
  if (!opened) {
    throw new DemoError(
      'RABBITMQ_UNREACHABLE',
      `RabbitMQ at ${hostname} took no AMQP 1.0 connection: check --mesh, and run rabbitmq-plugins enable rabbitmq_amqp1_0`,
    );
  }
  return {
    client,
    lost,
    async close() {
      if (!client.connection.is_closed()) client.connection.close();
      await over;
    },
  };
}

function collectOutcomes(client: PlainClient, queue: string) {
  const outcomes: OutcomeEvent[] = [];
  const arrivals = new EventEmitter();
  const { receiver } = client.receive(`/amq/queue/${encodeURIComponent(queue)}`, CREDIT);
  let [granted, received] = [CREDIT, 0];
  receiver.on('message', ({ message, delivery }: EventContext) => {
    const event = JSON.parse(bodyOf(message)) as OutcomeEvent;
    // Alerts share the failure topic where no alert service is bound.
    if (!event.type.endsWith('.sync.alert.v1')) outcomes.push(event);
    delivery?.accept();
    received += 1;
    if (received === granted && granted < OUTCOMES_MAX) {
      receiver.add_credit(CREDIT);
      granted += CREDIT;
    }
    arrivals.emit('arrival');
  });
  return {
    outcomes,
    async untilEnded(changes: number, timeoutMs: number): Promise<'ended' | 'timed-out'> {
      const signal = AbortSignal.timeout(timeoutMs);
      while (countEnded(outcomes) < changes) {
        await once(arrivals, 'arrival', { signal }).catch(() => {});
        if (signal.aborted) return 'timed-out';
      }
      return 'ended';
    },
  };
}
