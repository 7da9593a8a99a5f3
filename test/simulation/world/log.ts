/** The log of a process: the program says by itself where it finds a defect of its own. */
import type { Log } from '../../../srv/platform/log.ts';
import type { Verdict } from '../checker/violation.ts';
import type { Trace } from './trace.ts';

export function logInto(trace: Trace, verdict: Verdict, process: string): Log {
  const say = (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    trace.note(`${process} says: ${message}`);
    const { error } = fields;
    const isDefect =
      message.includes('a defect of this program') ||
      error instanceof TypeError ||
      error instanceof RangeError ||
      error instanceof ReferenceError;
    verdict.demand(!isDefect, 'defect', () => `${process}: ${message} ${String(error)}`);
  };
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warn: say,
    error: say,
    child: () => log,
  };
  return log;
}
