/** The publishing of an outcome event as a span of the trace that the event names. */
import type { Mesh, OutgoingMessage } from '../../mesh/port.ts';
import type { Traces } from './traces.ts';

/** The same publishing, which is also traced. */
export function tracedPublishing(
  mesh: Pick<Mesh, 'publish'>,
  traces: Pick<Traces, 'publish'>,
): Pick<Mesh, 'publish'> {
  return {
    async publish(message) {
      const traceparent = traceParentIn(message);
      // Without one its trace did not begin with the event, and ends with the flight.
      if (traceparent === undefined) return mesh.publish(message);
      const span = traces.publish(traceparent, message.to.name);
      const result = await mesh.publish(message);
      span.end(result.kind === 'accepted' ? undefined : result.kind);
      return result;
    },
  };
}

/** Of a structured CloudEvent, which our outcome events are. */
function traceParentIn({ body, contentType }: OutgoingMessage): string | undefined {
  if (!contentType.startsWith('application/cloudevents+json')) return undefined;
  try {
    const { traceparent } = JSON.parse(body.toString()) as { readonly traceparent?: unknown };
    return typeof traceparent === 'string' ? traceparent : undefined;
  } catch {
    return undefined;
  }
}
