/** Reads what an error body says, whichever of the usual shapes it has; nothing of it is cleaned here. */

export interface ApiError {
  readonly code?: string;
  readonly message?: string;
  /** Problem type (RFC 9457) and title, together. */
  readonly problem?: string;
}

/**
 * Shapes: OData V4 `{error: {code, message}}`, V2 `{error: {code, message: {value}}}`, problem+json `{type, title, detail}`,
 * bare `{code, message}`, and `{error: "text"}`.
 */
export function readApiError(body: unknown): ApiError {
  const outer = asObject(body);
  if (outer === undefined) return typeof body === 'string' ? { message: body } : {};
  const error = asObject(outer['error']) ?? outer;
  const code = error['code'];
  const message = firstText(
    error['message'],
    asObject(error['message'])?.['value'],
    error['detail'],
    error['title'],
    outer['error'],
    outer['reason'],
  );
  // Outside too: a problem may wrap another one.
  const named = [error['type'], error['title'], outer['type'], outer['title']];
  const problem = [...new Set(named)].filter((value) => typeof value === 'string').join(' ');
  return {
    ...((typeof code === 'string' || typeof code === 'number') && { code: String(code) }),
    ...(message !== undefined && { message }),
    ...(problem !== '' && { problem }),
  };
}

/** The value as a JSON object, else undefined. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function firstText(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === 'string' && value !== '');
}
