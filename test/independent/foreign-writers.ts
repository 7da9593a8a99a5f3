/**
 * Other programs that write the same records, past any proxy: each reads a record, sets one of its fields with the
 * ETag it read, and tries again at once while the API refuses that. Fair competitors, and as entitled as the service.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SeededRandom } from '../sandbox/territory-api/seeded-random.ts';
import { authorization, COLLECTION } from './cap-server.ts';

export interface ForeignWritersOptions {
  /** The API's URL. */
  readonly url: string;
  /** Users, `foreign-1` and so on; each with a stream of chance of its own. */
  readonly writers: number;
  /** Mean time between two writes of one writer; the pauses are spread evenly from half of it to one and a half. */
  readonly everyMs: number;
  /** Keys of the records of which each write takes one. */
  readonly records: readonly string[];
  /** Fields of which each write sets one, all of them texts. */
  readonly fields: readonly string[];
  readonly seed?: number;
}

/** A write that the API said it had done. */
export interface ForeignWrite {
  readonly writer: string;
  readonly assignment: string;
  readonly field: string;
  /** No other write sets this value. */
  readonly value: string;
}

export interface ForeignWriters {
  /** Acknowledged so far. */
  readonly writes: readonly ForeignWrite[];
  /** Refused so far, and tried again. */
  readonly conflicts: number;
  /** Lets each end its write, then ends them. Rejects with what went wrong where a writer gave up. */
  stop(): Promise<void>;
}

/** A foreign writer met what only the service should meet. */
export class ForeignWriterError extends Error {
  readonly code = 'FOREIGN_WRITER';
}

/** Refusals in a row after which a writer gives up: far more than a fair share of luck explains. */
const TRIES = 100;

export function startForeignWriters(options: ForeignWritersOptions): ForeignWriters {
  const { writers, seed = 1 } = options;
  const stopping = new AbortController();
  const writes: ForeignWrite[] = [];
  let conflicts = 0;

  const work = async (writer: string): Promise<void> => {
    const random = new SeededRandom(seed, writer);
    const pick = (from: readonly string[]) => from[random.below(from.length)] ?? '';
    // The first pause from 0 on, so that they do not come in step.
    let pauseMs = random.between(0, options.everyMs);
    for (let count = 1; await elapsed(pauseMs, stopping.signal); count += 1) {
      const write = {
        writer,
        assignment: pick(options.records),
        field: pick(options.fields),
        value: `${writer}/${count}`,
      };
      conflicts += await writeAs(options.url, write);
      writes.push(write);
      pauseMs = random.between(options.everyMs / 2, options.everyMs * 1.5);
    }
  };
  const all = Promise.all(Array.from({ length: writers }, (_, index) => work(`foreign-${index + 1}`)));
  // Handled at once, told at the end: it must not end the process in between.
  const ended = all.then(
    () => undefined,
    (error: unknown) => error,
  );
  return {
    writes,
    get conflicts() {
      return conflicts;
    },
    async stop() {
      stopping.abort();
      const error = await ended;
      if (error !== undefined) throw error;
    },
  };
}

/** False when ended before. */
async function elapsed(ms: number, signal: AbortSignal): Promise<boolean> {
  return delay(ms, true, { signal }).catch(() => false);
}

/**
 * One foreign write, tried until it is done. Gives the number of refusals before that.
 * @throws {ForeignWriterError} when the API answers anything but done or refused
 */
export async function writeAs(
  url: string,
  { writer, assignment, field, value }: ForeignWrite,
): Promise<number> {
  const record = `${url}${COLLECTION}('${encodeURIComponent(assignment)}')`;
  const headers = { authorization: authorization(writer), 'content-type': 'application/json' };
  for (let refused = 0; refused < TRIES; refused += 1) {
    const read = await fetch(record, { headers });
    await read.arrayBuffer();
    const etag = read.headers.get('etag');
    if (!read.ok || etag === null)
      throw new ForeignWriterError(`${writer} read ${assignment}: ${read.status}`);
    const answer = await fetch(record, {
      method: 'PATCH',
      headers: { ...headers, 'if-match': etag },
      body: JSON.stringify({ [field]: value }),
    });
    await answer.arrayBuffer();
    if (answer.ok) return refused;
    if (answer.status !== 412)
      throw new ForeignWriterError(`${writer} wrote ${assignment}: ${answer.status}`);
  }
  throw new ForeignWriterError(`${writer} was refused ${TRIES} times in a row on ${assignment}`);
}
