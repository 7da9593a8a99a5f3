/**
 * Reading ids of one collection, as far as the protocols have it in common: chunks by URL length, no field list where it is too
 * long or refused (an unknown field of one event must not fail the read of all; the write will judge it), halves where the API
 * takes fewer records, pages followed.
 */
import type { Log } from '../platform/log.ts';
import { judgeRequest, notAnAnswer } from './classify.ts';
import type { Transport } from './destination.ts';
import type { ReadRequest } from './port.ts';
import { cacheHeader, refusedRead } from './read-groups.ts';
import type { FoundRecord, PartAnswer, ReadTarget } from './read-groups.ts';
import { chunkByLength, SELECTION_LIMIT } from './url-chunks.ts';

/** Which fields a read's URL names. */
export type Selection = 'named' | 'all';

/** How a protocol reads: its URL, and its records in the answer. */
export interface ReadDialect<A> {
  /** Path and query for these records. */
  url(
    path: string,
    targets: readonly ReadTarget<A>[],
    fields: readonly string[],
    selection: Selection,
  ): string;
  /** The separator between two ids in that URL, as it is sent. */
  readonly separator: string;
  /** How an id stands in that URL. */
  textOf(target: ReadTarget<A>): string;
  /** Records of an answer by name; undefined where the body is not the protocol's. */
  parse(body: unknown, fields: readonly string[], path: string): ParsedPage | undefined;
}

export interface ParsedPage {
  readonly records: readonly { readonly name: string; readonly state: FoundRecord }[];
  /** True where the answer says that it is not complete. */
  readonly more: boolean;
}

/** What a collection's reader works with. */
export interface ReaderContext {
  readonly transport: Transport;
  readonly log: Log;
  readonly now: () => number;
}

/** Splits the records of one collection over as many URLs as their length demands. */
export function readChunks<A>(
  dialect: ReadDialect<A>,
  path: string,
  targets: readonly ReadTarget<A>[],
  fields: readonly string[],
): readonly (readonly ReadTarget<A>[])[] {
  const fixed = dialect.url(path, [], fields, selectionFor(fields)).length;
  return chunkByLength(targets, (target) => dialect.textOf(target), fixed, dialect.separator.length);
}

/** Reads one chunk; more than one request where the field list is refused or the answer comes in pages. */
export async function readChunk<A>(
  context: ReaderContext,
  dialect: ReadDialect<A>,
  chunk: { readonly path: string; readonly targets: readonly ReadTarget<A>[] },
  request: ReadRequest,
  signal: AbortSignal,
): Promise<PartAnswer> {
  const { path } = chunk;
  const found = new Map<string, FoundRecord>();
  const cacheHeaders: (string | undefined)[] = [];
  let selection = selectionFor(request.fields);
  let wanted = chunk.targets;
  for (;;) {
    const answer = await context.transport.send(
      {
        method: 'GET',
        path: dialect.url(path, wanted, request.fields, selection),
        ...(request.pastCache && { headers: { 'cache-control': 'no-cache' } }),
        records: wanted.length,
      },
      signal,
    );
    if (answer.kind === 'trouble') return answer;
    const verdict = judgeRequest(answer, context.now());
    if (verdict.kind === 'refused-whole') {
      const tooLarge = verdict.status === 413 || verdict.status === 414;
      if (tooLarge && wanted.length > 1) {
        const halves = await readHalves(context, dialect, { path, targets: wanted }, request, signal);
        if (halves.kind === 'trouble') return halves;
        for (const [name, state] of halves.found) found.set(name, state);
        return { kind: 'part', path, found, cacheHeaders: [...cacheHeaders, ...halves.cacheHeaders] };
      }
      if (verdict.status !== 400 || selection === 'all' || request.fields.length === 0)
        return refusedRead(verdict);
      context.log.warn('the API refuses a read with these fields; read again with all fields', {
        status: verdict.status,
        code: verdict.code,
        fields: request.fields.length,
      });
      selection = 'all';
      continue;
    }
    if (verdict.kind === 'trouble') return verdict;

    const page = dialect.parse(verdict.body, request.fields, path);
    if (page === undefined)
      return notAnAnswer(answer.status, 'a record list without records, ids or ETags', 'sent');
    cacheHeaders.push(cacheHeader(answer));
    const before = found.size;
    takeOver(page, wanted, found, context.log);
    if (!page.more) return { kind: 'part', path, found, cacheHeaders };
    wanted = wanted.filter(({ name }) => !found.has(name));
    if (wanted.length === 0) return { kind: 'part', path, found, cacheHeaders };
    if (found.size === before)
      return notAnAnswer(answer.status, 'an incomplete list that does not go on', 'sent');
  }
}

/** One after the other, so that an API which refuses every size is asked a few times only. */
async function readHalves<A>(
  context: ReaderContext,
  dialect: ReadDialect<A>,
  { path, targets }: { readonly path: string; readonly targets: readonly ReadTarget<A>[] },
  request: ReadRequest,
  signal: AbortSignal,
): Promise<PartAnswer> {
  const middle = Math.ceil(targets.length / 2);
  const found = new Map<string, FoundRecord>();
  const cacheHeaders: (string | undefined)[] = [];
  for (const half of [targets.slice(0, middle), targets.slice(middle)]) {
    const part = await readChunk(context, dialect, { path, targets: half }, request, signal);
    if (part.kind === 'trouble') return part;
    for (const [name, state] of part.found) found.set(name, state);
    cacheHeaders.push(...part.cacheHeaders);
  }
  return { kind: 'part', path, found, cacheHeaders };
}

function selectionFor(fields: readonly string[]): Selection {
  return fields.join(',').length > SELECTION_LIMIT ? 'all' : 'named';
}

/** Takes over what was asked for; what was not, or comes twice, is ignored with a warning. */
function takeOver<A>(
  page: ParsedPage,
  wanted: readonly ReadTarget<A>[],
  found: Map<string, FoundRecord>,
  log: Log,
): void {
  const names = new Set(wanted.map(({ name }) => name));
  let ignored = 0;
  for (const { name, state } of page.records) {
    if (names.delete(name)) found.set(name, state);
    else ignored += 1;
  }
  if (ignored > 0) log.warn('the API answered a read with records not asked for, or twice', { ignored });
}
