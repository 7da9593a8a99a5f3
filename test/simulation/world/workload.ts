/** The changes that upstream systems publish: a few territories, few records in each, so that they meet all the time. */
import type { AssignmentChange, Fields } from '../../../srv/events/change.ts';
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';
import type { QueuedMessage } from './broker.ts';
import type { Faults } from './faults.ts';
import { BAD, POISON } from './records.ts';

export const EVENT_TYPE = 'cx.territory.assignments.changed.v1';
export const SOURCE = '/upstream';

/** Fields that changes set. */
export const FIELDS = ['owner', 'rank', 'state'] as const;
/** A field that only other programs set. */
export const FOREIGN_FIELD = 'note';
/** Records that are there from the start, and one that is not. */
export const RECORDS = ['T1', 'T2', 'T3', 'T4'] as const;
export const SEEDED: Readonly<Record<string, Fields>> = {
  T1: { owner: 'seed', rank: 0, state: 'seed' },
  T2: { owner: 'seed', rank: 1, state: 'seed' },
  T3: { owner: 'seed', rank: 2, state: 'seed' },
};

export interface PublishedChange {
  readonly id: string;
  /** Its place in the order of the queue. */
  readonly order: number;
  readonly territoryId: string;
  readonly assignments: readonly AssignmentChange[];
}

/** A message on its way to the work queue. */
export interface Publication {
  readonly atMs: number;
  readonly message: QueuedMessage;
  /** Absent: nobody can read it. */
  readonly change?: Omit<PublishedChange, 'order'>;
}

export interface WorkloadOptions {
  readonly seed: number;
  readonly changes: number;
  readonly territories: number;
  /** All are published within this time. */
  readonly lengthMs: number;
  /** Whether records are created and deleted too. */
  readonly lifecycle: 'updates-only' | 'creates-and-deletes';
  /** A record that is written seldom: each change of it takes minutes to fail. */
  readonly cursed: string | undefined;
  readonly faults: Faults;
}

/** In the order of publication. */
export function workloadOf(options: WorkloadOptions): readonly Publication[] {
  const { seed, changes, lengthMs, faults } = options;
  const random = new SeededRandom(seed, 'workload');
  const publications: Publication[] = [];
  for (let number = 0; number < changes; number += 1) {
    const atMs = Math.floor(random.between(0, lengthMs));
    const change = someChange(number, random, options);
    if (faults.strikes('poison-payload', 0.01)) {
      publications.push({ atMs, message: poisonous(number, faults) });
      continue;
    }
    publications.push({ atMs, message: messageOf(change), change });
    if (faults.strikes('published-twice', 0.02)) {
      const laterMs = faults.between('published-twice', 0, 30_000);
      publications.push({ atMs: atMs + laterMs, message: messageOf(change), change });
    }
    if (faults.strikes('published-clash', 0.005)) {
      const laterMs = faults.between('published-clash', 1, 30_000);
      const other = {
        ...change,
        assignments: [{ id: 'T1', operation: 'update', fields: { owner: 'impostor' } }],
      };
      publications.push({ atMs: atMs + laterMs, message: messageOf(other as typeof change) });
    }
  }
  return publications.sort((a, b) => a.atMs - b.atMs);
}

/** A structured CloudEvent. */
export function messageOf({ id, territoryId, assignments }: Omit<PublishedChange, 'order'>): QueuedMessage {
  const event = {
    specversion: '1.0',
    id,
    source: SOURCE,
    type: EVENT_TYPE,
    datacontenttype: 'application/json',
    data: { territoryId, assignments },
  };
  return {
    body: Buffer.from(JSON.stringify(event)),
    contentType: 'application/cloudevents+json',
    messageId: id,
    properties: {},
  };
}

function poisonous(number: number, faults: Faults): QueuedMessage {
  const bodies = [
    '{"specversion":"1.0"',
    '\u0000\u0001',
    '[]',
    '{"territoryId":"A\\u0000B","assignments":[]}',
  ];
  const text = bodies[faults.between('poison-payload', 0, bodies.length)] ?? '';
  return {
    body: Buffer.from(`${text}${' '.repeat(number % 7)}`),
    contentType: 'application/json',
    messageId: `poison ${number}`,
    properties: {},
  };
}

function someChange(
  number: number,
  random: SeededRandom,
  { territories, lifecycle, cursed, faults }: WorkloadOptions,
): Omit<PublishedChange, 'order'> {
  const id = `c${number}`;
  const territoryId = `territory-${random.below(territories)}`;
  const count = 1 + random.below(random.below(4) === 0 ? 4 : 2);
  const assignments = Array.from({ length: count }, (_, index): AssignmentChange => {
    let record = RECORDS[random.below(lifecycle === 'updates-only' ? 3 : 4)] ?? 'T1';
    if (`${territoryId}/${record}` === cursed && number % 16 > 0) record = 'T2';
    const fate = lifecycle === 'updates-only' ? 9 : random.below(10);
    if (fate === 0) return { id: record, operation: 'delete', fields: {} };
    const operation = fate === 1 ? 'create' : 'update';
    return { id: record, operation, fields: someFields(`${id}.${index}`, random, faults) };
  });
  return { id, territoryId, assignments };
}

/** Most values occur once, so that the checker knows whose they are; some recur, so that writes become needless. */
function someFields(name: string, random: SeededRandom, faults: Faults): Fields {
  const fields: Record<string, Fields[string]> = {};
  const first = random.below(FIELDS.length);
  const count = 1 + random.below(2);
  for (let turn = 0; turn < count; turn += 1) {
    const field = FIELDS[(first + turn) % FIELDS.length] ?? 'owner';
    fields[field] = field === 'rank' ? random.below(3) : name;
  }
  if (faults.strikes('bad-value', 0.01))
    fields['owner'] = faults.between('bad-value', 0, 3) === 0 ? POISON : BAD;
  return fields;
}
