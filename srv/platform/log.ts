/** The log as everything else sees it; `logger.ts` implements it. Fields never hold a secret, a token or a payload. */

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines carry these fields too, for example a correlation id. */
  child(fields: LogFields): Log;
}
