/** What the suites of replays and lanes do with dead letters: fail changes, and run them again. */
import type { AssignmentChange } from '../../../srv/events/change.ts';
import type { AssignmentResult } from '../../../srv/events/outcome.ts';
import type { ChangeArrival, ClaimedLane, LaneCompletion, Replay } from '../../../srv/journal/port.ts';
import { NO_MEMORY } from '../../../srv/journal/port.ts';
import { message, RECEIVED_AT } from './samples.ts';

/** Result of a record whose name begins with this: it failed. */
const BAD = 'BAD';

/** Ends the lane's first changes: records named BAD… fail, all others are updated. A failed change is a dead letter. */
export function flown(lane: ClaimedLane, ends = lane.changes.length): LaneCompletion {
  const changes = lane.changes.slice(0, ends);
  return {
    territoryId: lane.territoryId,
    fence: lane.fence,
    progress: changes.map(({ position, change, results }) => ({
      position,
      results: new Map(
        change.assignments.flatMap((assignment, index) =>
          results[index] ? [] : [[index, resultOf(assignment)] as const],
        ),
      ),
      attempts: 1,
      conflicts: 0,
      history: [{ at: RECEIVED_AT, step: 'conflict' }],
    })),
    ended: changes.map(({ position, change, decision }) => {
      const failed = change.assignments.some((assignment) => resultOf(assignment).result === 'failed');
      const told = message(`outcome ${decision} of ${change.id}`);
      if (!failed) return { position, outcome: 'applied', messages: [told] };
      return { position, outcome: 'failed', deadLetterId: letterOf(change.id, decision), messages: [told] };
    }),
    memory: { ...NO_MEMORY, prefixEnd: changes.at(-1)?.position ?? 0 },
  };
}

function resultOf({ id }: AssignmentChange): AssignmentResult {
  if (!id.startsWith(BAD)) return { id, result: 'updated', etag: 'W/"2"' };
  return { id, result: 'failed', error: { code: 'REJECTED_BY_API', message: 'no' } };
}

/** The dead letter that a change becomes by a run. */
export function letterOf(changeId: string, decision = 0): string {
  return `dead letter ${decision} of ${changeId}`;
}

/** A replay of the change's dead letter. */
export function replayOf(arrival: ChangeArrival, more: Partial<Replay> = {}): ChangeArrival {
  const decision = more.decision ?? 1;
  const replay: Replay = {
    deadLetterId: letterOf(arrival.change.id, decision - 1),
    decision,
    overwrite: false,
    history: [{ at: RECEIVED_AT, step: 'replayed', detail: 'by anna' }],
    ...more,
  };
  return { ...arrival, replay };
}
