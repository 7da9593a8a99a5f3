/** The territories of a run: those of the workload, and two that have no trouble of their own. */
import type { Records } from './records.ts';
import type { Shape } from './shape.ts';
import { FOREIGN_FIELD, messageOf, MORE_RECORDS, RECORDS, SEEDED, type Publication } from './workload.ts';

/** Written once faults have stopped: what it shows is that the API accepts writes, so that others' faults are told from its. */
export const COMPANY = 'company';
/** Written now and then while others have trouble. */
export const NEIGHBOUR = 'neighbour';
/** Its own rest after a write is over by then. */
const NEIGHBOUR_EVERY_MS = 17_000;
/** Embedded, nothing is written before a standby may. */
const NEIGHBOUR_FROM_MS = 40_000;

/** The records as they are when a run begins. */
export function seedRecords(records: Records, territories: number, shape: Shape): void {
  for (let number = 0; number < territories; number += 1) {
    for (const id of RECORDS) {
      const fields = SEEDED[id];
      records.seed(`territory-${number}/${id}`, fields && { ...fields, [FOREIGN_FIELD]: 0 });
    }
  }
  if (shape === 'wide') {
    for (let number = 0; number < territories; number += 1) {
      for (const id of MORE_RECORDS) {
        records.seed(`territory-${number}/${id}`, { ...SEEDED['T1'], [FOREIGN_FIELD]: 0 });
      }
    }
  }
  for (const name of [COMPANY, NEIGHBOUR])
    records.seed(`${name}/T1`, { ...SEEDED['T1'], [FOREIGN_FIELD]: 0 });
}

/** A change on such a territory's only record. */
export function changeOn(territoryId: string, number: number, atMs: number): Publication {
  const assignments = [
    { id: 'T1', operation: 'update', fields: { owner: `${territoryId} ${number}` } },
  ] as const;
  const change = { id: `${territoryId} ${number}`, territoryId, assignments };
  return { atMs, message: messageOf(change), change };
}

/** What is published for the neighbour until then. */
export function neighbourly(untilMs: number): readonly Publication[] {
  const count = Math.floor((untilMs - NEIGHBOUR_FROM_MS) / NEIGHBOUR_EVERY_MS);
  return Array.from({ length: count }, (_, index) =>
    changeOn(NEIGHBOUR, index, NEIGHBOUR_FROM_MS + index * NEIGHBOUR_EVERY_MS),
  );
}
