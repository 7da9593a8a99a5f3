/** W3C `traceparent` to and from OpenTelemetry's form. */
import type { SpanContext } from '@opentelemetry/api';

import { traceParentIn } from '../../events/trace-parent.ts';

/** Undefined where there is none, or it is not well-formed. */
export function contextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = traceParentIn(traceparent)?.split('-') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

export function traceParentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
