/**
 * When a write of many requests sends no more of them. After trouble that the next request would meet as well, its quota or its
 * credentials, at once; after two failures with no answer between them, since one may be a record's own. And a request is not begun
 * later than one time-out after the first: the lanes count on everything having landed two time-outs after they let a write go.
 */
import type { Clock } from '../platform/clock.ts';
import type { ApiTrouble } from './port.ts';
import type { NoAnswer } from './trouble.ts';

const AT_ONCE: readonly ApiTrouble['reason'][] = ['throttled', 'unauthorized', 'forbidden', 'destination'];
const FAILURES_IN_A_ROW = 2;

export interface StopRule {
  /** What stands for the requests not sent; undefined while they may be sent. `not-begun`: their time is over. */
  stopped(): NoAnswer | { readonly kind: 'not-begun' } | undefined;
  /** What a request came to. */
  note(outcome: NoAnswer | { readonly kind: string }): void;
}

/** @param timeoutMs no request begins later than this after now */
export function createStopRule(clock: Clock, timeoutMs: number): StopRule {
  const beganMs = clock.monotonicMs();
  let failures = 0;
  let trouble: ApiTrouble | undefined;
  return {
    stopped() {
      if (trouble !== undefined) return { kind: 'trouble', trouble, sent: false };
      return clock.monotonicMs() - beganMs > timeoutMs ? { kind: 'not-begun' } : undefined;
    },
    note(outcome) {
      if (!isTrouble(outcome)) {
        failures = 0;
        return;
      }
      failures += 1;
      if (failures >= FAILURES_IN_A_ROW || AT_ONCE.includes(outcome.trouble.reason))
        trouble ??= outcome.trouble;
    },
  };
}

function isTrouble(outcome: NoAnswer | { readonly kind: string }): outcome is NoAnswer {
  return outcome.kind === 'trouble';
}
