/** Makes dead letters as the program does: messages are read and appended, claimed, and ended by a conflict. */
import type { InboundMessage } from '../../../srv/events/inbound-message.ts';
import type { ClaimedLane, Journal, LaneCompletion, OperatedJournal } from '../../../srv/journal/port.ts';
import { NO_MEMORY } from '../../../srv/journal/port.ts';
import { createArrivals } from '../../../srv/lanes/arrivals.ts';
import { createEndings } from '../../../srv/lanes/ending.ts';
import type { Clock } from '../../../srv/platform/clock.ts';
import { eventBytes, INBOUND } from '../../unit/lanes/letters.ts';

export interface DeskParts {
  readonly journal: Journal & OperatedJournal;
  readonly clock: Clock;
  readonly endings: ReturnType<typeof createEndings>;
}

export function endingsFor(clock: Clock): ReturnType<typeof createEndings> {
  const sender = { source: '/territory-sync/local', eventTypePrefix: 'cx.territory' };
  return createEndings({ successTopic: 's', failureTopic: 'f', deadLetterQueue: 'd', sender, clock });
}

/** An event on T1. */
export function messageOf(id: string, territoryId = 'NORTH', assignments?: unknown): InboundMessage {
  return {
    body: eventBytes(id, territoryId, assignments),
    contentType: 'application/cloudevents+json',
    properties: {},
  };
}

export async function appendMessages(
  { journal, clock, endings }: DeskParts,
  messages: readonly InboundMessage[],
): Promise<void> {
  const arrivals = createArrivals(INBOUND, endings);
  await journal.append(messages.map((message) => arrivals.read(message, clock.now())));
}

/** Whatever is pending ends as a dead letter. */
export async function failAll(parts: DeskParts, more: Partial<LaneCompletion['ended'][number]> = {}) {
  const lanes = await parts.journal.claim({ records: 100, leaseMs: 60_000 });
  if (lanes.length > 0) await parts.journal.complete(lanes.map((lane) => failed(lane, parts, more)));
}

function failed(
  { territoryId, fence, changes }: ClaimedLane,
  { clock, endings }: DeskParts,
  more: Partial<LaneCompletion['ended'][number]>,
): LaneCompletion {
  const error = { status: 412, code: 'CONFLICT_LIMIT', message: 'changed by others' } as const;
  const made = changes.map((change) => {
    const results = change.change.assignments.map(({ id }) => ({ id, result: 'failed', error }) as const);
    const progress = {
      position: change.position,
      results: new Map(results.entries()),
      attempts: 1,
      conflicts: 1,
      history: [{ at: clock.now(), step: 'conflict', assignment: 'T1', detail: '412' } as const],
    };
    return { progress, ending: { ...endings.endChange(change, progress, results), ...more } };
  });
  return {
    territoryId,
    fence,
    progress: made.map(({ progress }) => progress),
    ended: made.map(({ ending }) => ending),
    memory: NO_MEMORY,
  };
}
