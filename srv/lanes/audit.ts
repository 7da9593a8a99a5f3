/** The record of what operators do: one line each, with who, when, what and why. */
import type { Clock } from '../platform/clock.ts';
import type { Log, LogFields } from '../platform/log.ts';

export interface OperatorAction {
  readonly by: string;
  /** A verb and its object, for example `replay dead letter`. */
  readonly what: string;
  /** The operator's words; empty where he gave none. */
  readonly why?: string;
  /** What it was done to. */
  readonly to?: LogFields;
}

export type Audit = (action: OperatorAction) => void;

/** Writes to the log, marked so that the lines can be told and kept apart. */
export function auditLog(log: Log, clock: Clock): Audit {
  return ({ by, what, why, to }) => {
    const at = new Date(clock.now()).toISOString();
    log.info(`Operator action: ${what}`, { audit: true, who: by, when: at, what, why: why ?? '', ...to });
  };
}
