/** The three clients, each put through the same case on a mesh and an API of its own, in real time. */
import { startService } from '../../system/service-process.ts';
import type { PublishedChange } from '../../system/published-change.ts';
import { startWorld, type World } from '../../system/world.ts';
import type { CommittedWrite, SeedRecord, TerritoryApiOptions } from '../../sandbox/territory-api/index.ts';
import { startNaiveClient } from '../peers/naive-client.ts';
import { applySerially } from '../peers/serial-recipe.ts';
import type { Sample } from '../runner/chart.ts';
import { watchBatchSizes } from './batch-sizes.ts';

export interface RecipeCase {
  readonly records: readonly SeedRecord[];
  readonly changes: readonly PublishedChange[];
  /** Other programs write these, so long after the first change was published. */
  readonly foreign: readonly { readonly record: SeedRecord; readonly afterMs: number }[];
  readonly api: TerritoryApiOptions;
}

export interface Ran {
  readonly changes: number;
  readonly failed: number;
  readonly requests: number;
  readonly writes: number;
  readonly conflicts: number;
  readonly elapsedMs: number;
  readonly history: readonly CommittedWrite[];
}

const PATIENCE_MS = 120_000;
const COLLECTION = '/territory-api/v1/assignments';

export interface ServiceRan extends Ran {
  /** How many records a flight might take, over the run. */
  readonly batchSizes: readonly Sample[];
}

export async function runService(given: RecipeCase): Promise<ServiceRan> {
  const world = await startWorld({ api: given.api });
  const service = await startService(world.env());
  try {
    await world.untilReceiving();
    const watch = watchBatchSizes(service.url);
    const ran = await measure(world, given, () => throughMesh(world, given.changes));
    return { ...ran, batchSizes: await watch.stop() };
  } finally {
    await service.kill();
    await world.stop();
  }
}

export async function runNaive(given: RecipeCase): Promise<Ran> {
  const world = await startWorld({ api: given.api });
  const client = await startNaiveClient({
    credentials: world.mesh.credentials(),
    queue: world.queues.work,
    namespace: world.mesh.namespace,
    collection: world.api.url + COLLECTION,
  });
  try {
    return await measure(world, given, () => throughMesh(world, given.changes));
  } finally {
    await client.stop();
    await world.stop();
  }
}

/** Not through the mesh: how it receives is no part of the recipe. */
export async function runSerial(given: RecipeCase): Promise<Ran> {
  const world = await startWorld({ api: given.api });
  const changes = given.changes.flatMap(({ assignments }) =>
    assignments.map(({ id, fields = {} }) => ({ id, fields })),
  );
  try {
    return await measure(world, given, async () => {
      const { failed } = await applySerially(world.api.url + COLLECTION, changes);
      return failed;
    });
  } finally {
    await world.stop();
  }
}

/** Answers how many failed. */
async function throughMesh(world: World, changes: readonly PublishedChange[]): Promise<number> {
  for (const change of changes) world.publish(change);
  await world.untilEnded(changes.length, PATIENCE_MS);
  return new Set(world.outcomes().flatMap(({ data }) => (data.outcome === 'failed' ? [data.change.id] : [])))
    .size;
}

async function measure(
  { api }: World,
  { records, changes, foreign }: RecipeCase,
  apply: () => Promise<number>,
): Promise<Ran> {
  api.seedRecords(records);
  const startedMs = performance.now();
  const timers = foreign.map(({ record: { territoryId, id }, afterMs }) =>
    setTimeout(() => api.foreignWrite(territoryId, id, { note: `foreign after ${afterMs} ms` }), afterMs),
  );
  try {
    const failed = await apply();
    const elapsedMs = performance.now() - startedMs;
    const { requests, writes, conflicts409, conflicts412 } = api.stats();
    const conflicts = conflicts409 + conflicts412;
    return {
      changes: changes.length,
      failed,
      requests,
      writes,
      conflicts,
      elapsedMs,
      history: api.history(),
    };
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}
