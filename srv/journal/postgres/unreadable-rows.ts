/** What could not be read, as rows: its bytes as they are, names made storable, and the dead letter that it is. */
import type { UnreadableArrival } from '../port.ts';
import { storable } from './outbox-rows.ts';

/** Values of insert-unreadable: one array a column. */
export function unreadableColumns(arrivals: readonly UnreadableArrival[]): readonly (readonly unknown[])[] {
  const rows = arrivals.map(unreadableRow);
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column]));
}

/** Values of unreadable-again. */
export function unreadableRow({ ref, payload, receivedAt, letter }: UnreadableArrival): readonly unknown[] {
  return [
    storable(ref.source),
    storable(ref.id),
    payload.digest,
    payload.body,
    payload.contentType === undefined ? null : storable(payload.contentType),
    receivedAt,
    letter.id,
    letter.decision,
    letter.territoryId === undefined ? null : storable(letter.territoryId),
    letter.reason.code,
    storable(letter.reason.message),
    JSON.stringify(letter.envelope),
  ];
}
