/**
 * The rest of a lane after a write, while the API's distributed cache catches up. Pure. The next flight's own read is
 * the probe: the lane goes on as soon as the read shows the ETags of our writes or proves its freshness, and at the
 * latest after the longest propagation time.
 */
import type { Rest } from '../journal/port.ts';
import type { RecordState } from '../territory-api/port.ts';

export interface PropagationRules {
  /** No read of the lane before this time after its write. 0 with `maxMs` 0: the API has no late caches. */
  readonly minMs: number;
  /** After this time the lane goes on regardless. */
  readonly maxMs: number;
}

/**
 * Records of one rest that are looked for. A lane that is written all the time rests all the time, so beyond this the record that was
 * written longest ago is forgotten: most likely every cache has it. If not, a late read of it costs a conflict, as its ETag is refused.
 */
const EXPECTED = 1000;

/** Probes between the shortest and the longest propagation time. */
const PROBES = 6;

/** Milliseconds between two probing reads. */
export function probeIntervalMs(rules: PropagationRules): number {
  return Math.max(50, (rules.maxMs - rules.minMs) / PROBES);
}

/**
 * What to rest for after these writes (record id → new ETag, undefined where the API did not tell it), and how long.
 * @param restMs the present estimate of the propagation time
 */
export function restAfter(
  writes: ReadonlyMap<string, string | undefined>,
  previous: Rest | undefined,
  nowMs: number,
  rules: PropagationRules,
  restMs: number,
): { readonly rest: Rest | undefined; readonly delayMs: number } {
  const stillOpen = previous && previous.latest > nowMs ? previous : undefined;
  if (writes.size === 0 || rules.maxMs === 0) return { rest: stillOpen, delayMs: 0 };
  const latest = nowMs + rules.maxMs;
  const open = [...(stillOpen?.expected ?? [])].filter(
    ([id]) => !writes.has(id) && shownBy(stillOpen, id) > nowMs,
  );
  const made = [...writes].flatMap(([id, etag]) => (etag === undefined ? [] : [[id, etag] as const]));
  const expected = [...open, ...made].slice(-EXPECTED);
  const rest: Rest = {
    latest,
    expected: new Map(expected),
    shownBy: new Map(expected.map(([id]) => [id, writes.has(id) ? latest : shownBy(stillOpen, id)])),
  };
  const untold = [...writes.values()].includes(undefined);
  return { rest, delayMs: untold ? rules.maxMs : restMs };
}

/** When every cache has our write of this record, epoch milliseconds; a lane that goes on writing others rests for longer. */
function shownBy(rest: Rest | undefined, id: string): number {
  return rest?.shownBy?.get(id) ?? rest?.latest ?? 0;
}

/** The cache is known to have caught up with what we wrote to these records, or the longest time is over. */
export function hasCaughtUp(
  rest: Rest | undefined,
  reads: ReadonlyMap<string, RecordState>,
  proof: boolean,
  nowMs: number,
): boolean {
  if (!rest || proof || nowMs >= rest.latest) return true;
  return [...reads].every(([id, read]) => {
    const etag = rest.expected.get(id);
    return etag === undefined || nowMs >= shownBy(rest, id) || (read.found && read.etag === etag);
  });
}

/**
 * How long after our own last write this one was sent, in milliseconds: where its `If-Match` is the ETag of that write and the longest
 * propagation time was not over; else undefined.
 */
export function earlyAgeMs(
  rest: Rest | undefined,
  id: string,
  ifMatch: string | undefined,
  sentAtMs: number,
  rules: PropagationRules,
): number | undefined {
  const isEarly = rest !== undefined && sentAtMs < shownBy(rest, id);
  if (!isEarly || ifMatch === undefined || rest.expected.get(id) !== ifMatch) return undefined;
  return sentAtMs - (shownBy(rest, id) - rules.maxMs);
}

/**
 * How long after our latest write of the records that this reading looked at it showed all of them: an upper bound of the cache's lag, as exact
 * as the probing. Undefined where nothing of ours was looked for, or not all of it was there.
 */
export function shownAfterMs(
  rest: Rest | undefined,
  reading: ReadonlyMap<string, { readonly kind: string; readonly state?: RecordState }>,
  nowMs: number,
  rules: PropagationRules,
): number | undefined {
  const expected = rest && [...rest.expected].filter(([id]) => reading.has(id));
  if (!rest || !expected || expected.length === 0) return undefined;
  const isShown = ([id, etag]: readonly [string, string]): boolean => {
    const state = reading.get(id)?.state;
    return state?.found === true && state.etag === etag;
  };
  if (!expected.every(isShown)) return undefined;
  return nowMs - (Math.max(...expected.map(([id]) => shownBy(rest, id))) - rules.maxMs);
}
