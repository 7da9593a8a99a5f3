/**
 * The embedded mesh: an AMQP 1.0 broker on rhea that stands in for SAP Event Mesh in the demo, the tests and the
 * benchmarks. It speaks the real protocols (AMQP over WebSocket with OAuth2, the management REST API) and fails on
 * command. What SAP documents is done so; where SAP's documents leave a choice, an option makes it.
 */
import { AmqpEndpoint } from './amqp.ts';
import { bindingCredentials, bindingEntry } from './binding.ts';
import { Broker, type Verdict } from './broker.ts';
import { newCounters, type MeshCounters } from './counters.ts';
import { SandboxMeshError } from './errors.ts';
import { Charges, Faults, type LinkSelection, type Strikes } from './faults.ts';
import { Lines } from './lines.ts';
import { encodeMessage, readMessage, type NewMessage, type RawMessage, type ReadMessage } from './message.ts';
import { resolveOptions, type SandboxMeshOptions } from './options.ts';
import type { Whereabouts } from './queue.ts';
import type { QueueOptions } from './queue-settings.ts';
import { MeshServer } from './server.ts';
import { Tokens } from './tokens.ts';
import { Watch } from './watch.ts';

export { SandboxMeshError } from './errors.ts';
export type * from './faults.ts';
export type { MeshCounters } from './counters.ts';
export type { NewMessage, PropertyValue, RawMessage, ReadMessage } from './message.ts';
export type { SandboxMeshOptions, TcpOptions } from './options.ts';
export { meshClock, type MeshClock } from './time.ts';
export type { AccessType, QueueOptions } from './queue-settings.ts';

/** A message in a queue, as `peek` shows it. */
export interface PeekedMessage extends ReadMessage {
  readonly state: Whereabouts;
  /** Deliveries so far that were not accepted. */
  readonly failures: number;
}

export interface SandboxMesh {
  readonly port: number;
  /** Port of plain AMQP; 0 where it is not served. */
  readonly tcpPort: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly namespace: string;
  /** The whole of `VCAP_SERVICES` with this mesh's binding in it. */
  binding(): { 'enterprise-messaging': object[] };
  /** One entry of `VCAP_SERVICES["enterprise-messaging"]`. */
  vcapEntry(): object;
  /** The `credentials` of that entry. */
  credentials(): object;
  /** Creates a queue, or changes the given settings of an existing one. @throws {SandboxMeshError} */
  createQueue(name: string, options?: QueueOptions): void;
  deleteQueue(name: string): void;
  queues(): readonly string[];
  /** `pattern`: `+` one segment, trailing `*` the rest. @throws {SandboxMeshError} */
  subscribe(queue: string, pattern: string): void;
  /**
   * Publishes from inside the process, as another system would: client's publish filters do not hold.
   * Gives the number of queues reached. @throws {SandboxMeshError} MESH_REFUSED
   */
  publish(topic: string, message: NewMessage | RawMessage): number;
  /** Puts a message straight into a queue. @throws {SandboxMeshError} MESH_REFUSED */
  enqueue(queue: string, message: NewMessage | RawMessage): void;
  /** Every message in the queue, in order, without taking it. Throws where one of them is no AMQP message. */
  peek(queue: string): readonly PeekedMessage[];
  depth(queue: string): { readonly ready: number; readonly unsettled: number };
  /** How many links receive from the queue, and how many wait to. */
  consumers(queue: string): { readonly active: number; readonly standby: number };
  readonly faults: Faults;
  /** Live; copy it to compare. */
  readonly counters: Readonly<MeshCounters>;
  /** When upgrade requests arrived, monotonic milliseconds, oldest first; the latest 10 000. */
  upgradeTimesMs(): readonly number[];
  /** Resolves once `holds` is true, looked at after every change; rejects with MESH_TIMEOUT. */
  until(holds: (mesh: SandboxMesh) => boolean, timeoutMs: number): Promise<void>;
  /** Cuts every connection, stops listening, forgets everything. */
  stop(): Promise<void>;
}

/** Starts a mesh on 127.0.0.1. Whoever starts it stops it. */
export async function startSandboxMesh(given: SandboxMeshOptions = {}): Promise<SandboxMesh> {
  const options = resolveOptions(given);
  const { clock } = options;
  const counters = newCounters();
  const charges = new Charges();
  const watch = new Watch(clock, () => JSON.stringify({ ...counters, depths: depths(broker) }));
  const onChange = () => watch.changed();
  const broker = new Broker({ clock, counters, timeScale: options.timeScale, onChange });
  const amqp = new AmqpEndpoint({ ...options, broker, charges, counters, onChange });
  const lines = new Lines({ clock, counters, onChange, onGone: (line) => amqp.gone(line) });
  const tokens = new Tokens(options, options.tokenLifetimeS, clock);
  const server = new MeshServer({ options, tokens, charges, counters, broker, lines, amqp, onChange });
  await server.listen();

  const mesh: SandboxMesh = {
    port: server.port,
    tcpPort: server.tcpPort,
    url: `http://127.0.0.1:${server.port}`,
    namespace: options.namespace,
    binding: () => ({ 'enterprise-messaging': [bindingEntry({ ...options, port: server.port })] }),
    vcapEntry: () => bindingEntry({ ...options, port: server.port }),
    credentials: () => bindingCredentials({ ...options, port: server.port }),
    createQueue: (name, queueOptions = {}) => void broker.declare(name, queueOptions),
    deleteQueue: (name) => broker.delete(name),
    queues: () => broker.queues().map(({ name }) => name),
    subscribe: (queue, pattern) => void broker.subscribe(queue, pattern),
    publish: (topic, message) => reached(broker.publish(topic, encodeMessage(message, `topic:${topic}`))),
    enqueue: (queue, message) =>
      void reached(broker.enqueue(queue, encodeMessage(message, `queue:${queue}`))),
    peek: (queue) =>
      broker
        .get(queue)
        .messages()
        .map(({ queued, state }) => ({ ...readMessage(queued.message), state, failures: queued.failures })),
    depth: (queue) => broker.get(queue).depth(),
    consumers: (queue) => {
      const { active, standby } = broker.get(queue).consumers();
      return { active: active.length, standby: standby.length };
    },
    faults: new Faults(charges, strikes(lines, amqp, server)),
    counters,
    upgradeTimesMs: () => [...server.upgradeTimesMs()],
    until: (holds, timeoutMs) => watch.until(() => holds(mesh), timeoutMs, holds.toString()),
    async stop() {
      watch.stop();
      await server.stop();
      broker.stop();
    },
  };
  return mesh;
}

function reached(verdict: Verdict): number {
  if (verdict.kind === 'accepted') return verdict.queues;
  throw new SandboxMeshError(
    'MESH_REFUSED',
    `The mesh refused a message: ${verdict.condition}, ${verdict.description}`,
  );
}

function depths(broker: Broker): Record<string, unknown> {
  return Object.fromEntries(broker.queues().map((queue) => [queue.name, queue.depth()]));
}

function strikes(lines: Lines, amqp: AmqpEndpoint, server: MeshServer): Strikes {
  const accepted = () => amqp.peers();
  return {
    dropConnections: () => lines.all().forEach((line) => line.drop()),
    goSilent: (deafMs) => lines.all().forEach((line) => line.silence(deafMs)),
    resume: () => lines.all().forEach((line) => line.resume()),
    closeConnections: (error) => accepted().forEach((peer) => peer.closeConnection(error)),
    endSessions: (error) => accepted().forEach((peer) => peer.endSessions(error)),
    detachLinks: (error, which: LinkSelection) =>
      accepted().forEach((peer) => peer.detachLinks(error, which)),
    restart: (downMs) => server.restart(downMs),
  };
}
