/** What one random history is made of: changes, flights, replays, and what the API makes of each write. */
import fc from 'fast-check';
import type { AssignmentChange, Fields, Operation } from '../../../../srv/events/change.ts';

/** What becomes of a planned write: `lost` is carried out, and the answer never comes. */
export type Fate = 'done' | 'refused' | 'conflict' | 'lost';

export type Move =
  | { readonly kind: 'append'; readonly assignments: readonly Omit<AssignmentChange, 'before'>[] }
  | { readonly kind: 'fly' }
  /** `which`: taken modulo the open dead letters. */
  | { readonly kind: 'replay'; readonly which: number; readonly overwrite: boolean }
  | { readonly kind: 'receiver-lost' };

export interface History {
  readonly limit: number;
  readonly moves: readonly Move[];
  /** Drawn one by one; all is done once they are used up. */
  readonly fates: readonly Fate[];
  /** In which order what is still dead in the end is replayed. */
  readonly last: readonly number[];
}

/** Records that exist at the start. */
export const SEEDED: Readonly<Record<string, Fields>> = {
  R1: { a: 'start', b: 'start' },
  R2: { a: 'start' },
};

const record = fc.constantFrom('R1', 'R1', 'R2', 'R3');
const fieldNames = fc.subarray(['a', 'b', 'c'], { minLength: 1 });

/** Values are given when the history runs, so that each is set once. */
const assignment = fc
  .record({
    id: record,
    operation: fc.constantFrom<Operation>('update', 'update', 'update', 'create', 'delete'),
    names: fieldNames,
  })
  .map(({ id, operation, names }) => ({
    id,
    operation,
    fields: operation === 'delete' ? {} : Object.fromEntries(names.map((name) => [name, ''])),
  }));

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(assignment, { minLength: 1, maxLength: 3 })
      .map((assignments) => ({ kind: 'append' as const, assignments })),
  },
  { weight: 5, arbitrary: fc.constant({ kind: 'fly' as const }) },
  {
    weight: 3,
    arbitrary: fc
      .record({ which: fc.nat(5), overwrite: fc.constantFrom(false, false, false, true) })
      .map((parts) => ({ kind: 'replay' as const, ...parts })),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'receiver-lost' as const }) },
);

const fate = fc.constantFrom<Fate>('done', 'done', 'refused', 'refused', 'conflict', 'lost');

export const histories: fc.Arbitrary<History> = fc.record({
  limit: fc.integer({ min: 1, max: 4 }),
  moves: fc.array(move, { minLength: 2, maxLength: 16 }),
  fates: fc.array(fate, { maxLength: 20 }),
  last: fc.array(fc.nat(9), { maxLength: 6 }),
});
