/** What becomes of a lane's planned writes in the face of what was read: requests to send, ends, or another wait. */
import { NEW_RECORD, type Intent, type RecordMemory } from '../journal/port.ts';
import type { ApiTrouble, RecordState } from '../territory-api/port.ts';
import { makeIntent } from './intent.ts';
import { failure, isDivisible, judgeRefusal, judgeUnreadable, waitOut, type JudgeContext } from './judge.ts';
import type { LaneReport } from './lane-report.ts';
import type { OwnEtagRule } from './own-etags.ts';
import type { LanePlan } from './plan.ts';
import type { PlannedWrite, Refusal } from './planned-write.ts';
import { hasCaughtUp, probeIntervalMs, type PropagationRules } from './propagation.ts';
import { isAsWanted, rebase, type OverlapPolicy } from './rebase.ts';
import { retryDelayMs, type RetryPolicy } from './retry-policy.ts';
import { asPart } from './told-apart.ts';
import type { TransactionRule } from './whole-changes.ts';

export interface FlightRules {
  readonly retry: RetryPolicy;
  readonly onOverlap: OverlapPolicy;
  readonly propagation: PropagationRules;
  readonly ownEtags: OwnEtagRule;
  /** How long a request without an answer may still take effect: a lease and two request time-outs. */
  readonly doubtLastsMs: number;
  /** `hold`: a lane's changes are flown one at a time, so that nothing behind a dead letter has taken effect. */
  readonly onDeadLetter?: 'skip' | 'hold';
  /** Each change is one transaction. */
  readonly transactions?: TransactionRule;
}

/** A claimed lane on board: what is planned for it and what has become of it. */
export interface Passenger {
  readonly plan: LanePlan;
  readonly report: LaneReport;
  readonly intents: Intent[];
  /** Record id → ETag of our own last write, of planned writes that go without a read. */
  readonly withoutRead: ReadonlyMap<string, string>;
}

/** What was read of one lane's records, by id. */
export type LaneReading = ReadonlyMap<string, RecordReading>;

export type RecordReading =
  /** `proof`: the read showed its freshness. */
  | { readonly kind: 'read'; readonly state: RecordState; readonly proof: boolean }
  /** The API fails to read this record while it reads others. */
  | { readonly kind: 'failed'; readonly trouble: ApiTrouble }
  /** No read of it was answered, and it is open whose fault that is. */
  | { readonly kind: 'unread' };

/** Fills the passenger's intents, and ends or postpones what needs no write. */
export function decide(
  passenger: Passenger,
  reading: LaneReading,
  context: JudgeContext,
  rules: FlightRules,
): void {
  const { plan, report } = passenger;
  const { propagation } = rules;
  const reads = new Map(
    [...reading].flatMap(([id, read]) => (read.kind === 'read' ? [[id, read.state]] : [])),
  );
  const proof = [...reading.values()].every((read) => read.kind !== 'read' || read.proof);
  if (!hasCaughtUp(report.lane.memory.rest, reads, proof, context.nowMs)) {
    const left = (report.lane.memory.rest?.latest ?? 0) - context.nowMs;
    return report.waitFor('resting', Math.min(probeIntervalMs(propagation), left));
  }
  for (const write of plan.writes) {
    if (write.refusal) {
      refuse(report, write, write.refusal, reading.get(write.id));
      continue;
    }
    const ifMatch = passenger.withoutRead.get(write.id);
    if (ifMatch !== undefined) {
      passenger.intents.push(makeIntent(report.lane, write, { operation: 'update', ifMatch }, undefined));
      continue;
    }
    const read = reading.get(write.id) ?? { kind: 'unread' };
    switch (read.kind) {
      case 'read': {
        const intent = decideWrite(passenger, write, read.state, read.proof, context, rules);
        if (intent) passenger.intents.push(intent);
        break;
      }
      case 'failed':
        judgeUnreadable(report, write, read.trouble, context);
        break;
      case 'unread':
        report.waitFor('retrying', retryDelayMs(rules.retry, 1, context.fraction));
        break;
    }
  }
  withholdIncomplete(passenger);
}

/** One record is told of it, the others are left out with it. */
function refuse(
  report: LaneReport,
  write: PlannedWrite,
  refusal: Refusal | 'of another record',
  reading: RecordReading | undefined,
): void {
  if (reading?.kind === 'read') report.saw(write.id, reading.state);
  if (refusal !== 'of another record') report.end(write.id, write, failure(refusal.code, refusal));
}

/** A transaction goes only when each of its records can: what needs no write has left it, for what must wait all of it waits. */
function withholdIncomplete({ plan, report, intents }: Passenger): void {
  const going = new Set(intents.map(({ request }) => request.id));
  const incomplete = new Set(
    plan.writes.flatMap(({ id, transaction, covers }) =>
      transaction === undefined || going.has(id) || report.endedWell(covers) ? [] : [transaction],
    ),
  );
  if (incomplete.size === 0) return;
  const sendable = intents.filter(({ request }) => !incomplete.has(request.transaction ?? ''));
  intents.splice(0, intents.length, ...sendable);
}

function decideWrite(
  { report }: Passenger,
  write: PlannedWrite,
  read: RecordState,
  proof: boolean,
  context: JudgeContext,
  rules: FlightRules,
): Intent | undefined {
  const memory = report.memoryOf(write.id);
  const { mayLand } = memory ?? {};
  if (write.operation === 'delete' && mayLand?.operation === 'create' && mayLand.until > context.nowMs) {
    // Deleted now, the record would come back when the late create arrives.
    report.waitFor('retrying', mayLand.until - context.nowMs);
    return undefined;
  }
  report.saw(write.id, read);
  if (read.found && (proof || memory?.waitedOut)) report.sawThere(write.id);
  const rebaseRules = { onOverlap: rules.onOverlap, retryLimit: rules.retry.limit };
  const decision = rebase(write, read, proof, memory, rebaseRules, report.leftOn(write.id, read));
  const part = write.apart && !mayHaveLanded(write, read, memory) ? write.apart : write;
  switch (decision.kind) {
    case 'write':
      // Its content was taken, as far as can be seen, and the API fails all the same: neither again nor in parts, which are older.
      if (write.apart && part === write && memory?.toldApart === 'again') {
        report.end(write.id, write, failure('API_ERROR', { message: SHOWN }));
        return undefined;
      }
      return asPart(makeIntent(report.lane, part, decision, memory), memory);
    case 'conclude':
      report.end(write.id, write, { result: decision.result, etag: decision.etag });
      if (decision.result === 'updated') report.doubtOtherParts(write);
      return undefined;
    case 'fail':
      fail(report, decision.code === 'CONFLICT_LIMIT' ? part : write, decision.code, memory);
      return undefined;
    case 'not-found':
      judgeRefusal(report, { ...write, request: write }, { status: 404 }, context);
      return undefined;
    case 'look-again': {
      const { conflicts } = report.remember(write.id, { conflicts: (memory?.conflicts ?? 0) + 1 });
      const delayMs = retryDelayMs(rules.retry, conflicts, context.fraction);
      if (!read.found && conflicts > rules.retry.limit) waitOut(report, write.id, delayMs, context);
      else report.waitFor('retrying', delayMs);
      return undefined;
    }
  }
}

const SHOWN = 'the territory API fails on this write, and shows without proof that it was carried out';

/**
 * Unproven, a read that shows what is wanted may be right: then the same again is harmless, a part of it is not. Where that failed for
 * long too, only a version other than the one that it was first sent with counts: on that one a part is refused if it has landed.
 */
function mayHaveLanded(
  write: PlannedWrite,
  read: RecordState,
  { toldApart, intent }: RecordMemory = NEW_RECORD,
): boolean {
  if (!read.found || !isAsWanted(write, read)) return false;
  return toldApart !== 'again' || read.etag !== intent?.request.ifMatch;
}

/** An overlap is the fault of one change, so merged ones are told apart first; at the conflict limit they fail together. */
function fail(
  report: LaneReport,
  write: PlannedWrite,
  code: 'OVERLAP' | 'CONFLICT_LIMIT',
  memory: RecordMemory = NEW_RECORD,
): void {
  // Not after a doubt: the merged write may have landed, and its older values must not come again.
  if (code === 'OVERLAP' && isDivisible(write.covers, write) && memory.doubt === 'none')
    return report.unmerge(write.id);
  const message =
    code === 'OVERLAP'
      ? `${write.id}: another writer set a field of this change meanwhile`
      : `${write.id} was changed by others ${Math.min(memory.conflicts, memory.refusals)} times in a row`;
  report.end(write.id, write, failure(code, { status: memory.lastStatus, message }));
}
