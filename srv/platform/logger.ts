/**
 * The log on winston, which only carries finished lines: its own merging of metadata appends a field named `message`
 * to the message and loses the stack of an error, and SAP's transport for it drops what child loggers add.
 * Lines are written synchronously where standard output is a pipe, a file or a terminal of Linux, so that what is
 * logged before the process ends is not lost.
 */
import type { Writable } from 'node:stream';

import winston from 'winston';

import type { Clock } from './clock.ts';
import { LineBudget, type LineLimits } from './line-budget.ts';
import { componentFields, jsonLine, textLine } from './log-formats.ts';
import type { LogComponent, LogEntry, LogLevel } from './log-formats.ts';
import type { Log, LogFields } from './log.ts';

export type { LogComponent, LogLevel } from './log-formats.ts';

export interface LoggerOptions {
  /** Lowest level that is written. */
  readonly level: LogLevel;
  /** `json`: one object a line, for SAP Cloud Logging. `text`: for people, in colours where `stream` is a terminal. */
  readonly format: 'json' | 'text';
  readonly component: LogComponent;
  readonly clock: Clock;
  /** Lines of one message at most; absent: no limit. */
  readonly limits?: LineLimits;
  /** Defaults to standard output. */
  readonly stream?: Writable & { readonly isTTY?: boolean };
}

const COLOURS = { error: 31, warn: 33, info: 32, debug: 36, faint: 2 } as const;

/** A log that never throws; fields that cannot be written are left out. */
export function createLogger(options: LoggerOptions): Log {
  const { clock, stream = process.stdout } = options;
  const component = componentFields(options.component);
  const render = (entry: LogEntry): string =>
    options.format === 'json' ? jsonLine(entry, component) : textLine(entry, stream.isTTY ? coloured : plain);
  const sink = winston.createLogger({
    level: options.level,
    format: winston.format.printf(({ message }) => String(message)),
    transports: [new winston.transports.Stream({ stream })],
  });

  let last = { atMs: 0, sequence: 0 };
  const put: Write = (level, message, bound, fields) => {
    const atMs = clock.now();
    last = { atMs, sequence: atMs === last.atMs ? last.sequence + 1 : 0 };
    const entry = { level, message, ...last };
    sink.log({ level, message: rendered(render, entry, bound, fields) });
  };
  const budget = options.limits && new LineBudget(clock, options.limits);
  const write: Write = (level, message, bound, fields) => {
    if (!sink.isLevelEnabled(level)) return;
    // The record of what operators do is never cut.
    const verdict = fields?.['audit'] === true ? undefined : budget?.ask(level, message);
    for (const held of verdict?.heldBack ?? []) {
      put(held.level, 'Lines like the named one were held back: too many in a short time', {}, held);
    }
    if (verdict?.kind !== 'hold') put(level, message, bound, fields);
  };
  return logWith({}, write);
}

type Write = (level: LogLevel, message: string, bound: LogFields, fields: LogFields | undefined) => void;

/** A field may have a getter or a prototype that throws; its line is still worth having. */
function rendered(
  render: (entry: LogEntry) => string,
  entry: Omit<LogEntry, 'fields'>,
  bound: LogFields,
  fields: LogFields | undefined,
): string {
  try {
    return render({ ...entry, fields: { ...bound, ...fields } });
  } catch {
    return render({ ...entry, fields: { dropped_fields: 'all: they cannot be read' } });
  }
}

function logWith(bound: LogFields, write: Write): Log {
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void =>
      write(level, message, bound, fields);
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => logWith({ ...bound, ...fields }, write),
  };
}

function coloured(part: string, as: keyof typeof COLOURS): string {
  return `\u001B[${COLOURS[as]}m${part}\u001B[0m`;
}

function plain(part: string): string {
  return part;
}
