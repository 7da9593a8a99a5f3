/** Every flight is counted, measured and traced where it starts, whatever flies it. */
import type { ClaimedLane } from '../journal/port.ts';
import type { Clock } from '../platform/clock.ts';
import type { Activity } from './activity.ts';
import type { Measurements } from './measured.ts';
import type { Traces } from './traces/traces.ts';
import type { WriteResults } from './write-results.ts';

/** What of a flight's result is counted. */
interface Flown {
  readonly results: WriteResults;
  readonly propagationMs: readonly number[];
}

export interface CountedFlightsParts {
  readonly activity: Pick<Activity, 'writes'>;
  readonly measurements: Pick<Measurements, 'flight' | 'propagated'>;
  readonly traces?: Pick<Traces, 'flight'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** The same flying, which also tells how it went. */
export function countedFlights<Result extends Flown, Rest extends readonly unknown[]>(
  fly: (lanes: readonly ClaimedLane[], ...rest: Rest) => Promise<Result>,
  { activity, measurements, traces, clock }: CountedFlightsParts,
): (lanes: readonly ClaimedLane[], ...rest: Rest) => Promise<Result> {
  const counted = async (lanes: readonly ClaimedLane[], rest: Rest): Promise<Result> => {
    const startedAtMs = clock.monotonicMs();
    const flown = await fly(lanes, ...rest);
    measurements.flight(clock.monotonicMs() - startedAtMs);
    activity.writes(flown.results);
    for (const lagMs of flown.propagationMs) measurements.propagated(lagMs);
    return flown;
  };
  if (!traces) return (lanes, ...rest) => counted(lanes, rest);
  return (lanes, ...rest) => {
    const changes = lanes.flatMap((lane) => lane.changes);
    const traceparents = changes.map(({ change }) => change.traceparent);
    const attributes = { 'territory_sync.lanes': lanes.length, 'territory_sync.changes': changes.length };
    return traces.flight(traceparents, attributes, () => counted(lanes, rest));
  };
}
