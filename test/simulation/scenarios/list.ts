/** The scenarios by name: what went wrong elsewhere, or could here, told step by step. */
import { BAD } from '../world/records.ts';
import type { AssignmentChange, Fields } from '../../../srv/events/change.ts';
import type { Scenario } from './scenario.ts';

const NORTH = 'territory-0';

function update(id: string, fields: Fields): AssignmentChange {
  return { id, operation: 'update', fields };
}

/** Another instance takes over. */
const TWO = { mode: 'durable', instances: 2 } as const;
const ALWAYS = Number.MAX_SAFE_INTEGER;

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'an owner freezes as its write leaves, and goes on after the next owner has succeeded',
    fallsWith: 'a stale owner is not told by his fence',
    circumstances: TWO,
    changes: [{ atMs: 0, territoryId: NORTH, assignments: [update('T1', { owner: 'first' })] }],
    strikes: [{ kind: 'freeze', at: 'api.write sent', draws: [90_000] }],
  },
  {
    name: 'an owner freezes until its lease is nearly over, and would send a request that outlives it',
    fallsWith: 'nobody asks whether the lease still holds',
    circumstances: TWO,
    changes: [{ atMs: 0, territoryId: NORTH, assignments: [update('T1', { owner: 'first' })] }],
    strikes: [
      { kind: 'freeze', at: 'api.read answered', draws: [55_000] },
      { kind: 'journal-refused', at: 'journal.renew', times: 3 },
    ],
  },
  {
    name: 'an API and a database so slow that a flight outlasts its lease',
    fallsWith: 'a lease is not renewed',
    circumstances: { mode: 'durable', instances: 1 },
    changes: [{ atMs: 0, territoryId: NORTH, assignments: [update('T1', { owner: 'first' })] }],
    strikes: [
      { kind: 'api-slow', times: ALWAYS, draws: [14_000] },
      { kind: 'journal-slow', at: 'journal.storeIntents', times: ALWAYS, draws: [8000] },
    ],
  },
  {
    name: 'an answer leaves out a record that was not written',
    fallsWith: 'a record missing from the answer counts as written',
    circumstances: { mode: 'durable', instances: 1 },
    changes: [{ atMs: 0, territoryId: NORTH, assignments: [update('T1', { owner: 'first' })] }],
    strikes: [{ kind: 'record-missing', draws: [0] }],
  },
  {
    name: 'an append fails while a later one is on its way',
    fallsWith: 'after a failed append receiving goes on',
    circumstances: { mode: 'durable', instances: 1 },
    changes: [
      { atMs: 500, territoryId: NORTH, assignments: [update('T1', { owner: 'first' })] },
      { atMs: 1500, territoryId: NORTH, assignments: [update('T1', { owner: 'second' })] },
    ],
    strikes: [{ kind: 'journal-refused', at: 'journal.append', times: 2 }],
  },
  {
    name: 'a create is in doubt, and a delete follows',
    fallsWith: 'a late create is not waited for',
    circumstances: { mode: 'durable', instances: 1, lifecycle: 'creates-and-deletes' },
    changes: [
      {
        atMs: 0,
        territoryId: NORTH,
        assignments: [{ id: 'T4', operation: 'create', fields: { owner: 'first' } }],
      },
      { atMs: 100, territoryId: NORTH, assignments: [{ id: 'T4', operation: 'delete', fields: {} }] },
    ],
    strikes: [{ kind: 'write-late', draws: [59_000] }],
  },
  {
    name: 'a dead letter is replayed, mended, after a later change of the same field',
    fallsWith: 'a replay writes over what came later',
    circumstances: { mode: 'durable', instances: 1 },
    changes: [
      { atMs: 0, territoryId: NORTH, assignments: [update('T1', { owner: BAD })] },
      { atMs: 100, territoryId: 'territory-1', assignments: [update('T1', { owner: 'company' })] },
      { atMs: 60_000, territoryId: 'territory-1', assignments: [update('T1', { owner: 'more company' })] },
      { atMs: 90_000, territoryId: NORTH, assignments: [update('T1', { owner: 'later' })] },
    ],
    // At the first instance: an edited replay (6) of the first dead letter.
    strikes: [{ kind: 'operator', fromMs: 110_000, draws: [0, 0, 6, 0, 0] }],
  },
];
