/**
 * Every change passes the journal when it comes and when it ends, so it is counted there: once each, and only what the
 * journal has taken (a duplicate is not received, what a stale owner says ended is not). A replay ends again, but came before.
 */
import type { Arrival, Journal, LaneCompletion } from '../journal/port.ts';
import type { Clock } from '../platform/clock.ts';
import type { Activity } from './activity.ts';
import { unmeasured, type Measurements } from './measured.ts';

export interface CountedJournalParts {
  readonly activity: Pick<Activity, 'received' | 'ended'>;
  readonly measurements?: Pick<Measurements, 'messageConsumed'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** The same journal, which also tells what is received through it and what ends. */
export function countedJournal(
  journal: Journal,
  { activity, measurements = unmeasured, clock }: CountedJournalParts,
): Journal {
  return {
    durability: journal.durability,
    async append(arrivals) {
      const results = await journal.append(arrivals);
      const nowMs = clock.now();
      let received = 0;
      for (const [index, { kind }] of results.entries()) {
        const arrival = arrivals[index];
        if (!arrival) continue;
        const sinceMs = nowMs - arrival.receivedAt;
        const isNew = !isReplay(arrival);
        // A replay is a person's decision, and what comes back as unreadable is counted then.
        if (isNew && kind !== 'clash' && kind !== 'refused') measurements.messageConsumed(sinceMs);
        if (kind !== 'appended') continue;
        if (isNew) received += 1;
        // What cannot be read is a dead letter as soon as it is appended.
        if (arrival.kind === 'unreadable') activity.ended('failed', sinceMs);
      }
      if (received > 0) activity.received(received);
      return results;
    },
    async complete(lanes) {
      const accepted = await journal.complete(lanes);
      const nowMs = clock.now();
      for (const { outcome, receivedAt } of endingsOf(lanes, accepted)) {
        activity.ended(outcome, receivedAt === undefined ? undefined : nowMs - receivedAt);
      }
      return accepted;
    },
    claim: (request) => journal.claim(request),
    renew: (claims, leaseMs) => journal.renew(claims, leaseMs),
    storeIntents: (lanes) => journal.storeIntents(lanes),
    nextDueMs: () => journal.nextDueMs(),
    takeUnsent: (...asked) => journal.takeUnsent(...asked),
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
