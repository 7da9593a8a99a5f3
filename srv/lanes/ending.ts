/** What the mesh is told when a change ends: the outcome event, and for a failure the dead letter's copy too. */
import { deadLetterMessage, type DeadLetter } from '../events/dead-letter.ts';
import type { FailureCode } from '../events/failure.ts';
import type { InboundMessage, UnreadableInbound } from '../events/inbound.ts';
import {
  outcomeEvent,
  unreadableDeadLetterId,
  unreadableOutcome,
  type OutcomeEvent,
  type OutcomeInput,
  type OutcomeSender,
} from '../events/outcome-event.ts';
import type { ChangeRef } from '../events/change.ts';
import { deadLetterId, outcomeOf, type AssignmentResult, type ChangeEnding } from '../events/outcome.ts';
import type { OutboxMessage, PendingChange } from '../journal/port.ts';
import type { Clock } from '../platform/clock.ts';
import type { EndChange } from './lane-report.ts';

export interface EndingOptions {
  readonly sender: OutcomeSender;
  readonly successTopic: string;
  readonly failureTopic: string;
  readonly deadLetterQueue: string;
  /** `hold`: the lane of a dead letter waits for the decision on it. Needs a durable journal. */
  readonly onDeadLetter?: 'skip' | 'hold';
  readonly clock: Clock;
}

export interface Endings {
  readonly endChange: EndChange;
  /** The messages about something that could not be read. */
  unreadable(
    unreadable: UnreadableInbound,
    message: Pick<InboundMessage, 'body' | 'contentType'>,
    receivedAt: number,
    decision?: number,
  ): readonly OutboxMessage[];
  /** The message about a dead letter that a person discarded. */
  discarded(discarded: Discarded): readonly OutboxMessage[];
}

/** A dead letter that is not to be run again. */
export interface Discarded {
  readonly deadLetterId: string;
  /** Number of this decision: one more than the dead letter's. */
  readonly decision: number;
  readonly change: OutcomeInput['change'];
  readonly territoryId: string | null;
  readonly position: number | null;
  /** As far as they are known. */
  readonly results: readonly AssignmentResult[];
  readonly attempts: number;
  readonly conflicts: number;
  /** Epoch milliseconds. */
  readonly receivedAt: number;
}

/** What a person can do about a failure. */
const ACTIONS: Readonly<Record<FailureCode, string>> = {
  INVALID_EVENT: 'Correct the event at its source, or replay it with edited assignments.',
  UNKNOWN_ASSIGNMENT: 'Create the assignment, then replay; or discard.',
  REJECTED_BY_API: 'Correct the values at the source or replay with edited assignments.',
  FORBIDDEN: 'Grant the technical user the right to change this assignment, then replay.',
  CONFLICT_LIMIT: 'Replay when the other writers of this assignment are quiet.',
  OVERLAP: 'Compare both changes; replay to let this one win, or discard it.',
  TOO_LARGE: 'Split the change at its source.',
  API_ERROR: 'Ask the owner of the territory API about this record, then replay.',
  DISCARDED: 'None: a person decided so.',
};

export function createEndings(options: EndingOptions): Endings {
  const { sender, clock } = options;

  const messages = (event: OutcomeEvent, letter?: DeadLetter): readonly OutboxMessage[] => [
    ...(letter ? [deadLetterCopy(letter, options.deadLetterQueue)] : []),
    outcomeMessage(event, event.topicKind === 'success' ? options.successTopic : options.failureTopic),
  ];

  const endChange: EndChange = (pending, progress, results) => {
    const { change, decision, position, payload, replay } = pending;
    const receivedAt = replay?.firstReceivedAt ?? pending.receivedAt;
    const completedAt = clock.now();
    const { letterId, discriminator } = identityOf(pending);
    const ending = endingOf(results, letterId);
    const attempts = pending.attempts + progress.attempts;
    const conflicts = pending.conflicts + progress.conflicts;
    const event = outcomeEvent({
      change,
      territoryId: change.territoryId,
      ending,
      decision,
      position,
      assignments: results,
      attempts,
      conflicts,
      receivedAt,
      completedAt,
      sender,
      discriminator,
    });
    const end = { position, receivedAt: pending.receivedAt };
    if (ending.outcome !== 'failed') return { ...end, outcome: ending.outcome, messages: messages(event) };
    const letter: DeadLetter = {
      deadLetterId: ending.deadLetterId,
      decision,
      reason: ending.reason,
      change,
      territoryId: change.territoryId,
      body: payload.body,
      contentType: payload.contentType,
      firstReceivedAt: receivedAt,
      failedAt: completedAt,
      attempts,
      conflicts,
      position,
      history: [...pending.history, ...progress.history],
    };
    const { outcome, reason } = ending;
    const holds = options.onDeadLetter === 'hold' && ({ holds: true } as const);
    return { ...end, outcome, reason, deadLetterId: letterId, ...holds, messages: messages(event, letter) };
  };

  return {
    endChange,
    unreadable(unreadable, { body, contentType }, receivedAt, decision = 0) {
      const completedAt = clock.now();
      const letter: DeadLetter = {
        deadLetterId: unreadableDeadLetterId(unreadable, decision),
        decision,
        reason: unreadable,
        change: unreadable.ref,
        territoryId: unreadable.territoryId,
        body,
        contentType,
        firstReceivedAt: receivedAt,
        failedAt: completedAt,
        attempts: 0,
        history: [],
      };
      return messages(unreadableOutcome(unreadable, { receivedAt, completedAt }, sender, decision), letter);
    },
    discarded({ deadLetterId: id, results, ...discarded }) {
      const reason = {
        code: 'DISCARDED',
        message: 'A person decided that this dead letter is not to be applied.',
        action: ACTIONS.DISCARDED,
      } as const;
      const isOwn = id === deadLetterId(discarded.change, discarded.decision - 1);
      const event = outcomeEvent({
        ...discarded,
        ending: { outcome: 'failed', reason, deadLetterId: id },
        assignments: results,
        completedAt: clock.now(),
        sender,
        ...(!isOwn && { discriminator: id }),
      });
      return messages(event);
    },
  };
}

/**
 * The id of the dead letter that a run may become, and what tells its event from others. An impostor under a known source
 * and id that is replayed must not take the ids of the event that these belong to.
 */
function identityOf({ change, decision, replay }: PendingChange): {
  letterId: string;
  discriminator?: string;
} {
  const own = replay && deadLetterId(change, decision - 1);
  if (!replay || replay.deadLetterId === own) return { letterId: deadLetterId(change, decision) };
  const impostor: ChangeRef = { source: change.source, id: `${change.id} ${replay.deadLetterId}` };
  return { letterId: deadLetterId(impostor, decision), discriminator: replay.deadLetterId };
}

/** The first failed assignment gives the reason: the others' errors stand beside it in the event. */
function endingOf(results: readonly AssignmentResult[], deadLetter: string): ChangeEnding {
  const outcome = outcomeOf(results);
  if (outcome !== 'failed') return { outcome };
  const error = results.find(({ result }) => result === 'failed')?.error;
  const code = error?.code ?? 'REJECTED_BY_API';
  return {
    outcome,
    reason: { code, message: error?.message ?? code, action: ACTIONS[code] },
    deadLetterId: deadLetter,
  };
}

function outcomeMessage(event: OutcomeEvent, topic: string): OutboxMessage {
  return {
    id: event.id,
    kind: 'outcome',
    message: {
      to: { kind: 'topic', name: topic },
      body: event.body,
      contentType: event.contentType,
      messageId: event.id,
    },
  };
}

function deadLetterCopy(letter: DeadLetter, queue: string): OutboxMessage {
  return {
    id: letter.deadLetterId,
    kind: 'dead-letter',
    message: { to: { kind: 'queue', name: queue }, ...deadLetterMessage(letter) },
  };
}
