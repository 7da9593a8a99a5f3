/** The SDK keeps what became of an export to itself: here it is told, so that an outage of the collector is seen. */
import type { Availability } from '../../platform/availability.ts';

/** What exporters of metrics and of spans have in common; code 0 is success. */
interface Exporter<Batch> {
  export(batch: Batch, done: (result: { readonly code: number; readonly error?: Error }) => void): void;
}

const SUCCESS = 0;
const REASON_LENGTH = 200;

/** The same exporter; it tells of every export. */
export function toldExporter<Batch, E extends Exporter<Batch>>(
  exporter: E & Exporter<Batch>,
  availability: Pick<Availability, 'answered' | 'failed'>,
): E {
  const send = exporter.export.bind(exporter);
  exporter.export = (batch, done) =>
    send(batch, (result) => {
      if (result.code === SUCCESS) availability.answered();
      else availability.failed(reasonOf(result.error));
      done(result);
    });
  return exporter;
}

/** One line; gRPC's messages name addresses and states, never what was sent. */
function reasonOf(error: Error | undefined): string {
  return (error?.message ?? 'the collector refuses it').replaceAll(/\s+/g, ' ').slice(0, REASON_LENGTH);
}
