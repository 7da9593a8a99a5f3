/**
 * Every change passes the journal when it comes and when it ends, so it is counted there: once each, and only what the
 * journal has taken (a duplicate is not received, what a stale owner says ended is not). A replay ends again, but came before.
 */
import type { Arrival, Journal, LaneCompletion } from '../journal/port.ts';
import type { Activity } from './activity.ts';

/** The same journal, which also tells what is received through it and what ends. */
export function countedJournal(journal: Journal, activity: Pick<Activity, 'received' | 'ended'>): Journal {
  return {
    durability: journal.durability,
    async append(arrivals) {
      const results = await journal.append(arrivals);
      for (const [index, result] of results.entries()) {
        const arrival = arrivals[index];
        if (result.kind !== 'appended' || !arrival) continue;
        if (!isReplay(arrival)) activity.received(1);
        // What cannot be read is a dead letter as soon as it is appended.
        if (arrival.kind === 'unreadable') activity.ended('failed');
      }
      return results;
    },
    async complete(lanes) {
      const accepted = await journal.complete(lanes);
      for (const { outcome } of endingsOf(lanes, accepted)) activity.ended(outcome);
      return accepted;
    },
    claim: (request) => journal.claim(request),
    renew: (claims, leaseMs) => journal.renew(claims, leaseMs),
    storeIntents: (lanes) => journal.storeIntents(lanes),
    nextDueMs: () => journal.nextDueMs(),
    takeUnsent: (limit) => journal.takeUnsent(limit),
    markSent: (ids) => journal.markSent(ids),
    ...(journal.park && { park: journal.park.bind(journal) }),
    giveBack: (ids) => journal.giveBack(ids),
    receiverLost: () => journal.receiverLost(),
    onWork: (listener) => journal.onWork(listener),
    onReleased: (listener) => journal.onReleased(listener),
    figures: () => journal.figures(),
  };
}

function endingsOf(lanes: readonly LaneCompletion[], accepted: ReadonlySet<string>): LaneCompletion['ended'] {
  return lanes.filter(({ territoryId }) => accepted.has(territoryId)).flatMap(({ ended }) => ended);
}

function isReplay(arrival: Arrival): boolean {
  return arrival.kind === 'change' ? arrival.replay !== undefined : arrival.replayOf !== undefined;
}
