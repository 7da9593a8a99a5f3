/** A change fails only for a fault of its own: a code says which, and what the API did to its records shows whether that is so. */
import type { FailureCode } from '../../../srv/events/outcome.ts';
import { BAD, HUGE, POISON, type Version } from '../world/records.ts';
import type { Step } from './effects.ts';
import type { Verdict } from './violation.ts';
import type { Told } from './writes.ts';

export interface FaultRules {
  readonly retryLimit: number;
  readonly onOverlap: 'source-wins' | 'review';
  /** `per-change`: whatever one record of a change is to blame for may be told of another of it. */
  readonly transactions: 'none' | 'per-change';
  /** Records that a transaction may have. */
  readonly batchMax: number;
  /** The record on which the API always fails. */
  readonly cursed: string | undefined;
  readonly toldOf: (record: string) => Told;
  /** Whether a record other than this one was written between the two times. */
  readonly othersWrote: (record: string, fromMs: number, toMs: number) => boolean;
}

/** @param history of the record */
export function checkFault(
  record: string,
  step: Step,
  history: readonly Version[],
  rules: FaultRules,
  verdict: Verdict,
): void {
  const { expected, index, result, told } = step;
  if (told.code === 'DISCARDED') return;
  const demand = (condition: boolean, why: string) =>
    verdict.demand(
      condition,
      'whose-fault',
      () =>
        `${expected.id}[${index}] on ${record} ended as ${result.result} ${String(result.error?.code)}, but ${why}: ` +
        JSON.stringify(rules.toldOf(record)),
    );
  if (result.result === 'skipped') {
    const hasFailed = told.assignments.some((other) => other.result === 'failed');
    return demand(rules.transactions === 'per-change' && hasFailed, 'none of its transaction has failed');
  }
  if (result.result !== 'failed') return;
  return checkCode(record, result.error?.code, step, history, rules, demand);
}

function checkCode(
  record: string,
  code: FailureCode | undefined,
  { expected, index, told }: Step,
  history: readonly Version[],
  rules: FaultRules,
  demand: (condition: boolean, why: string) => void,
): void {
  const own = expected.assignments[index];
  const involved = rules.transactions === 'per-change' ? expected.assignments : own ? [own] : [];
  const names = new Set(involved.map(({ id }) => `${expected.territoryId}/${id}`));
  const of = rules.toldOf(record);
  const sets = (value: string) => involved.some(({ fields }) => Object.values(fields).includes(value));
  const isMeanwhile = (atMs: number) => atMs >= expected.publishedMs && atMs <= told.atMs;
  /** Blamed as the rule has it for what befell every request: refused for long and nobody else was, or others were written meanwhile. */
  const isBlamedFor = (kind: (status: number) => boolean): boolean =>
    [...names].some((name) => {
      const times = rules
        .toldOf(name)
        .refusedAlone.filter(({ status, atMs, hasReason }) => !hasReason && kind(status) && isMeanwhile(atMs))
        .map(({ atMs }) => atMs);
      const wroteBefore = (atMs: number, at: number) =>
        at > 0 && rules.othersWrote(name, times[at - 1] ?? atMs, atMs);
      return times.length > rules.retryLimit || times.some(wroteBefore);
    });
  const isRefusedOtherwise = [...names].some((name) =>
    rules.toldOf(name).refusedAlone.some(({ status }) => status !== 413),
  );
  switch (code) {
    case 'REJECTED_BY_API':
      return demand(
        sets(BAD) ||
          sets(POISON) ||
          (sets(HUGE) && isRefusedOtherwise) ||
          isBlamedFor((status) => status !== 413),
        'nothing was wrong with it',
      );
    case 'TOO_LARGE':
      return demand(
        sets(HUGE) ||
          (rules.transactions === 'per-change' &&
            (names.size > rules.batchMax || isBlamedFor((status) => status === 413))),
        'it is small',
      );
    case 'UNKNOWN_ASSIGNMENT':
      return demand(
        history.some(
          ({ fields, atMs }, at) =>
            fields === undefined &&
            atMs <= told.atMs &&
            (history[at + 1]?.atMs ?? Infinity) >= expected.publishedMs,
        ),
        'it was there',
      );
    case 'CONFLICT_LIMIT':
      return demand(of.refusedAtMs.filter(isMeanwhile).length > rules.retryLimit, 'met few conflicts');
    case 'API_ERROR': {
      const failures = [...names].map((name) => {
        const told = rules.toldOf(name);
        return told.failures + told.unanswered + told.refusedWhole;
      });
      return demand(
        names.has(rules.cursed ?? '') || failures.some((count) => count > rules.retryLimit),
        'the API failed seldom',
      );
    }
    case 'OVERLAP':
      return demand(rules.onOverlap === 'review', 'the source wins');
    case 'FORBIDDEN':
      // Where nothing else is written, nobody can tell a role that is missing from a record that is forbidden.
      // What was refused for its content before counts as well: that was its own fault.
      return demand(
        of.forbidden > rules.retryLimit || (of.forbidden > 0 && (sets(BAD) || sets(POISON))),
        'it was hardly forbidden',
      );
    case 'INVALID_EVENT': {
      const isNamedAgain = names.size < involved.length;
      return demand(
        isNamedAgain && involved.some(({ operation }) => operation !== 'update'),
        'it can be one transaction',
      );
    }
    case 'DISCARDED':
    case undefined:
      return demand(false, 'nothing of that kind happened');
  }
}
