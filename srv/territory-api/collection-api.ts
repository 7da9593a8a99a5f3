/** Read and probe for protocols that read a collection by a list of ids; what differs is in their `ReadDialect`. */
import { judgeRequest } from './classify.ts';
import { readChunk, readChunks } from './collection-read.ts';
import type { ReadDialect, ReaderContext } from './collection-read.ts';
import { inParallel } from './in-parallel.ts';
import type { ApiTrouble, ReadAnswer, ReadRequest } from './port.ts';
import { expandPath, isPerTerritory } from './address.ts';
import { gatherReads, groupReads, refusedRead } from './read-groups.ts';
import type { ReadTarget, ReadTargetOf } from './read-groups.ts';
import type { CheckedSettings } from './settings.ts';
import { PARALLEL_REQUESTS } from './write-groups.ts';

/** Reads all records of a request, a bounded number of URLs at a time. */
export async function readCollections<A>(
  context: ReaderContext,
  settings: CheckedSettings,
  dialect: ReadDialect<A>,
  targetOf: ReadTargetOf<A>,
  request: ReadRequest,
  signal: AbortSignal,
): Promise<ReadAnswer> {
  const chunks = groupReads(request.records, targetOf).flatMap(({ path, targets }) =>
    readChunks(dialect, path, targets, request.fields).map((part) => ({ path, targets: part })),
  );
  const parts = await inParallel(chunks, PARALLEL_REQUESTS, (chunk) =>
    readChunk(context, dialect, chunk, request, signal),
  );
  return gatherReads(request, targetOf, parts, settings);
}

/** Stands for a territory while none is known. */
const NO_TERRITORY = 'territory-sync-probe';

/**
 * Asks for one record that need not exist. Where each territory has its own collection, `territoryId` is the last one seen;
 * without one, a 404 in JSON is an answer of the API too.
 */
export async function probeCollection<A>(
  context: ReaderContext,
  settings: CheckedSettings,
  dialect: ReadDialect<A>,
  target: ReadTarget<A>,
  territoryId: string | undefined,
  signal: AbortSignal,
): Promise<ApiTrouble | undefined> {
  const path = expandPath(settings.path, territoryId ?? NO_TERRITORY) ?? settings.path;
  const answer = await context.transport.send(
    { method: 'GET', path: dialect.url(path, [target], [], 'named'), records: 1 },
    signal,
  );
  if (answer.kind === 'trouble') return answer.trouble;
  const unknownTerritory =
    isPerTerritory(settings.path) && territoryId === undefined && answer.status === 404;
  if (unknownTerritory && /\bjson\b/i.test(answer.headers['content-type'] ?? '')) return undefined;
  const verdict = judgeRequest(answer, context.now());
  switch (verdict.kind) {
    case 'json':
      return undefined;
    case 'trouble':
      return verdict.trouble;
    case 'refused-whole':
      return refusedRead(verdict).trouble;
  }
}
