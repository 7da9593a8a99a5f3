/**
 * What a planned write becomes in the face of the record as read. Pure. Nothing is concluded from a read unless it is
 * proof and the record is not in doubt; otherwise the write is sent with the ETag that was read and the API's answer
 * decides: `If-Match` makes a needless write harmless, while a wrong conclusion would lose a change.
 */
import type { Operation, Scalar } from '../events/change.ts';
import { NEW_RECORD, type RecordMemory } from '../journal/port.ts';
import type { RecordState } from '../territory-api/port.ts';
import type { PlannedWrite } from './planned-write.ts';
import { sameValue } from './same-value.ts';

export type OverlapPolicy = 'source-wins' | 'review';

/** Field → what it may show because dead letters of ours have not set it; `anything`: they left a delete, and nobody else wrote since. */
export type LeftUnwritten = ReadonlyMap<string, readonly Scalar[]> | 'anything';

export interface RebaseRules {
  readonly onOverlap: OverlapPolicy;
  /** Retries after the first refused write. */
  readonly retryLimit: number;
}

export type Decision =
  | { readonly kind: 'write'; readonly operation: Operation; readonly ifMatch?: string }
  /** Proven to be as wanted: `updated` or `deleted` where a write of ours in doubt explains it. */
  | {
      readonly kind: 'conclude';
      readonly result: 'unchanged' | 'updated' | 'deleted';
      readonly etag?: string;
    }
  | { readonly kind: 'fail'; readonly code: 'OVERLAP' | 'CONFLICT_LIMIT' }
  /** Update of a record that a read did not find: judged like a 404. */
  | { readonly kind: 'not-found' }
  /** The read allows neither a conclusion nor a write: read again later, past the cache. */
  | { readonly kind: 'look-again' };

/**
 * Decides one record.
 * @param memory what the lane remembers of it, undefined on its first flight
 * @param left what dead letters of ours explain (`unwritten.ts`, `undeleted.ts`)
 */
export function rebase(
  write: PlannedWrite,
  read: RecordState,
  proof: boolean,
  memory: RecordMemory | undefined,
  rules: RebaseRules,
  left: LeftUnwritten = new Map(),
): Decision {
  const { conflicts, refusals } = memory ?? NEW_RECORD;
  const lastLook = conflicts > rules.retryLimit;
  // A look that brought nothing is counted as a conflict too, but only what was refused as often is given up.
  const spent = lastLook && refusals > rules.retryLimit;
  const doubt = doubtAfter(read, memory);
  // While a request of ours may still land, not even the freshest read shows what will stay.
  const isGivenUp = memory?.givenUpUntil !== undefined;
  const conclusive = proof && doubt !== 'may-land' && !isGivenUp;
  if (!read.found) {
    return rebaseMissing(write.operation, { known: conclusive || memory?.waitedOut === true, spent, doubt });
  }
  if (write.operation !== 'delete' && conclusive && isAsWanted(write, read)) {
    return { kind: 'conclude', result: doubt === 'resolved' ? 'updated' : 'unchanged', etag: read.etag };
  }
  // What was refused may have landed, and then somebody else has set the record; what has failed so often hardly ever has.
  const isThere = isGivenUp && proof && write.operation !== 'delete' && isAsWanted(write, read);
  const mayHaveLanded = doubt === 'resolved' && !memory?.toldApart && !isThere;
  if (rules.onOverlap === 'review' && (mayHaveLanded || overlaps(write, read, left))) {
    return proof || lastLook ? { kind: 'fail', code: 'OVERLAP' } : { kind: 'look-again' };
  }
  if (spent) return { kind: 'fail', code: 'CONFLICT_LIMIT' };
  const operation = write.operation === 'delete' ? 'delete' : 'update';
  return { kind: 'write', operation, ifMatch: read.etag };
}

type Doubt = 'none' | 'may-land' | 'resolved';

/**
 * A refused repetition is resolved: its first send has landed or never will. Not so while the record still shows the
 * very ETag that was refused: then it was a late node that refused it, and another may take it yet.
 */
function doubtAfter(read: RecordState, memory: RecordMemory | undefined): Doubt {
  switch (memory?.doubt ?? 'none') {
    case 'none':
      return 'none';
    case 'sent':
      return 'may-land';
    case 'refused':
      return read.found && read.etag === memory?.intent?.request.ifMatch ? 'may-land' : 'resolved';
  }
}

/** What no cache has known for as long as any may be late is missing, as if it were proven. */
function rebaseMissing(
  operation: Operation,
  { known, spent, doubt }: { readonly known: boolean; readonly spent: boolean; readonly doubt: Doubt },
): Decision {
  if (operation === 'create') {
    return spent ? { kind: 'fail', code: 'CONFLICT_LIMIT' } : { kind: 'write', operation };
  }
  if (!known) return { kind: 'look-again' };
  if (operation === 'update') return { kind: 'not-found' };
  return { kind: 'conclude', result: doubt === 'resolved' ? 'deleted' : 'unchanged' };
}

type Found = Extract<RecordState, { found: true }>;

/** Every field that the write sets has the wanted value already. */
export function isAsWanted(write: Pick<PlannedWrite, 'fields'>, { fields, comparedAs }: Found): boolean {
  return Object.entries(write.fields).every(([name, value]) =>
    sameValue(value, fields[name], comparedAs?.get(name)),
  );
}

/** Someone else set a field of ours: it shows neither what the source saw, nor what it wants, nor what we left there. */
function overlaps(write: PlannedWrite, { fields, comparedAs }: Found, left: LeftUnwritten): boolean {
  if (left === 'anything') return false;
  return Object.entries(write.before).some(([name, image]) => {
    // What was left there is known as it was read, not only as an event would say it.
    const explained = [image, write.fields[name] ?? null, ...(left.get(name) ?? [])];
    return !explained.some(
      (value) => value === fields[name] || sameValue(value, fields[name], comparedAs?.get(name)),
    );
  });
}
