/**
 * The id under which what belongs together is found again: in the lines of the log and at the other systems that it is sent to. It
 * goes along with the work by itself, so that no part has to hand it on. What the work only wakes would have it too, so it is written
 * to those logs alone that are asked to.
 */
import { AsyncLocalStorage } from 'node:async_hooks';

import type { Log, LogFields } from './log.ts';

/** As SAP's own libraries and services name it. */
export const CORRELATION_HEADER = 'x-correlationid';

const current = new AsyncLocalStorage<string>();

/** Runs the work, and all that it causes, under that id. */
export function correlated<Result>(id: string, work: () => Result): Result {
  return current.run(id, work);
}

/** Undefined outside of any such work. */
export function correlationId(): string | undefined {
  return current.getStore();
}

/** A log whose lines have the id of the work that they are written in, as `correlation_id`. */
export function correlatedLog(log: Log): Log {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: LogFields): void => {
      const id = correlationId();
      log[level](message, id === undefined ? fields : { correlationId: id, ...fields });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => correlatedLog(log.child(fields)),
  };
}

/** Whether it can stand in a header and in one field of a log line: 1–256 visible characters of ASCII. */
export function isCorrelationId(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,256}$/.test(value);
}
