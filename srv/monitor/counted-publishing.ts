/** Every message that the program sends is told of, with the broker's word and how long that took. */
import type { Mesh } from '../mesh/port.ts';
import type { Clock } from '../platform/clock.ts';
import type { Measurements } from './measured.ts';

/** The same publishing, which is also measured. */
export function countedPublishing(
  mesh: Pick<Mesh, 'publish'>,
  measurements: Pick<Measurements, 'messageSent'>,
  clock: Pick<Clock, 'monotonicMs'>,
): Pick<Mesh, 'publish'> {
  return {
    async publish(message) {
      const sentAtMs = clock.monotonicMs();
      const result = await mesh.publish(message);
      measurements.messageSent(message.to.name, result.kind, clock.monotonicMs() - sentAtMs);
      return result;
    },
  };
}
