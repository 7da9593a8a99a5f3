/** A log that keeps every line, so that a test can look for what must never stand in one. */
import type { Log, LogFields } from '../../srv/platform/log.ts';

export interface RecordingLog extends Log {
  readonly lines: readonly {
    readonly level: string;
    readonly message: string;
    readonly fields?: LogFields;
  }[];
}

export function createRecordingLog(): RecordingLog {
  const lines: { level: string; message: string; fields?: LogFields }[] = [];
  const add = (level: string) => (message: string, fields?: LogFields) => {
    lines.push({ level, message, ...(fields && { fields }) });
  };
  const log: RecordingLog = {
    lines,
    debug: add('debug'),
    info: add('info'),
    warn: add('warn'),
    error: add('error'),
    child: () => log,
  };
  return log;
}
