/**
 * Whether the ETags of our own last writes are worth trusting: where other programs write the same records often, most of them have
 * moved on, and a conflict costs more than the read that was saved. Learned from the writes that went without a read and, while every
 * record is read, from what the reads show; so it is noticed without a conflict when the others have stopped.
 */
import type { LaneReading, Passenger } from './decide.ts';

/** One in so many weighs the latest look. */
const LOOKS = 50;
/** Share of outdated ones above which records are read. */
const MOST_OUTDATED = 0.05;

export class OwnEtagTrust {
  private outdated = 0;

  /** Records that we have written before may be written without a read. */
  get holds(): boolean {
    return this.outdated <= MOST_OUTDATED;
  }

  /** One of them was still the record's, or was not. */
  observe(kept: 'current' | 'outdated'): void {
    this.outdated += ((kept === 'outdated' ? 1 : 0) - this.outdated) / LOOKS;
  }

  /** What a flight's reads show of ETags that it could have trusted. A late cache's word counts for nothing. */
  compare({ plan, report }: Passenger, reading: LaneReading, nowMs: number): void {
    const mayBeLate = (report.lane.memory.rest?.latest ?? 0) > nowMs;
    for (const { id } of plan.writes) {
      const own = report.ownEtagOf(id);
      const read = reading.get(id);
      if (own === undefined || read?.kind !== 'read') continue;
      if (read.state.found && read.state.etag === own) this.observe('current');
      else if (read.proof || !mayBeLate) this.observe('outdated');
    }
  }
}
