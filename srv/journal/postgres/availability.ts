/** Whether the database answers. */
import { Availability as StoreAvailability } from '../../platform/availability.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';

export type { AvailabilityCheck } from '../../platform/availability.ts';

export class Availability extends StoreAvailability {
  constructor(clock: Pick<Clock, 'now'>, log: Log) {
    super(clock, log, {
      back: 'PostgreSQL answers',
      outage: 'PostgreSQL cannot be used; nothing is received or settled until it answers',
    });
  }
}
