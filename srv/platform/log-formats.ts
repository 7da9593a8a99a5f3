/** A log entry as one line: JSON for SAP Cloud Logging, or text for people. Pure. */
import { clean, errorOf, flatFields, unfold } from './log-fields.ts';
import type { FlatValue } from './log-fields.ts';
import type { LogFields } from './log.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Who logs: the application as the platform names it. */
export interface LogComponent {
  readonly name: string;
  readonly id?: string;
  readonly instanceIndex: number;
  readonly space?: string;
  readonly spaceId?: string;
  readonly organization?: string;
  readonly organizationId?: string;
  readonly containerIp?: string;
}

export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Number of this entry among those of the same millisecond: keeps their order when they are sorted by time. */
  readonly sequence: number;
}

/** Bytes of a JSON line at most; Cloud Foundry's log path breaks longer ones. */
export const LINE_LIMIT_BYTES = 16_384;

/** Fields of ours that have a name of their own in SAP's log format. */
const RENAMED: Readonly<Record<string, string>> = {
  correlationId: 'correlation_id',
  requestId: 'request_id',
  tenantId: 'tenant_id',
};

/** Names of the format itself; a field of ours with such a name gets the prefix `x_`. */
const RESERVED =
  /^(type|level|msg|written_at|written_ts|stacktrace|layer|error_.*|component_.*|organization_.*|space_.*)$/;

/** Fields by which the JSON of a line is known; `component` is the same for all lines of a process. */
export function componentFields(component: LogComponent): Readonly<Record<string, FlatValue>> {
  return {
    type: 'log',
    layer: 'node',
    component_type: 'application',
    component_id: component.id ?? '-',
    component_name: component.name,
    component_instance: String(component.instanceIndex),
    source_instance: String(component.instanceIndex),
    ...(component.organization && { organization_name: component.organization }),
    ...(component.organizationId && { organization_id: component.organizationId }),
    ...(component.space && { space_name: component.space }),
    ...(component.spaceId && { space_id: component.spaceId }),
    ...(component.containerIp && { container_id: component.containerIp }),
  };
}

/** One JSON line with the fields that SAP's own logging library writes, the entry's own fields at the top level. */
export function jsonLine(entry: LogEntry, component: Readonly<Record<string, FlatValue>>): string {
  const error = errorOf(entry.fields);
  const unfolded = error && unfold(error);
  const base = {
    written_at: isoTime(entry.atMs),
    // Nanoseconds; the last six digits only count, a clock that fine would be of no use here.
    written_ts: entry.atMs * 1e6 + entry.sequence * 1000,
    level: entry.level,
    logger: 'territory-sync',
    msg: clean(entry.message, 2000),
    ...component,
    ...(unfolded && {
      error_name: unfolded.name,
      ...(unfolded.code !== undefined && { error_code: unfolded.code }),
      error_message: unfolded.message,
      stacktrace: unfolded.stack,
    }),
  };
  const own = Object.entries(flatFields(entry.fields, error)).map(
    ([name, value]) => [renamed(name), value] as const,
  );
  return fit(base, own);
}

/** One line for a terminal, an error's stack indented below it. `paint` colours a part, or gives it back as it is. */
export function textLine(entry: LogEntry, paint: (part: string, as: LogLevel | 'faint') => string): string {
  const error = errorOf(entry.fields);
  const { logger, ...fields } = flatFields(entry.fields, error);
  const parts = [
    paint(isoTime(entry.atMs).slice(11, 23), 'faint'),
    paint(entry.level.toUpperCase().padEnd(5), entry.level),
    ...(logger === undefined ? [] : [paint(String(logger), 'faint')]),
    clean(entry.message, 2000),
    ...Object.entries(fields).map(([name, value]) => paint(`${name}=${quoted(value)}`, 'faint')),
  ];
  const stack = error ? unfold(error).stack.map((line) => `\n    ${line}`) : [];
  return parts.join(' ') + stack.join('');
}

/** Drops the longest of the entry's own fields, then shortens message and stack, until the line fits its limit. */
function fit(
  base: Readonly<Record<string, unknown>>,
  own: readonly (readonly [string, FlatValue])[],
): string {
  const line = render(base, own);
  if (Buffer.byteLength(line) <= LINE_LIMIT_BYTES) return line;
  const kept = [...own].sort(([, a], [, b]) => String(a).length - String(b).length);
  const dropped: string[] = [];
  while (kept.length > 0) {
    dropped.push(kept.pop()?.[0] ?? '');
    const shorter = render(base, [...kept, ['dropped_fields', clean(dropped.join(','), 500)]]);
    if (Buffer.byteLength(shorter) <= LINE_LIMIT_BYTES) return shorter;
  }
  const short: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(base))
    short[name] = typeof value === 'string' ? clean(value, 300) : value;
  return render({ ...short, stacktrace: undefined }, [['dropped_fields', 'all']]);
}

function render(
  base: Readonly<Record<string, unknown>>,
  own: readonly (readonly [string, FlatValue])[],
): string {
  return JSON.stringify({ ...base, ...Object.fromEntries(own) });
}

function renamed(name: string): string {
  return RENAMED[name] ?? (RESERVED.test(name) ? `x_${name}` : name);
}

function quoted(value: FlatValue): string {
  return typeof value === 'string' && /[\s"=]|^$/.test(value) ? JSON.stringify(value) : String(value);
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
