/** W3C Trace Context, https://www.w3.org/TR/trace-context/#traceparent-header. */

const TRACE_PARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]{1,200})?$/;

/** The value where it is a well-formed `traceparent`; version 00 has exactly four parts, later ones may have more. */
export function traceParentIn(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const match = TRACE_PARENT.exec(value);
  if (!match || (match[1] === '00' && match[2] !== undefined)) return undefined;
  return value;
}
