/** The embedded journal in numbers. */
import type { JournalFigures, LaneState } from '../port.ts';
import type { Lane } from './lane.ts';

/** Counts lanes that have something pending or are paused, by their state at the monotonic time `nowMs`. */
export function figuresOf(lanes: Iterable<Lane>, nowMs: number, outboxUnsent: number): JournalFigures {
  const byState: Record<LaneState, number> = {
    ready: 0,
    'in-flight': 0,
    retrying: 0,
    resting: 0,
    locked: 0,
    held: 0,
    paused: 0,
  };
  let pendingChanges = 0;
  let oldestReceivedAt: number | undefined;
  for (const lane of lanes) {
    const pending = lane.pending();
    const [oldest] = pending;
    if (oldest || lane.paused) byState[lane.state(nowMs)] += 1;
    if (!oldest) continue;
    pendingChanges += pending.length;
    oldestReceivedAt = Math.min(oldestReceivedAt ?? Infinity, oldest.arrival.receivedAt);
  }
  return { pendingChanges, oldestReceivedAt, lanes: byState, outboxUnsent };
}
