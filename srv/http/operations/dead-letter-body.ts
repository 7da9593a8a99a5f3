/** A dead letter as JSON. Its payload is shown as it came: JSON verbatim, anything else in base64. */
import type { DeadLetterDetail, DeadLetterItem } from '../../operations/port.ts';
import { isoTime, isoTimeOrNull } from './times.ts';

export function deadLetterBody(letter: DeadLetterItem) {
  return {
    id: letter.id,
    territoryId: letter.territoryId,
    changeId: letter.changeId,
    source: letter.source,
    reason: letter.reason,
    message: letter.message,
    failedAt: isoTime(letter.failedAt),
    attempts: letter.attempts,
    conflicts: letter.conflicts,
    state: letter.state,
    expiresAt: isoTimeOrNull(letter.expiresAt),
  };
}

/**
 * The JSON text of one dead letter. The payload's own text becomes the value of `payload`, since parsing it and writing
 * it again would round large integers, drop names given twice and fail on deep nesting: the very faults that make dead
 * letters. What is not JSON has `payload` null and `payloadBase64`.
 */
export function deadLetterJson(letter: DeadLetterDetail): string {
  const json = jsonIn(letter.body);
  const rest = JSON.stringify({
    ...deadLetterBody(letter),
    contentType: letter.contentType,
    history: letter.history,
    laterChanges: letter.laterChanges,
    decisions: letter.decisions.map(({ at, by, action, note }) => ({ at: isoTime(at), by, action, note })),
    ...(json === undefined && { payload: null, payloadBase64: letter.body.toString('base64') }),
  });
  return json === undefined ? rest : `${rest.slice(0, -1)},"payload":${json}}`;
}

/** The text of the bytes where they are JSON in UTF-8. */
function jsonIn(bytes: Buffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}
