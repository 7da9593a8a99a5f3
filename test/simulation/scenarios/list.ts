/** The scenarios by name: what went wrong elsewhere, or could here, told step by step. */
import { BAD, POISON, UNSTORABLE } from '../world/records.ts';
import type { AssignmentChange, Fields } from '../../../srv/events/change.ts';
import { CALM } from '../world/circumstances.ts';
import type { Scenario, ScriptedChange } from './scenario.ts';

const NORTH = 'territory-0';
const SOUTH = 'territory-1';

function update(id: string, fields: Fields): AssignmentChange {
  return { id, operation: 'update', fields };
}

function change(
  atMs: number,
  fields: Fields,
  more: Partial<Pick<ScriptedChange, 'territoryId' | 'endsByMs' | 'unstorable'>> = {},
): ScriptedChange {
  return { atMs, territoryId: NORTH, assignments: [update('T1', fields)], ...more };
}

/** Another territory is written now and then, which shows that the API is well. */
function company(...atMs: readonly number[]): ScriptedChange[] {
  return atMs.map((at) => change(at, { owner: `company at ${at}` }, { territoryId: SOUTH }));
}

/** Another instance takes over. */
const TWO = { mode: 'durable', instances: 2 } as const;
const ONE = { mode: 'durable', instances: 1 } as const;
const ALWAYS = Number.MAX_SAFE_INTEGER;

function settings(environment: Readonly<Record<string, string>>): Pick<typeof CALM, 'environment'> {
  return { environment: { ...CALM.environment, ...environment } };
}

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
  {
    name: "an owner sleeps before its read, and writes after the next owner's success",
    fallsWith: 'what is sent does not wait for the fence',
    circumstances: TWO,
    changes: [change(0, { owner: 'first' }), change(700, { owner: 'second' })],
    // A suspended machine: its monotonic clock stands still, so it believes in its lease.
    strikes: [
      { kind: 'journal-slow', at: 'journal.claim', fromMs: 30, times: 2, draws: [500] },
      { kind: 'sleep', at: 'api.read sent', draws: [90_000] },
    ],
  },
  {
    name: "an owner's write is in flight while the next one reads and concludes 'unchanged'",
    fallsWith: 'what a dead owner stored is not in doubt',
    circumstances: TWO,
    changes: [change(0, { owner: 'first' }), change(80, { owner: 'seed' })],
    strikes: [{ kind: 'freeze', at: 'api.write sent', draws: [90_000] }],
  },
  {
    name: 'an ambiguous write is repeated with other changes merged into it',
    fallsWith: 'an ambiguous write is planned anew with what came meanwhile',
    circumstances: ONE,
    changes: [change(0, { owner: 'first' }), change(1000, { owner: 'second', rank: 2 })],
    strikes: [{ kind: 'write-late', draws: [45_000] }],
  },
  {
    name: 'a pending change is delivered again, and a crash follows',
    fallsWith: 'embedded: what is delivered again is settled although it is pending',
    circumstances: { mode: 'embedded', instances: 1 },
    changes: [change(0, { owner: 'first' }), change(10_000, { owner: 'second' })],
    strikes: [
      { kind: 'write-unanswered', draws: [0] },
      { kind: 'link-lost', at: 'mesh.delivery', fromMs: 9000 },
      { kind: 'crash', at: 'timer', fromMs: 20_000 },
    ],
  },
  {
    name: 'a stale read makes a needed write look unnecessary',
    fallsWith: 'every read is taken for proof',
    circumstances: { ...ONE, manners: { ...CALM.manners, freshReads: 'past-cache' } },
    changes: [change(2000, { owner: 'seed' })],
    foreign: [{ atMs: 1000, record: `${NORTH}/T1`, fields: { owner: 'theirs' } }],
    strikes: [{ kind: 'read-stale', draws: [4000] }],
  },
  {
    name: 'a fresh read shows what is wanted while an older request of ours may still land',
    fallsWith: 'proof counts although a request is in doubt',
    circumstances: { ...ONE, ...settings({ RETRY_LIMIT: '0' }) },
    changes: [
      change(0, { owner: 'first' }),
      change(1000, { owner: 'seed' }),
      ...company(31_000, 33_000, 36_000, 39_000, 42_000, 45_000, 48_000),
    ],
    strikes: [
      { kind: 'write-late', draws: [58_000] },
      { kind: 'record-failed', record: `${NORTH}/T1`, times: 2, draws: [1] },
    ],
  },
  {
    name: 'one record on which the API always fails',
    fallsWith: 'a request that always fails is never divided',
    circumstances: { ...ONE, cursed: { record: `${NORTH}/T1`, fails: 'whole-requests' } },
    changes: [
      change(0, { owner: 'cursed' }),
      ...[0, 1, 2, 20_000, 40_000].map((atMs) => ({
        ...change(atMs, { owner: `at ${atMs}` }, { territoryId: SOUTH }),
        endsByMs: 100_000,
      })),
    ],
    strikes: [{ kind: 'journal-slow', at: 'journal.claim', draws: [500] }],
  },
  {
    name: 'the role is revoked for a while',
    fallsWith: 'whoever is refused is to blame',
    circumstances: ONE,
    changes: [change(0, { owner: 'first' }), ...company(5000)],
    strikes: [{ kind: 'role-revoked', draws: [40_000] }],
  },
  {
    name: 'a merged write has one bad change',
    fallsWith: 'all changes of a refused merge are blamed',
    circumstances: ONE,
    changes: [
      change(0, { owner: 'first' }),
      change(0, { state: BAD }),
      change(0, { rank: 2 }),
      ...company(0, 20_000, 40_000),
    ],
    strikes: [{ kind: 'journal-slow', at: 'journal.claim', draws: [500] }],
  },
  {
    name: 'a killed process leaves a lock that outlives its lease',
    fallsWith: 'locks are taken without the fence',
    circumstances: { ...TWO, locks: 'bound', ...settings({ LOCK_TTL_S: '3600' }) },
    changes: [change(0, { owner: 'first' }, { endsByMs: 100_000 })],
    strikes: [{ kind: 'crash', at: 'api.write sent' }],
  },
  {
    name: 'the lock store forgets its locks between a read and a write',
    fallsWith: 'a lost lock is not looked for before a write',
    circumstances: { ...ONE, locks: 'bound' },
    changes: [change(0, { owner: 'first' })],
    strikes: [{ kind: 'lock-wiped', at: 'locks.renew' }],
  },
  {
    name: 'a lock is lost while a refused write is divided',
    fallsWith: 'a lost lock or lease goes unnoticed',
    circumstances: { ...ONE, locks: 'bound', ...settings({ LOCK_TTL_S: '90' }) },
    changes: [
      {
        atMs: 0,
        territoryId: NORTH,
        assignments: [
          update('T1', { owner: 'first' }),
          update('T2', { owner: POISON }),
          update('T3', { rank: 2 }),
        ],
      },
      ...company(60_000, 120_000),
    ],
    strikes: [
      { kind: 'api-slow', times: ALWAYS, draws: [9000] },
      { kind: 'lock-wiped', at: 'locks.renew', fromMs: 29_000 },
    ],
  },
  {
    name: 'a poison payload that the database refuses',
    fallsWith: 'what the database refuses is settled all the same',
    circumstances: ONE,
    changes: [
      change(0, { owner: 'first' }),
      change(0, { owner: UNSTORABLE }, { unstorable: true }),
      change(0, { rank: 2 }),
    ],
    strikes: [{ kind: 'journal-slow', at: 'journal.append', draws: [500] }],
  },
  {
    name: 'a throttled write finds another version when its turn comes',
    fallsWith: 'an idempotency key does not know the version',
    circumstances: ONE,
    changes: [change(0, { owner: 'first' })],
    foreign: [{ atMs: 800, record: `${NORTH}/T1`, fields: { note: 1 } }],
    strikes: [{ kind: 'write-throttled', draws: [1000] }],
  },
  {
    name: 'two changes that are equal to the letter are refused one after the other',
    fallsWith: 'an idempotency key does not know the position',
    circumstances: ONE,
    changes: [
      change(0, { owner: BAD }),
      ...company(1000, 5000, 9000, 13_000, 40_000, 44_000, 48_000),
      change(30_000, { owner: BAD }),
    ],
    strikes: [{ kind: 'journal-slow', at: 'journal.claim', draws: [500] }],
  },
  {
    name: 'a record that somebody else always holds locked',
    fallsWith: 'a conflict is retried for ever',
    circumstances: ONE,
    changes: [change(0, { owner: 'first' }), ...company(1000, 90_000)],
    strikes: [{ kind: 'record-locked', record: `${NORTH}/T1`, times: ALWAYS }],
  },
  {
    name: 'a process is asked to stop while changes wait',
    fallsWith: 'after SIGTERM flights go on starting',
    circumstances: { ...ONE, ...settings({ TERRITORY_CONCURRENCY: '1', BATCH_SIZE: '1' }) },
    changes: [change(5000, { owner: 'first' }), change(5990, { owner: 'second' })],
    strikes: [
      { kind: 'stop', fromMs: 5900 },
      { kind: 'journal-slow', at: 'journal.append', fromMs: 5900, draws: [4000] },
      { kind: 'api-slow', times: 3, draws: [400] },
    ],
  },
  {
    name: 'a lost link while a change waits, and another instance receives',
    fallsWith: 'embedded: what was begun outlives its link although others stand by',
    circumstances: {
      mode: 'embedded',
      instances: 2,
      ...settings({ TAKEOVER_WAIT_MS: '30000', LEASE_TTL_S: '90' }),
    },
    changes: [
      change(0, { owner: 'first' }),
      // Delivered to the receiver just before it loses its link, while the first waits.
      ...company(32_000),
      change(40_000, { owner: 'second' }),
    ],
    strikes: [
      { kind: 'record-locked', record: `${NORTH}/T1` },
      { kind: 'link-lost', at: 'mesh.delivery', fromMs: 31_000 },
    ],
  },
  {
    name: 'a merged write meets one conflict too many',
    fallsWith: 'superseded is said although nothing was written',
    circumstances: ONE,
    changes: [change(0, { owner: 'first' }), change(0, { owner: 'second' }), ...company(1000, 90_000)],
    strikes: [
      { kind: 'journal-slow', at: 'journal.claim', draws: [500] },
      { kind: 'record-locked', record: `${NORTH}/T1`, times: ALWAYS },
    ],
  },
];
