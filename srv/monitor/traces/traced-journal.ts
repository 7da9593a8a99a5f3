/**
 * Receipt and append of a change as spans. A sampled change goes into the journal with the `traceparent` of its receipt (same
 * trace), so that whatever happens to it later, on any instance, is a part of it.
 */
import type { Arrival, Journal } from '../../journal/port.ts';
import type { OpenSpan, Traces } from './traces.ts';

/** The append of that journal, traced. */
export function tracedAppend(
  journal: Pick<Journal, 'append'>,
  traces: Pick<Traces, 'receive' | 'append'>,
): Journal['append'] {
  return async (arrivals) => {
    const traced = arrivals.map((arrival) => open(arrival, traces));
    try {
      const results = await journal.append(traced.map(({ arrival }) => arrival));
      for (const { spans } of traced) for (const span of spans) span.end();
      return results;
    } catch (error) {
      for (const { spans } of traced) for (const span of spans) span.end('unavailable');
      throw error;
    }
  };
}

/** Its spans, the inner one first. A replay was not received now, and goes on with the trace that it has. */
function open(
  arrival: Arrival,
  traces: Pick<Traces, 'receive' | 'append'>,
): { readonly arrival: Arrival; readonly spans: readonly OpenSpan[] } {
  if (arrival.kind !== 'change' || arrival.replay) return { arrival, spans: [] };
  const receive = traces.receive(arrival.change.traceparent, arrival.receivedAt);
  const { traceparent } = receive;
  if (traceparent === undefined) return { arrival, spans: [] };
  const change = { ...arrival.change, traceparent };
  return { arrival: { ...arrival, change }, spans: [traces.append(traceparent), receive] };
}
