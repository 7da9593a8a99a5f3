/**
 * What makes two events with the same source and id the same: equal meaning. Territory, assignments in their order, and
 * related territories count; the envelope (its form, time, trace, transport) and the order of members in the JSON do not.
 * So a redelivery is always equal, also when a broker re-encodes it or the source re-sends it with another time.
 * The format is kept in journals: changing it makes redeliveries look like other payloads.
 */
import { createHash } from 'node:crypto';
import type { Fields } from './change.ts';
import type { Content } from './assignments.ts';

/** SHA-256, hex. */
export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** SHA-256 of the change's meaning, hex. */
export function digestOf(content: Content): string {
  const { territoryId, assignments, relatedTo } = content;
  const list = assignments.map(({ id, operation, fields, before }) => [
    id,
    operation,
    sorted(fields),
    before ? sorted(before) : null,
  ]);
  return sha256(JSON.stringify([territoryId, list, relatedTo]));
}

function sorted(fields: Fields): [string, unknown][] {
  return Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1));
}
