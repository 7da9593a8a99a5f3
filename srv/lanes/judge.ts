/** What an answer of the API means for the record it was given for, and for the lane that waits. */
import type { FailureCode } from '../events/outcome.ts';
import { NEW_RECORD, type Covered, type Intent } from '../journal/port.ts';
import type { Log } from '../platform/log.ts';
import type { ApiTrouble } from '../territory-api/port.ts';
import type { Blame } from './blame.ts';
import type { BulkRecord } from './unit-verdict.ts';
import type { LaneReport, ResultPart } from './lane-report.ts';
import type { PlannedWrite } from './planned-write.ts';
import { retryDelayMs, type RetryPolicy } from './retry-policy.ts';

export interface JudgeContext {
  readonly retry: RetryPolicy;
  readonly blame: Blame;
  /** `blame.writes` when the request was sent, and what succeeded together with it; absent: as of now. */
  readonly writesThen?: number;
  readonly log: Log;
  /** Epoch milliseconds. */
  readonly nowMs: number;
  /** Epoch milliseconds: what was sent now has taken effect by then, or never will. */
  readonly landsBy: number;
  /** In [0, 1): the jitter of this flight's waits. */
  readonly fraction: number;
  readonly retryAfterMs: number | undefined;
  /** Caches are never later than this. */
  readonly latestMs: number;
  /** Called where the API refuses every record and accepts none: no record is to blame. */
  readonly suspectConfiguration: (status: number) => void;
}

/** What a delete of a missing record is answered with. */
const GONE = 404;

const WRITTEN = { update: 'updated', create: 'created', delete: 'deleted' } as const;

/**
 * Judges one record's answer. `wasInDoubt`: the request was an exact repetition.
 * Records that were written have to be judged before those that were refused: their success decides whose fault it is.
 */
export function judge(
  report: LaneReport,
  intent: Intent,
  wasInDoubt: boolean,
  answer: BulkRecord,
  context: JudgeContext,
): void {
  const { request, covers } = intent;
  const step = { at: context.nowMs, assignment: request.id };
  switch (answer.kind) {
    case 'done':
      report.note(covers, { ...step, step: 'applied', detail: detailOf(answer) });
      report.end(request.id, intent, { result: WRITTEN[request.operation], etag: answer.etag });
      report.wrote(request, answer.etag);
      return;
    case 'conflict':
      report.note(covers, { ...step, step: 'conflict', detail: detailOf(answer) });
      report.conflicted(covers);
      return judgeConflict(report, intent, wasInDoubt, answer.status, context);
    case 'refused':
      report.note(covers, { ...step, step: 'refused', detail: detailOf(answer) });
      return judgeRefused(report, intent, wasInDoubt, answer, context);
    case 'defect':
      context.log.error('The territory API refused a request as malformed: a defect of this program', {
        alert: 'TerritorySyncDeadLetter',
        status: answer.status,
        code: answer.code,
      });
      return report.end(request.id, intent, failure('REJECTED_BY_API', answer));
    case 'failed':
      report.note(covers, { ...step, step: 'in-doubt', detail: detailOf(answer) });
      return judgeFailure(report, intent, answer, context);
    case 'rolled-back':
      return judgeRolledBack(report, intent, wasInDoubt, answer, context);
    case 'open':
      report.note(covers, { ...step, step: 'in-doubt' });
      return report.unanswered(intent, context.landsBy);
    case 'missing':
      report.note(covers, { ...step, step: 'in-doubt' });
      return judgeFailure(report, intent, answer, context);
    case 'running':
      report.note(covers, { ...step, step: 'in-doubt' });
      return judgeRunning(report, intent, context);
  }
}

/** A doubt that is older than this request stays: only a write that succeeds ends it. */
function judgeConflict(
  report: LaneReport,
  intent: Intent,
  wasInDoubt: boolean,
  lastStatus: number,
  context: JudgeContext,
): void {
  const { id } = intent.request;
  const known = report.memoryOf(id);
  const { conflicts } = report.remember(id, {
    conflicts: (known?.conflicts ?? 0) + 1,
    refusals: (known?.refusals ?? 0) + 1,
    lastStatus,
    ...(wasInDoubt && { doubt: 'refused', intent }),
  });
  if (conflicts <= context.retry.limit) {
    report.waitFor(
      'retrying',
      retryDelayMs(context.retry, conflicts, context.fraction, context.retryAfterMs),
    );
  } else if (context.retryAfterMs) {
    // There is no other retry to wait for: the last look follows as soon as the API allows.
    report.waitFor('retrying', context.retryAfterMs);
  }
}

/** 412: the version is another one. 409 and 423 may be a late node's word, or a lock's. */
export function isOutdated(answer: BulkRecord): answer is Extract<BulkRecord, { kind: 'conflict' }> {
  return answer.kind === 'conflict' && answer.status === 412;
}

/**
 * A write that went without a read, refused since somebody else has changed the record: what was saved is done now. It is read at
 * once, past the cache; no retry is spent, for until then nobody has looked.
 */
export function judgeOutdated(
  report: LaneReport,
  { request: { id }, covers }: Intent,
  answer: Extract<BulkRecord, { kind: 'conflict' }>,
  { nowMs, retryAfterMs }: JudgeContext,
): void {
  report.note(covers, { at: nowMs, step: 'conflict', assignment: id, detail: detailOf(answer) });
  report.conflicted(covers);
  report.remember(id, { refusals: 1, lastStatus: answer.status });
  if (retryAfterMs) report.waitFor('retrying', retryAfterMs);
}

/**
 * Not written since another record of its transaction was refused, by which it is decided when all of it is tried again. Of a
 * repetition: the first send has landed as a whole, or never will, for the other record's sake; unless the request was refused as
 * a whole, which says nothing of the first send.
 */
function judgeRolledBack(
  report: LaneReport,
  intent: Intent,
  wasInDoubt: boolean,
  { whole }: Extract<BulkRecord, { kind: 'rolled-back' }>,
  { landsBy }: JudgeContext,
): void {
  if (wasInDoubt && whole) return report.unanswered(intent, landsBy);
  const { id } = intent.request;
  const refusals = (report.memoryOf(id)?.refusals ?? 0) + 1;
  report.remember(id, { refusals, ...(wasInDoubt && { doubt: 'refused', intent }) });
}

function judgeRefused(
  report: LaneReport,
  intent: Intent,
  wasInDoubt: boolean,
  answer: Extract<BulkRecord, { kind: 'refused' }>,
  context: JudgeContext,
): void {
  const { id, operation } = intent.request;
  if (wasInDoubt && answer.whole) return judgeFailure(report, intent, answer, context);
  if (operation === 'delete' && answer.status === GONE) return judgeGone(report, intent, wasInDoubt, context);
  // Looks for a record that is gone are rounds of another kind.
  if (operation === 'delete' && report.memoryOf(id)?.lastStatus === GONE)
    report.remember(id, { undecidedRounds: 0 });
  // Not to be repeated; but an older request, of a dead letter, may be in doubt still: only a success ends that.
  // What was merged stays together meanwhile, as after a conflict.
  const isMerged = intent.covers.length > 1;
  if (wasInDoubt)
    report.remember(id, isMerged ? { doubt: 'refused', intent } : { doubt: 'sent', intent: undefined });
  judgeRefusal(report, intent, answer, context);
}

/**
 * The record to delete is gone, perhaps by the first send of this very request; or a late node does not know it yet, so
 * it is looked at again until that can no longer be: only a read tells that it is gone. Where it is still there then, by proof or since
 * every cache has had its time, the API refuses to delete it.
 */
function judgeGone(report: LaneReport, intent: Intent, wasInDoubt: boolean, context: JudgeContext): void {
  const { id } = intent.request;
  const known = report.memoryOf(id) ?? NEW_RECORD;
  const rounds = known.lastStatus === GONE ? known.undecidedRounds : 0;
  const isThere = report.wasThere(id);
  if (isThere && rounds >= Math.max(1, context.retry.limit)) {
    return judgeRefusal(report, intent, { status: GONE, message: NOT_DELETED }, context);
  }
  // Known as refused from the first time, else each of many that are refused would seem to be the only one.
  if (isThere) context.blame.putOff(recordName(report, id), intent.covers[0]?.position);
  const { undecidedRounds } = report.remember(id, {
    undecidedRounds: rounds + 1,
    refusals: known.refusals + 1,
    lastStatus: GONE,
    ...(wasInDoubt && { doubt: 'refused', intent }),
  });
  const delayMs = retryDelayMs(context.retry, undecidedRounds, context.fraction, context.retryAfterMs);
  if (undecidedRounds >= context.retry.limit) waitOut(report, id, delayMs, context);
  else report.waitFor('retrying', delayMs);
}

/** The last wait of what may be missing only for a late cache: it is not over before every cache has had its time. */
export function waitOut(
  report: LaneReport,
  id: string,
  delayMs: number,
  { latestMs }: Pick<JudgeContext, 'latestMs'>,
): void {
  report.remember(id, { waitedOut: true });
  report.waitFor('retrying', Math.max(delayMs, latestMs));
}

/** A refusal for the content, by the API's answer or because a read did not find the record. */
export function judgeRefusal(
  report: LaneReport,
  refused: Pick<Intent, 'covers' | 'supersedes'> & {
    readonly request: Pick<PlannedWrite, 'id' | 'transaction'>;
  },
  answer: { readonly status: number; readonly code?: string; readonly message?: string },
  context: JudgeContext,
): void {
  const { id } = refused.request;
  const known = report.memoryOf(id);
  const isMerged = isDivisible(refused.covers, refused.request);
  // What may have landed stays together until it is known whose fault this is: its older values must not come again.
  if (isMerged && !known?.intent) return report.unmerge(id);
  const rounds = known?.undecidedRounds ?? 0;
  const { status } = answer;
  const verdict = context.blame.judge(
    recordName(report, id),
    { status, rounds, limit: context.retry.limit, position: refused.covers[0]?.position },
    context.writesThen,
  );
  if (verdict === 'record') {
    return isMerged ? report.unmerge(id) : report.end(id, refused, failure(codeOfStatus(status), answer));
  }
  if (verdict === 'configuration') context.suspectConfiguration(status);
  report.remember(id, {
    undecidedRounds: rounds + 1,
    refusals: (known?.refusals ?? 0) + 1,
    lastStatus: status,
  });
  report.waitFor('retrying', retryDelayMs(context.retry, rounds + 1, context.fraction, context.retryAfterMs));
}

/** Of what several assignments made up, one may be to blame alone; a transaction stays whole. */
export function isDivisible(
  covers: readonly Covered[],
  { transaction }: Pick<PlannedWrite, 'transaction'>,
): boolean {
  return covers.length > 1 && transaction === undefined;
}

/**
 * 5xx for this record while the request as a whole was answered, no word about it in that answer, or a repetition that the API
 * refuses as a whole: it stays in doubt, and spends its attempts while others are written.
 */
function judgeFailure(
  report: LaneReport,
  intent: Intent,
  answer: Extract<BulkRecord, { kind: 'failed' | 'missing' | 'refused' }>,
  context: JudgeContext,
): void {
  const { id } = intent.request;
  report.unanswered(intent, context.landsBy);
  if (spendAttempt(report, id, context) === 'attempts left') return;
  // What one of the merged changes sets may be what the API fails at.
  if (isDivisible(intent.covers, intent.request)) return report.tellApart(intent);
  switch (answer.kind) {
    case 'failed':
      return report.end(id, intent, failure('API_ERROR', answer));
    case 'missing':
      return report.end(id, intent, failure('API_ERROR', { message: LEFT_OUT }));
    case 'refused':
      return report.end(id, intent, failure(codeOfStatus(answer.status), answer));
  }
}

/** The API fails to read this record while it reads others: without its ETag nothing of it can be written. */
export function judgeUnreadable(
  report: LaneReport,
  write: Pick<Intent, 'covers' | 'supersedes'> & { readonly id: string },
  trouble: ApiTrouble,
  context: JudgeContext,
): void {
  const { id, covers } = write;
  report.note(covers, { at: context.nowMs, step: 'waiting', assignment: id, detail: 'cannot be read' });
  if (spendAttempt(report, id, context) === 'attempts left') return;
  report.end(id, write, failure('API_ERROR', { status: trouble.status, message: UNREADABLE }));
}

/** A failure counts only when another record's write succeeded since the last one; each makes the lane wait longer. */
function spendAttempt(report: LaneReport, id: string, context: JudgeContext): 'attempts left' | 'spent' {
  const { failures, waits = 0 } = report.memoryOf(id) ?? NEW_RECORD;
  const { limit } = context.retry;
  const othersSucceeded = context.blame.othersSucceeded(recordName(report, id), failures, context.writesThen);
  const counts = othersSucceeded || failures === 0;
  report.remember(id, counts ? { failures: failures + 1 } : { waits: waits + 1 });
  if (othersSucceeded && failures + 1 > limit) return 'spent';
  waitLonger(report, failures + waits + 1, context);
  return 'attempts left';
}

/** An earlier send is still being carried out, or this one was put off: nobody's fault, but asked less and less often. */
function judgeRunning(report: LaneReport, intent: Intent, context: JudgeContext): void {
  const { id } = intent.request;
  const { failures, waits = 0 } = report.memoryOf(id) ?? NEW_RECORD;
  report.unanswered(intent, context.landsBy);
  report.remember(id, { waits: waits + 1 });
  waitLonger(report, failures + waits + 1, context);
}

function waitLonger(
  report: LaneReport,
  retry: number,
  { retry: policy, fraction, retryAfterMs }: JudgeContext,
): void {
  report.waitFor('retrying', retryDelayMs(policy, retry, fraction, retryAfterMs));
}

const NOT_DELETED = 'the territory API shows this record, and answers that it knows none when it is deleted';
const LEFT_OUT = 'the territory API leaves this record out of its answers while it answers for others';
const UNREADABLE = 'the territory API cannot read this record while it reads others';

export function failure(
  code: FailureCode,
  answer: { readonly status?: number; readonly message?: string },
): ResultPart {
  return {
    result: 'failed',
    error: { status: answer.status, code, message: answer.message ?? MESSAGES[code] ?? code },
  };
}

/** Said where the API gave no message of its own. */
const MESSAGES: Partial<Record<FailureCode, string>> = {
  UNKNOWN_ASSIGNMENT: 'the territory API knows no such assignment',
  FORBIDDEN: 'the territory API forbids this write',
  REJECTED_BY_API: 'the territory API rejects the content of this write',
  TOO_LARGE: 'the territory API takes no request as large as this single write',
  API_ERROR: 'the territory API fails on this record while it writes others',
};

function codeOfStatus(status: number): FailureCode {
  switch (status) {
    case 403:
      return 'FORBIDDEN';
    case 404:
      return 'UNKNOWN_ASSIGNMENT';
    case 413:
      return 'TOO_LARGE';
    default:
      return 'REJECTED_BY_API';
  }
}

/** Unique over all lanes; the name under which a record's successes are known too. */
function recordName(report: LaneReport, id: string): string {
  return JSON.stringify([report.lane.territoryId, id]);
}

function detailOf({ status, code }: { readonly status: number; readonly code?: string }): string {
  return code && code !== String(status) ? `${status} ${code}` : String(status);
}
