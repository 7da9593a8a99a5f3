/**
 * How much an inbound event may hold. Lengths of strings are UTF-16 code units, as JavaScript and JSON Schema validators
 * on it count them: at 3 bytes each in UTF-8 at most, source and id together stay below the 2.7 kB of a PostgreSQL index key.
 */
export const LIMITS = {
  payloadBytes: 1_048_576,
  eventIdLength: 256,
  sourceLength: 512,
  /** Of what is only shown: `sequence`, and the type of an event that is not ours. */
  shownLength: 256,
  territoryIdLength: 100,
  assignments: 1000,
  assignmentIdLength: 128,
  fields: 100,
  relatedTerritories: 20,
  /** Of messages and actions that leave the program. */
  lineLength: 200,
} as const;
