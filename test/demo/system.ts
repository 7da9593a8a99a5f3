/** What a client of the demo works between: a mesh, the embedded one or a RabbitMQ, and the territory API simulator. */
import { SandboxMeshError } from '../sandbox/mesh/index.ts';
import type { SandboxTerritoryApi } from '../sandbox/territory-api/index.ts';
import type { PublishedChange } from '../system/published-change.ts';
import { startWorld, type OutcomeEvent, type World } from '../system/world.ts';
import type { Scenario } from './scenario.ts';

export interface DemoSystem {
  readonly api: SandboxTerritoryApi;
  /** Where the mesh listens, without credentials. */
  readonly meshAddress: string;
  /** Environment of a service that works here. */
  env(): Record<string, string>;
  /** Resolves when the mesh has it. */
  publish(change: PublishedChange): Promise<void>;
  /** In order of arrival; re-sent ones appear again. */
  outcomes(): readonly OutcomeEvent[];
  /** Resolves with `ended` once so many distinct changes have an outcome. */
  untilEnded(changes: number, timeoutMs: number): Promise<'ended' | 'timed-out'>;
  stop(): Promise<void>;
}

/** The embedded mesh, and the scenario's API with its records. */
export async function startEmbedded(scenario: Scenario): Promise<DemoSystem & { readonly world: World }> {
  const world = await startWorld({ api: scenario.api });
  world.api.seedRecords(scenario.records);
  return {
    world,
    api: world.api,
    meshAddress: world.mesh.url,
    env: () => world.env(),
    publish: async (change) => world.publish(change),
    outcomes: () => world.outcomes(),
    untilEnded: (changes, timeoutMs) =>
      world.untilEnded(changes, timeoutMs).then(
        () => 'ended',
        (error: unknown) => {
          if (error instanceof SandboxMeshError && error.code === 'MESH_TIMEOUT') return 'timed-out';
          throw error;
        },
      ),
    stop: () => world.stop(),
  };
}
