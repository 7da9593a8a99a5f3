/**
 * What is measured beside what is counted (`activity.ts`): durations and the like, for the metrics alone. The parts tell
 * it here; nothing of OpenTelemetry is known to them.
 */
import type { PublishResult } from '../mesh/port.ts';

export interface Measurements {
  /** A message of the queue is in the journal, or known there already, so long after it came. */
  messageConsumed(durationMs: number): void;
  /** The broker's word on a message, so long after it was sent. @param destination name of the topic or queue */
  messageSent(destination: string, result: PublishResult['kind'], durationMs: number): void;
  flight(durationMs: number): void;
  /** A read showed our own write, so long after it. */
  propagated(lagMs: number): void;
  /** One value of `X-Cache-Status`, in upper case. */
  cacheStatus(value: string): void;
}

const nothing = (): void => undefined;

/** Where there are no metrics. */
export const unmeasured: Measurements = {
  messageConsumed: nothing,
  messageSent: nothing,
  flight: nothing,
  propagated: nothing,
  cacheStatus: nothing,
};
