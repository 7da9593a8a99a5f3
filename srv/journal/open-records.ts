import type { PendingChange } from './port.ts';

/** Records that still have something to be written; several changes of one record take one place in a flight. */
export function openRecords(changes: readonly PendingChange[]): number {
  const open = changes.flatMap(({ change, results }) =>
    change.assignments.filter((_, index) => !results[index]),
  );
  return new Set(open.map(({ id }) => id)).size;
}
