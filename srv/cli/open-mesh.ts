/** A connection to the mesh for the length of a command. The service tries for ever; a person wants to know at once. */
import { createMesh, type MeshEndpoint } from '../mesh/index.ts';
import type { Mesh, MeshStatus } from '../mesh/port.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { systemRandom as random } from '../platform/random.ts';
import { silentLog as log } from './silent-log.ts';
import { CommandFailure } from './terminal.ts';

/** More than the mesh layer allows itself for one attempt, so that its own reason is heard. */
const CONNECT_LIMIT_MS = 45_000;

/**
 * Connects, runs `use` and closes the connection, whatever happened.
 * @throws {CommandFailure} with the reason where the first attempt to connect fails
 */
export async function withMesh<T>(endpoint: MeshEndpoint, use: (mesh: Mesh) => Promise<T>): Promise<T> {
  const mesh = createMesh({ endpoint, clock, random, log });
  try {
    const { state, reason } = await firstOutcome(mesh);
    if (state !== 'open') {
      throw new CommandFailure(
        reason ?? 'The mesh did not answer in time: check the URI of the mesh binding',
      );
    }
    return await use(mesh);
  } finally {
    await mesh.stop();
  }
}

function firstOutcome(mesh: Mesh): Promise<MeshStatus> {
  return new Promise((resolve) => {
    const end = (status: MeshStatus): void => {
      timer.cancel();
      unlisten();
      resolve(status);
    };
    const timer = clock.after(CONNECT_LIMIT_MS, () => end(mesh.status()));
    const unlisten = mesh.onStateChange((status) => {
      if (status.state === 'open' || status.state === 'waiting') end(status);
    });
    mesh.start();
  });
}
