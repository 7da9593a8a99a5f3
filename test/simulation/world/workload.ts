/** The changes that upstream systems publish: a few territories, few records in each, so that they meet all the time. */
import type { AssignmentChange, Fields } from '../../../srv/events/change.ts';
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';
import type { QueuedMessage } from './broker.ts';
import type { Circumstances } from './circumstances.ts';
import type { Faults } from './faults.ts';
import { BAD, HUGE, POISON, UNSTORABLE } from './records.ts';

const EVENT_TYPE = 'cx.territory.assignments.changed.v1';
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

/** Beside those, in a territory with hundreds of records: as the first one. */
export const MORE_RECORDS = Array.from({ length: 260 }, (_, index) => `T${index + 5}`);

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
  readonly images: Circumstances['images'];
  readonly values: Circumstances['values'];
  readonly shape: Circumstances['shape'];
  readonly faults: Faults;
}

interface Draft {
  readonly atMs: number;
  readonly number: number;
  /** Absent: nobody can read it. */
  readonly change?: Omit<PublishedChange, 'order'>;
  readonly impostor?: true;
  readonly unstorable?: true;
}

/** In the order of publication. */
export function workloadOf(options: WorkloadOptions): readonly Publication[] {
  const { seed, changes, lengthMs, faults, images } = options;
  const random = new SeededRandom(seed, 'workload');
  const drafts: Draft[] = [];
  for (let number = 0; number < changes; number += 1) {
    const atMs = Math.floor(random.between(0, lengthMs));
    const change = someChange(number, random, options);
    if (faults.strikes('poison-payload', 0.01)) {
      drafts.push({ atMs, number });
      continue;
    }
    if (faults.strikes('unstorable-payload', 0.004)) {
      drafts.push({ atMs, number, change, unstorable: true });
      continue;
    }
    drafts.push({ atMs, number, change });
    if (faults.strikes('published-twice', 0.02)) {
      drafts.push({ atMs: atMs + faults.between('published-twice', 0, 30_000), number, change });
    }
    if (faults.strikes('published-clash', 0.005)) {
      drafts.push({
        atMs: atMs + faults.between('published-clash', 1, 30_000),
        number,
        change,
        impostor: true,
      });
    }
  }
  drafts.sort((a, b) => a.atMs - b.atMs);
  const source = images === 'given' ? new Source() : undefined;
  return drafts.map((draft) => publicationOf(draft, faults, source));
}

function publicationOf(
  { atMs, number, change, impostor, unstorable }: Draft,
  faults: Faults,
  source: Source | undefined,
): Publication {
  if (!change) return { atMs, message: poisonous(number, faults) };
  if (impostor) {
    const assignments = [{ id: 'T1', operation: 'update', fields: { owner: 'impostor' } }] as const;
    return { atMs, message: messageOf({ ...change, assignments }) };
  }
  if (unstorable) {
    const assignments = [{ id: 'T1', operation: 'update', fields: { owner: UNSTORABLE } }] as const;
    return { atMs, message: messageOf({ ...change, assignments }) };
  }
  const published = source?.publish(change) ?? change;
  return { atMs, message: messageOf(published), change: published };
}

/** The upstream system's own records: they are what it believes to be there. */
class Source {
  private readonly records = new Map<string, Fields>();
  private readonly published = new Map<string, Omit<PublishedChange, 'order'>>();

  /** With the image of each field that it sets; what is published again is what was published before. */
  publish(change: Omit<PublishedChange, 'order'>): Omit<PublishedChange, 'order'> {
    const known = this.published.get(change.id);
    if (known) return known;
    const assignments = change.assignments.map((assignment) => this.apply(change.territoryId, assignment));
    const made = { ...change, assignments };
    this.published.set(change.id, made);
    return made;
  }

  private apply(territoryId: string, assignment: AssignmentChange): AssignmentChange {
    const key = `${territoryId}/${assignment.id}`;
    const then = this.records.get(key) ?? SEEDED[assignment.id] ?? {};
    const { operation, fields } = assignment;
    this.records.set(key, operation === 'delete' ? {} : { ...then, ...fields });
    if (operation !== 'update') return assignment;
    const before = Object.fromEntries(
      Object.keys(fields).flatMap((name) => (then[name] === undefined ? [] : [[name, then[name]]])),
    );
    return { ...assignment, before };
  }
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
  { territories, lifecycle, cursed, values, shape, faults }: WorkloadOptions,
): Omit<PublishedChange, 'order'> {
  const id = `c${number}`;
  const territoryId = `territory-${random.below(territories)}`;
  const isWide = shape === 'wide';
  const count = isWide ? 150 + random.below(150) : 1 + random.below(random.below(4) === 0 ? 4 : 2);
  const assignments = Array.from({ length: count }, (_, index): AssignmentChange => {
    const known = lifecycle === 'updates-only' ? 3 : 4;
    let record = isWide
      ? (MORE_RECORDS[random.below(MORE_RECORDS.length)] ?? 'T1')
      : (RECORDS[random.below(known)] ?? 'T1');
    if (`${territoryId}/${record}` === cursed && number % 16 > 0) record = 'T2';
    const fate = lifecycle === 'updates-only' ? 9 : random.below(10);
    if (fate === 0) return { id: record, operation: 'delete', fields: {} };
    const operation = fate === 1 ? 'create' : 'update';
    return {
      id: record,
      operation,
      fields: someFields(values === 'unique' ? `${id}.${index}` : RECURRING[random.below(2)], random, faults),
    };
  });
  return { id, territoryId, assignments };
}

const RECURRING = ['seed', 'other'];

/** Values that occur once show the checker whose they are; those that recur make writes needless. */
function someFields(name: string | undefined, random: SeededRandom, faults: Faults): Fields {
  const fields: Record<string, Fields[string]> = {};
  const first = random.below(FIELDS.length);
  const count = 1 + random.below(2);
  for (let turn = 0; turn < count; turn += 1) {
    const field = FIELDS[(first + turn) % FIELDS.length] ?? 'owner';
    fields[field] = field === 'rank' ? random.below(3) : (name ?? null);
  }
  if (faults.strikes('bad-value', 0.01))
    fields['owner'] = faults.between('bad-value', 0, 3) === 0 ? POISON : BAD;
  if (faults.strikes('huge-value', 0.003)) fields['owner'] = HUGE;
  return fields;
}
