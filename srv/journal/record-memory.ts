/** What is kept of the writes of one record between two flights: its exact request, the doubt about it, and the counts. */
import type { Operation } from '../events/change.ts';
import type { WriteRequest } from '../territory-api/port.ts';

/** Which assignment of which change a write carries the effect of. */
export interface Covered {
  readonly position: number;
  /** Index in the change's assignments. */
  readonly index: number;
}

/** A record's exact next request, kept before it is sent. */
export interface Intent {
  readonly request: WriteRequest;
  /** Ascending; the last one's values are what the write sets. */
  readonly covers: readonly Covered[];
  /** Of `covers`, those of which nothing remains in the request: overwritten by later ones. */
  readonly supersedes: readonly Covered[];
  /** The merged write that may have landed instead: looked for before this is sent again (`lanes/told-apart.ts`). */
  readonly partOf?: Intent;
}

/** What a lane remembers of one record between two flights. */
export interface RecordMemory {
  /** Conflicts of the write under way; counted against the retry limit. */
  readonly conflicts: number;
  /** Definite refusals so far; part of the idempotency key, so that the next request has another one. */
  readonly refusals: number;
  /** Rounds in which the content was refused while nothing showed whose fault that is. */
  readonly undecidedRounds: number;
  /** 5xx for this record alone. */
  readonly failures: number;
  /** Rounds that counted for nothing, since they showed nobody's fault; only their wait grows. */
  readonly waits?: number;
  /**
   * It was called missing, and every cache has had its time since: who still calls it missing is right, and so is who finds it.
   */
  readonly waitedOut?: true;
  /** HTTP status of the latest refusal. */
  readonly lastStatus?: number;
  /**
   * `sent`: `intent` was sent and has no definite answer, so it is repeated exactly.
   * `refused`: its repetition was refused, the first send may have landed: a re-read decides.
   */
  readonly doubt: 'none' | 'sent' | 'refused';
  readonly intent?: Intent;
  /** `intent` is a merged write at which the API failed for long: where it has not landed, its parts go one by one. */
  readonly toldApart?: 'once' | 'again';
  /** The latest request of ours that got no answer: until then (epoch milliseconds) it may take effect, late as it is. */
  readonly mayLand?: { readonly operation: Operation; readonly until: number };
  /**
   * A request that was given up is followed by another one without answer: until then (epoch milliseconds) the earlier one may take
   * effect, so that no read shows what will stay.
   */
  readonly givenUpUntil?: number;
}

/**
 * It is sent now, and has no answer yet; of what was remembered nothing is lost. Where no request was kept, one that was given up may
 * be under way still: the new one is sent with another ETag perhaps, and its refusal would say nothing of that one.
 */
export function sentNow(known: RecordMemory = NEW_RECORD, intent: Intent): RecordMemory {
  const isGivenUp = known.doubt === 'sent' && known.intent === undefined;
  const givenUpUntil = isGivenUp ? (known.mayLand?.until ?? NEVER_OVER) : known.givenUpUntil;
  return { ...known, doubt: 'sent', intent, ...(givenUpUntil !== undefined && { givenUpUntil }) };
}

/** Until a later write of ours succeeds. A number, for journals that keep JSON. */
const NEVER_OVER = Number.MAX_SAFE_INTEGER;

/** Without what can take effect no more by now, since its time is over. */
export function withoutOverdue(record: RecordMemory, epochMs: number): RecordMemory {
  const { givenUpUntil, ...others } = record;
  return givenUpUntil !== undefined && givenUpUntil <= epochMs ? others : record;
}

/** No write of the record is under way, and no request of ours can take effect any more: nothing is left to remember. */
export function isForgettable(record: RecordMemory, epochMs: number): boolean {
  const { intent, doubt, mayLand, conflicts, refusals, undecidedRounds, failures, waits = 0 } = record;
  const underWay = intent !== undefined || conflicts + refusals + undecidedRounds + failures + waits > 0;
  return !underWay && doubt !== 'refused' && mayLand !== undefined && mayLand.until <= epochMs;
}

export const NEW_RECORD: RecordMemory = {
  conflicts: 0,
  refusals: 0,
  undecidedRounds: 0,
  failures: 0,
  doubt: 'none',
};
