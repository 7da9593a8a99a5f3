/**
 * One visit to the territory API for one or several lanes: plan, read with ETags, store the intents, write in bulk,
 * judge record by record, complete. Effects only through the ports; every rule is in a pure file of its own.
 */
import type { ClaimedLane, Intent, Journal, LaneCompletion } from '../journal/port.ts';
import {
  countResults,
  NOTHING_WRITTEN,
  type WriteResult,
  type WriteResults,
} from '../monitor/write-results.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { Random } from '../platform/random.ts';
import type { ApiTrouble, TerritoryApi } from '../territory-api/port.ts';
import type { Blame } from './blame.ts';
import type { BulkReads } from './bulk-read.ts';
import { sendSuspecting, type BulkAnswer } from './bulk-write.ts';
import type { BulkRecord } from './unit-verdict.ts';
import { decide, type FlightRules, type Passenger } from './decide.ts';
import { isOutdated, judge, judgeOutdated, type JudgeContext } from './judge.ts';
import { LaneReport, type EndChange } from './lane-report.ts';
import { withoutRead } from './own-etags.ts';
import { oneByOne, planLane } from './plan.ts';
import type { PropagationEstimate } from './propagation-estimate.ts';
import { earlyAgeMs, restAfter, shownAfterMs } from './propagation.ts';
import type { Suspects } from './suspects.ts';
import { recallWholes } from './told-apart.ts';

export type { FlightRules } from './decide.ts';

export interface FlightDeps {
  readonly api: TerritoryApi;
  readonly journal: Pick<Journal, 'storeIntents' | 'complete'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly blame: Blame;
  readonly suspects: Suspects;
  readonly reads: BulkReads;
  readonly propagation: PropagationEstimate;
  readonly rules: FlightRules;
  readonly endChange: EndChange;
}

/** How a flight went, for the breaker and the figures. */
export interface FlightResult {
  readonly trouble?: ApiTrouble;
  /** What came of each write that was sent. */
  readonly results: WriteResults;
  /** Milliseconds from our own earlier writes to the reads that showed them. */
  readonly propagationMs: readonly number[];
}

/** No lane got as far as the API. */
export const NOTHING_SENT: FlightResult = { results: NOTHING_WRITTEN, propagationMs: [] };

type Written = Pick<FlightResult, 'trouble' | 'results'>;

/**
 * Flies these lanes, at most `limit` records. Completes every lane that is still ours, whatever happened.
 * @param maySend asked just before the write: false once the leases are about to end
 * @param signal aborts the requests; what was sent is then in doubt
 */
export async function fly(
  lanes: readonly ClaimedLane[],
  limit: number,
  deps: FlightDeps,
  maySend: () => boolean,
  signal: AbortSignal,
): Promise<FlightResult> {
  const { onDeadLetter } = deps.rules;
  const aboard = (onDeadLetter === 'hold' ? lanes.map(oneByOne) : lanes).map(recallWholes);
  const passengers = board(aboard, limit, deps.clock.now(), deps);
  const writesThen = deps.blame.writes;
  const read = await deps.reads.read(passengers, deps.api, signal);
  if (read.kind === 'trouble') {
    await complete(passengers, deps);
    return { ...NOTHING_SENT, trouble: read.trouble };
  }
  let suspicion: ApiTrouble | undefined;
  const context = judgeContext(deps, writesThen, (trouble) => (suspicion = trouble));
  for (const passenger of passengers) {
    deps.reads.ownEtags.compare(passenger, read.of(passenger), context.nowMs);
    decide(passenger, read.of(passenger), context, deps.rules);
  }
  const propagationMs = passengers.flatMap(
    (passenger) =>
      shownAfterMs(
        passenger.report.lane.memory.rest,
        read.of(passenger),
        context.nowMs,
        deps.rules.propagation,
      ) ?? [],
  );
  const result = await write(passengers, deps, maySend, signal);
  await complete(passengers, deps);
  return { ...result, trouble: result.trouble ?? suspicion, propagationMs };
}

/** A record of the lane is under suspicion of making requests fail: finding out takes many requests. */
export function holdsSuspect(
  { changes, territoryId }: ClaimedLane,
  { suspects, reads }: Pick<FlightDeps, 'suspects' | 'reads'>,
): boolean {
  const lists = [suspects, reads.suspects].filter(({ none }) => !none);
  return lists.some((list) =>
    changes.some(({ change }) => change.assignments.some(({ id }) => list.has({ territoryId, id }))),
  );
}

function board(
  lanes: readonly ClaimedLane[],
  limit: number,
  nowMs: number,
  { rules: { onOverlap, ownEtags, transactions }, reads }: FlightDeps,
): Passenger[] {
  const rule = reads.ownEtags.holds ? ownEtags : 'ignored';
  let room = limit;
  return lanes.map((lane) => {
    const plan = planLane(lane, Math.max(1, room), transactions);
    room -= plan.repeats.length + plan.writes.length;
    const report = new LaneReport(lane, plan.prefixEnd, nowMs, plan.replays, onOverlap);
    report.supersede(plan.superseded);
    return { plan, report, intents: [...plan.repeats], withoutRead: withoutRead(plan, report, rule) };
  });
}

async function write(
  passengers: readonly Passenger[],
  deps: FlightDeps,
  maySend: () => boolean,
  signal: AbortSignal,
): Promise<Written> {
  const loaded = passengers.filter(({ intents }) => intents.length > 0);
  if (loaded.length === 0) return NOTHING_SENT;
  const held = await deps.journal.storeIntents(
    loaded.map(({ report, intents }) => ({
      territoryId: report.lane.territoryId,
      fence: report.lane.fence,
      intents,
    })),
  );
  const sendable = loaded.filter(({ report }) => held.has(report.lane.territoryId));
  if (sendable.length === 0 || !maySend()) return NOTHING_SENT;
  const sent = sendable.flatMap((passenger) => passenger.intents.map((intent) => ({ passenger, intent })));
  const writesThen = deps.blame.writes;
  const sentAtMs = deps.clock.now();
  const answers = await sendSuspecting(
    deps.suspects,
    deps.api,
    sent.map(({ intent }) => intent.request),
    signal,
    maySend,
  );
  return judgeAll(sent, answers, { writesThen, sentAtMs }, deps);
}

function judgeAll(
  sent: readonly { readonly passenger: Passenger; readonly intent: Intent }[],
  answers: readonly BulkAnswer[],
  { writesThen, sentAtMs }: { readonly writesThen: number; readonly sentAtMs: number },
  deps: FlightDeps,
): Written {
  let trouble: ApiTrouble | undefined;
  const context = judgeContext(
    deps,
    writesThen + answers.filter(isDone).length,
    (suspicion) => (trouble ??= suspicion),
  );
  const judged = sent.map(({ passenger, intent }, index) => {
    const answer = answers[index] ?? { kind: 'answered', record: { kind: 'missing' } };
    const wasInDoubt = passenger.plan.repeats.includes(intent);
    return { passenger, intent, wasInDoubt, answer };
  });
  // Successes first: they decide whose fault a refusal is.
  judged.sort((a, b) => Number(isDone(b.answer)) - Number(isDone(a.answer)));
  for (const { passenger, intent, wasInDoubt, answer } of judged) {
    const { report } = passenger;
    if (answer.kind === 'not-sent') continue;
    if (answer.kind === 'trouble') {
      trouble ??= answer.trouble;
      markUnanswered(report, intent, answer.sent, context);
      continue;
    }
    report.sent(intent.covers);
    if (isDone(answer)) deps.blame.succeeded([JSON.stringify([report.lane.territoryId, intent.request.id])]);
    const ageMs = noteEarly(report, intent, answer.record, sentAtMs, deps);
    const known = { ...context, retryAfterMs: answer.retryAfterMs };
    const wasUnread = passenger.withoutRead.has(intent.request.id);
    // While caches may be late it is more likely one of them that refuses than a foreign change.
    if (wasUnread && isDone(answer)) deps.reads.ownEtags.observe('current');
    if (wasUnread && ageMs === undefined && isOutdated(answer.record)) {
      deps.reads.ownEtags.observe('outdated');
      judgeOutdated(report, intent, answer.record, known);
    } else judge(report, intent, wasInDoubt, answer.record, known);
  }
  return { trouble, results: countResults(answers.flatMap((answer) => resultOf(answer) ?? [])) };
}

/** Learns from a write that was sent while caches may have been late; answers how long after our own last one. */
function noteEarly(
  { lane }: LaneReport,
  { request: { id, ifMatch } }: Intent,
  { kind }: BulkRecord,
  sentAtMs: number,
  { propagation, rules }: FlightDeps,
): number | undefined {
  const ageMs = earlyAgeMs(lane.memory.rest, id, ifMatch, sentAtMs, rules.propagation);
  if (ageMs === undefined) return undefined;
  if (kind === 'done') propagation.observe({ ageMs, answer: 'accepted' });
  if (kind === 'conflict') propagation.observe({ ageMs, answer: 'refused' });
  return ageMs;
}

/**
 * Trouble of the whole request: in doubt, unless it is certain that the API did not act on it. The report then keeps
 * what the lane knew before: a first send leaves nothing behind, a repetition stays in doubt.
 */
function markUnanswered(report: LaneReport, intent: Intent, wasSent: boolean, context: JudgeContext): void {
  if (!wasSent) return;
  report.sent(intent.covers);
  report.unanswered(intent, context.landsBy);
  report.note(intent.covers, { at: context.nowMs, step: 'in-doubt', assignment: intent.request.id });
}

/** In the words of the metrics; undefined where nothing was sent. */
function resultOf(answer: BulkAnswer): WriteResult | undefined {
  if (answer.kind === 'not-sent') return undefined;
  if (answer.kind === 'trouble') return answer.sent ? 'in-doubt' : 'trouble';
  switch (answer.record.kind) {
    case 'done':
      return 'ok';
    case 'conflict':
      return 'conflict';
    case 'refused':
    case 'defect':
    case 'rolled-back':
      return 'refused';
    case 'running':
      return 'trouble';
    case 'failed':
    case 'missing':
    case 'open':
      return 'in-doubt';
  }
}

function isDone(answer: BulkAnswer): boolean {
  return answer.kind === 'answered' && answer.record.kind === 'done';
}

async function complete(passengers: readonly Passenger[], deps: FlightDeps): Promise<void> {
  const { propagation } = deps.rules;
  const nowMs = deps.clock.now();
  // Once for all of them: what rests together flies together again.
  const hasWritten = passengers.some(({ report }) => report.writes.size > 0);
  const restMs = hasWritten ? deps.propagation.restFrom(nowMs) : 0;
  const completions = passengers.map(({ report }): LaneCompletion => {
    const { rest, delayMs } = restAfter(report.writes, report.lane.memory.rest, nowMs, propagation, restMs);
    if (delayMs > 0) report.waitFor('resting', delayMs);
    if (deps.rules.transactions) report.skipRest();
    return report.completion(rest, deps.propagation.restMs, deps.endChange);
  });
  const accepted = await deps.journal.complete(completions);
  for (const { territoryId, ended } of completions) {
    const letter = ended.find(({ holds }) => holds);
    if (!letter || !accepted.has(territoryId)) continue;
    deps.log.warn('A territory stands still at a dead letter until it is replayed or discarded', {
      alert: 'TerritorySyncLaneHeld',
      territoryId,
      deadLetterId: letter.deadLetterId,
    });
  }
}

const REFUSES_ALL =
  'it refuses every record and accepts none: check the role of the technical user and TERRITORY_PATH; nothing is dead-lettered meanwhile';

/** @param onTrouble told of what stands in the way of every record */
function judgeContext(
  { clock, random, rules, blame, log }: FlightDeps,
  writesThen: number,
  onTrouble: (trouble: ApiTrouble) => void,
): JudgeContext {
  return {
    retry: rules.retry,
    blame,
    writesThen,
    log,
    nowMs: clock.now(),
    landsBy: clock.now() + rules.doubtLastsMs,
    fraction: random.fraction(),
    retryAfterMs: undefined,
    latestMs: rules.propagation.maxMs,
    suspectConfiguration: (status) => onTrouble({ reason: 'forbidden', status, message: REFUSES_ALL }),
  };
}
