/**
 * What a log line may carry: bounded, on its own terms, without secrets. Errors are unfolded by name, code, message,
 * stack and cause only: an HTTP client's error also holds the request with its Authorization header, so its other
 * properties are never even looked at.
 */
import type { LogFields } from './log.ts';

/** A value that is safe and short: nested values are JSON text, so that no field is an object here and a text there. */
export type FlatValue = string | number | boolean | null;

const TEXT_LIMIT = 2000;
const FIELD_LIMIT = 100;
const STACK_LINES = 40;
const CAUSE_LIMIT = 5;

/** An error as lines know it. */
export interface UnfoldedError {
  readonly name: string;
  readonly code?: string | number;
  readonly message: string;
  /** Stack of the error, then of each cause, one entry a line. */
  readonly stack: readonly string[];
}

/** The fields without `unfolded`, at most 100, each flat, short and redacted. */
export function flatFields(fields: LogFields, unfolded: Error | undefined): Record<string, FlatValue> {
  const flat: Record<string, FlatValue> = {};
  for (const [name, value] of Object.entries(fields).slice(0, FIELD_LIMIT)) {
    if (value === undefined || value === unfolded) continue;
    flat[shorten(name, 100)] = flatten(name, value);
  }
  return flat;
}

/** The error among the fields, the one named `error` first. */
export function errorOf(fields: LogFields): Error | undefined {
  if (fields['error'] instanceof Error) return fields['error'];
  return Object.values(fields).find((value) => value instanceof Error);
}

/** Follows `cause` at most five errors deep. */
export function unfold(error: Error): UnfoldedError {
  const code: unknown = 'code' in error ? error.code : undefined;
  const stack: string[] = [];
  let cause: unknown = error;
  for (let depth = 0; cause instanceof Error && depth < CAUSE_LIMIT; depth += 1) {
    if (depth > 0) stack.push(`caused by: ${headline(cause)}`);
    stack.push(...frames(cause).slice(0, STACK_LINES - stack.length));
    cause = cause.cause;
  }
  return {
    name: clean(error.name, 100),
    ...((typeof code === 'string' || typeof code === 'number') && {
      code: flatten('', code) as string | number,
    }),
    message: clean(error.message, TEXT_LIMIT),
    stack: [headline(error), ...stack].slice(0, STACK_LINES),
  };
}

/** One line of text: no control characters, which could forge lines, no credentials, not longer than `limit`. */
export function clean(text: string, limit: number): string {
  return shorten(withoutCredentials(text.replaceAll(/\p{Cc}+/gu, ' ')), limit);
}

/** At most `limit` characters, and how many more there were. */
export function shorten(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit).toWellFormed()}… (+${text.length - limit})`;
}

function headline(error: Error): string {
  const code: unknown = 'code' in error ? error.code : undefined;
  const known = typeof code === 'string' || typeof code === 'number' ? ` [${code}]` : '';
  return clean(`${error.name}${known}: ${error.message}`, TEXT_LIMIT / 4);
}

/** The stack's own lines, without its head, which repeats the message. */
function frames(error: Error): readonly string[] {
  const lines = typeof error.stack === 'string' ? error.stack.split('\n') : [];
  return lines.filter((line) => /^\s+at /.test(line)).map((line) => clean(line.trim(), 300));
}

function flatten(name: string, value: unknown): FlatValue {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'boolean' || value === null) return value;
  if (isSecret(name)) return '[redacted]';
  if (typeof value === 'string') return clean(value, TEXT_LIMIT);
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'no date' : value.toISOString();
  if (typeof value !== 'object') return `[${typeof value}]`;
  if (value instanceof Error) return headline(value);
  return clean(nested(value), TEXT_LIMIT);
}

/** JSON text of a nested value: four levels, fifty entries each, binary data by its size. */
function nested(root: object): string {
  const reduce = (value: unknown, name: string, depth: number): unknown => {
    if (value instanceof Error) return headline(value);
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if (typeof value !== 'object' || value === null || value instanceof Date)
      return flatten(name, value ?? null);
    if (isSecret(name)) return '[redacted]';
    if (depth === 4) return '[…]';
    if (Array.isArray(value)) return value.slice(0, 50).map((one) => reduce(one, name, depth + 1));
    const entries = Object.entries(value).slice(0, 50);
    return Object.fromEntries(entries.map(([key, one]) => [key, reduce(one, key, depth + 1)]));
  };
  return JSON.stringify(reduce(root, '', 0));
}

/**
 * A net under the rule that nobody logs a secret: names that usually hold one. Numbers and flags are let through
 * (`tokenRequests: 3`), so is the idempotency key, which is public.
 */
function isSecret(name: string): boolean {
  const plain = name.toLowerCase().replaceAll(/[^a-z]/g, '');
  if (plain === 'idempotencykey') return false;
  return /authorization|passw|passphrase|secret|token|cookie|credential|certificate|apikey|(private|access|client|ssl|tls)key|^key$/.test(
    plain,
  );
}

/** Credentials inside a text: of an Authorization header, of a URL, of a form. */
function withoutCredentials(text: string): string {
  return text
    .replaceAll(/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, '$1 [redacted]')
    .replaceAll(/:\/\/[^/\s@]+@/g, '://[redacted]@')
    .replaceAll(
      /\b(client_secret|password|access_token|refresh_token|assertion)=[^&\s"]+/gi,
      '$1=[redacted]',
    );
}
