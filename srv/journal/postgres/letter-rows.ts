/** Dead letters from rows. */
import type { TerritoryChange } from '../../events/change.ts';
import { isFailureCode } from '../../events/failure.ts';
import type { JournalLetter, JournalLetterDetail, LetterDecision, TrailStep } from '../port.ts';
import { changeOf } from './change-rows.ts';
import type { Row } from './database.ts';

type Envelope = Omit<Extract<JournalLetterDetail['content'], { kind: 'message' }>['message'], 'body'>;

export function letterOf(row: Row): JournalLetter {
  const code = row['code'];
  const territoryId = row['territory_id'] as string | null;
  const decided = row['is_open'] === true ? undefined : decisionOf(row);
  return {
    id: row['id'] as string,
    ref: { source: row['source'] as string, id: row['change_id'] as string },
    ...(territoryId !== null && { territoryId }),
    decision: (row['run'] as number | null) ?? 0,
    reason: {
      // A newer version may know more codes.
      code: typeof code === 'string' && isFailureCode(code) ? code : 'API_ERROR',
      message: (row['message'] as string | null) ?? '',
    },
    failedAt: row['failed_ms'] as number,
    attempts: row['attempts'] as number,
    conflicts: row['conflicts'] as number,
    ...(decided && { decided }),
  };
}

export function letterDetailOf(row: Row): JournalLetterDetail {
  const letter = letterOf(row);
  const position = row['position'] as string | null;
  // Whatever has been forgotten by its age is empty.
  const body = (row['body'] as Buffer | null) ?? Buffer.alloc(0);
  const contentType = (row['content_type'] as string | null) ?? undefined;
  const isPlaced = row['digest'] === null;
  const change = row['change'] as TerritoryChange | null;
  return {
    ...letter,
    body,
    ...(contentType !== undefined && { contentType }),
    firstReceivedAt: row['received_ms'] as number,
    ...(isPlaced && position !== null && { position: Number(position) }),
    history: row['history'] as readonly TrailStep[],
    laterChanges: row['later_changes'] as number,
    content:
      isPlaced && change !== null
        ? { kind: 'change', change: changeOf(change), digest: row['change_digest'] as string }
        : { kind: 'message', message: { ...envelopeOf(row['envelope'], contentType), body } },
  };
}

export function decisionOf(row: Row): LetterDecision {
  const by = row['decided_by'] as string | null;
  return {
    at: Math.round(row['decided_ms'] as number),
    action: row['action'] as LetterDecision['action'],
    ...(by !== null && { decider: { by, note: (row['note'] as string | null) ?? '' } }),
  };
}

/** Times among the application properties were written as text in JSON, and are read so: nothing depends on their type. */
function envelopeOf(envelope: unknown, contentType: string | undefined): Envelope {
  return {
    properties: {},
    ...(contentType !== undefined && { contentType }),
    ...(envelope as Envelope | null),
  };
}
