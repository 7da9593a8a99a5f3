/** The naive client, put through the same scenario on a mesh and an API of its own. */
import { startNaiveClient } from '../bench/peers/naive-client.ts';
import { createOwned, type Owned } from './owned.ts';
import { play, type Play } from './play.ts';
import type { ProgressOutput } from './progress.ts';
import type { Scenario } from './scenario.ts';
import { startEmbedded } from './system.ts';

/** Nothing of it is left afterwards. */
export async function runNaiveClient(
  scenario: Scenario,
  owned: Owned,
  output: ProgressOutput,
): Promise<Play> {
  const own = await owned.own(
    async () => createOwned(),
    (inner) => inner.end(),
  );
  const system = await own.own(
    () => startEmbedded(scenario),
    (started) => started.stop(),
  );
  const { mesh, queues } = system.world;
  const options = {
    credentials: mesh.credentials(),
    queue: queues.work,
    namespace: mesh.namespace,
    collection: `${system.api.url}/territory-api/v1/assignments`,
  };
  const client = await own.own(
    () => startNaiveClient(options),
    (started) => started.stop(),
  );
  const broken = client.broken.then((error) => {
    throw error;
  });
  const played = await Promise.race([
    play(system, scenario, { title: 'naive client  ', output, signal: own.signal }),
    broken,
  ]);
  await own.end();
  return played;
}
