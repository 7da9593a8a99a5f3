/** The whole system on one machine: the embedded mesh, the territory API simulator, and whatever service runs between them. */
import { startSandboxMesh, type SandboxMesh, type SandboxMeshOptions } from '../sandbox/mesh/index.ts';
import {
  startTerritoryApi,
  type SandboxTerritoryApi,
  type TerritoryApiOptions,
} from '../sandbox/territory-api/index.ts';
import { structuredEvent, type PublishedChange } from './published-change.ts';

/** Topic on which an upstream system publishes; the queue's subscription takes any system's. */
const UPSTREAM_TOPIC = 'default/crm/prod/ce/cx/territory/assignments/changed/v1';
const SUBSCRIPTION = '+/+/+/ce/cx/territory/assignments/changed/v1';

/** Name of the queue on which the outcome events are collected. */
const OUTCOMES = 'observer/outcomes';

export interface OutcomeEvent {
  readonly id: string;
  readonly type: string;
  readonly causationid: string;
  readonly traceparent?: string;
  readonly correlationid?: string;
  readonly data: {
    readonly territoryId: string | null;
    readonly outcome: 'applied' | 'unchanged' | 'superseded' | 'failed';
    readonly change: { readonly id: string; readonly source: string };
    readonly reason?: { readonly code: string; readonly message: string; readonly action: string };
    readonly deadLetterId?: string;
    readonly position: number | null;
    readonly assignments: readonly { readonly id: string; readonly result: string; readonly etag?: string }[];
    readonly attempts: number;
    readonly conflicts: number;
  };
}

export interface World {
  readonly mesh: SandboxMesh;
  readonly api: SandboxTerritoryApi;
  readonly queues: { readonly work: string; readonly deadLetters: string; readonly outcomes: string };
  /** Environment of a service that works in this world: bindings as a platform would give them, and the destination. */
  env(settings?: Readonly<Record<string, string>>): Record<string, string>;
  publish(change: PublishedChange): void;
  /** Outcome events in order of arrival; re-sent ones appear again. */
  outcomes(): readonly OutcomeEvent[];
  /** Resolves when so many distinct changes have an outcome. */
  untilEnded(changes: number, timeoutMs: number): Promise<void>;
  untilReceiving(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  readonly mesh?: SandboxMeshOptions;
  readonly api?: TerritoryApiOptions;
}

/** Starts mesh and API, and creates the queues as `mesh setup` would. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const mesh = await startSandboxMesh(options.mesh);
  const api = await startTerritoryApi(options.api);
  const queues = {
    work: `${mesh.namespace}/territory/changes`,
    deadLetters: `${mesh.namespace}/territory/deadletter`,
    outcomes: OUTCOMES,
  };
  mesh.createQueue(queues.deadLetters);
  mesh.createQueue(queues.work, { accessType: 'EXCLUSIVE', deadMsgQueue: queues.deadLetters });
  mesh.subscribe(queues.work, SUBSCRIPTION);
  mesh.createQueue(OUTCOMES);
  mesh.subscribe(OUTCOMES, `${mesh.namespace}/ce/cx/territory/sync/*`);

  const published = () => mesh.peek(OUTCOMES).map(({ body }) => JSON.parse(body.toString()) as OutcomeEvent);
  // Alerts share the failure topic where no alert service is bound.
  const outcomes = () => published().filter(({ type }) => !type.endsWith('.sync.alert.v1'));
  return {
    mesh,
    api,
    queues,
    env: (settings = {}) => ({
      VCAP_SERVICES: JSON.stringify(mesh.binding()),
      destinations: JSON.stringify([api.destination('TERRITORY_API')]),
      ...settings,
    }),
    publish(change) {
      mesh.publish(UPSTREAM_TOPIC, {
        body: structuredEvent(change),
        contentType: 'application/cloudevents+json',
        messageId: change.id,
      });
    },
    outcomes,
    async untilEnded(changes, timeoutMs) {
      // Cheap first: only a queue that holds enough messages is worth reading.
      await mesh.until(
        (now) => now.depth(OUTCOMES).ready >= changes && countEnded(outcomes()) >= changes,
        timeoutMs,
      );
    },
    untilReceiving: (timeoutMs = 10_000) =>
      mesh.until((now) => now.consumers(queues.work).active === 1, timeoutMs),
    async stop() {
      await mesh.stop();
      await api.stop();
    },
  };
}

/** Changes that have an outcome. */
export function countEnded(outcomes: readonly OutcomeEvent[]): number {
  return new Set(outcomes.map(({ data }) => JSON.stringify([data.change.source, data.change.id]))).size;
}
