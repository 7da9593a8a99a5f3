/** A lane given back as it was claimed: whoever claims it next finds what this one found. */
import type { ClaimedLane, LaneCompletion } from '../journal/port.ts';

export function untouched({ territoryId, fence, memory }: ClaimedLane): LaneCompletion {
  return { territoryId, fence, progress: [], ended: [], memory };
}
