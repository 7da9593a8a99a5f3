/** What one random history is made of: the API's manners, the records, the changes, and the script of its misfortunes. */
import fc from 'fast-check';
import type { Fields, Operation, Scalar } from '../../../../srv/events/change.ts';
import type { OverlapPolicy } from '../../../../srv/lanes/rebase.ts';
import { BAD, BROKEN, POISON } from '../../../doubles/territory-api.ts';
import type { Behaviour } from './misbehaving-api.ts';

export interface PlannedAssignment {
  readonly id: string;
  readonly operation: Operation;
  readonly fields: Fields;
  /** What the source saw, which knows of no dead letter. */
  readonly before?: Fields;
}

export interface PlannedChange {
  readonly territoryId: string;
  readonly assignments: readonly PlannedAssignment[];
}

export interface History {
  readonly behaviour: Behaviour;
  readonly propagation: { readonly minMs: number; readonly maxMs: number };
  /** Milliseconds that a lane rests after a write before it looks. */
  readonly restMs: number;
  readonly retryLimit: number;
  readonly onOverlap: OverlapPolicy;
  readonly batchSize: number;
  /** Each change is one transaction of at most so many records. */
  readonly transactionsUpTo?: number;
  /** Changes that arrive together, between two flights. */
  readonly arrivals: readonly (readonly PlannedChange[])[];
  /** Read one by one wherever something can go wrong; a number out of range, and the end, mean that nothing does. */
  readonly script: readonly number[];
}

/** Records that exist at the start, with their values; any other does not. */
export const SEEDED: Readonly<Record<string, Fields>> = { T1: { a: 0, b: 0 }, T2: { a: 0, b: 1 } };

/** Stands for a value that nobody else sets, so that every write of it can be told apart. */
const OWN = '(own)';

const values = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Scalar>(OWN) },
  { weight: 4, arbitrary: fc.constantFrom<Scalar>(0, 1) },
  { weight: 1, arbitrary: fc.constantFrom<Scalar>(BAD, POISON, BROKEN) },
);

const someFields = fc.oneof(
  fc.record({ a: values }),
  fc.record({ b: values }),
  fc.record({ a: values, b: values }),
);

/** Never the same twice: an idempotency key cannot tell two equal creates of one change apart, having no ETag in it. */
const createdFields = fc.oneof(
  fc.constant<Fields>({ a: OWN }),
  fc.constant<Fields>({ a: OWN, b: 0 }),
  fc.constant<Fields>({ a: OWN, b: BAD }),
);

const assignment = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      id: fc.constantFrom('T1', 'T1', 'T1', 'T1', 'T2', 'T2', 'T2', 'T3'),
      operation: fc.constant<Operation>('update'),
      fields: someFields,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      id: fc.constantFrom('T1', 'T2', 'T3', 'T3'),
      operation: fc.constant<Operation>('create'),
      fields: createdFields,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      id: fc.constantFrom('T2', 'T3'),
      operation: fc.constant<Operation>('delete'),
      fields: fc.constant<Fields>({}),
    }),
  },
);

const change = fc.record({
  territoryId: fc.constantFrom('A', 'A', 'B'),
  assignments: fc.array(assignment, { minLength: 1, maxLength: 3 }),
});

const behaviour = fc.record({
  idempotency: fc.constantFrom<Behaviour['idempotency']>('kept', 'ignored'),
  etags: fc.constantFrom<Behaviour['etags']>('told', 'told', 'untold'),
  checksFirst: fc.constantFrom<Behaviour['checksFirst']>('version', 'content'),
  freshReads: fc.constantFrom<Behaviour['freshReads']>('past-cache', 'perhaps past-cache', 'none', 'all'),
  caches: fc.constantFrom('late', 'late', 'none'),
});

const LENGTH = { maxLength: 100, size: 'max' } as const;

/** Everything now and then; or a few kinds of misfortune, again and again, which drives what is rare to its end. */
const scripts = fc.oneof(
  fc.array(fc.nat({ max: 24 }), LENGTH),
  fc
    .uniqueArray(fc.integer({ min: 1, max: 11 }), { minLength: 1, maxLength: 4 })
    .chain((few) => fc.array(fc.oneof(fc.constant(0), fc.constantFrom(...few)), LENGTH)),
);

export const histories = fc
  .record({
    behaviour,
    retryLimit: fc.constantFrom(5, 5, 2, 1),
    rest: fc.constantFrom('short', 'long'),
    onOverlap: fc.constantFrom<OverlapPolicy>('source-wins', 'source-wins', 'review'),
    images: fc.constantFrom<Images>('every', 'every other', 'no'),
    batchSize: fc.constantFrom(10, 3, 1),
    arrivals: fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
    script: scripts,
  })
  .map(({ behaviour: { caches, ...manners }, arrivals, rest, images, ...others }): History => {
    const own = withImages(withOwnValues(arrivals), images);
    const propagation = caches === 'late' ? { minMs: 500, maxMs: 5000 } : { minMs: 0, maxMs: 0 };
    return {
      ...others,
      arrivals: own,
      propagation,
      restMs: rest === 'short' ? propagation.minMs : propagation.maxMs,
      behaviour: {
        ...manners,
        maxLagMs: caches === 'late' ? 5000 : 0,
        lateCreates: deletesWhatItCreates(own.flat()) ? 'never' : 'happen',
      },
    };
  });

function withOwnValues(
  arrivals: readonly (readonly PlannedChange[])[],
): readonly (readonly PlannedChange[])[] {
  let count = 0;
  const own = (fields: Fields): Fields =>
    Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, value === OWN ? `v${(count += 1)}` : value]),
    );
  return arrivals.map((changes) =>
    changes.map(({ territoryId, assignments }) => ({
      territoryId,
      assignments: assignments.map((assignment) => ({ ...assignment, fields: own(assignment.fields) })),
    })),
  );
}

/** Which updates say what their source saw before. */
type Images = 'every' | 'every other' | 'no';

/** The source sees every change of its own take effect at once. */
function withImages(
  arrivals: readonly (readonly PlannedChange[])[],
  images: Images,
): readonly (readonly PlannedChange[])[] {
  if (images === 'no') return arrivals;
  const seen = new Map<string, Fields>();
  let count = 0;
  const told = (territoryId: string, assignment: PlannedAssignment): PlannedAssignment => {
    const { id, operation, fields } = assignment;
    const record = `${territoryId}/${id}`;
    const known = seen.get(record) ?? SEEDED[id] ?? {};
    seen.set(record, operation === 'delete' ? {} : { ...known, ...fields });
    count += 1;
    if (operation !== 'update' || (images === 'every other' && count % 2 === 0)) return assignment;
    const before = Object.keys(fields).map((name) => [name, known[name] ?? null]);
    return { ...assignment, before: Object.fromEntries(before) as Fields };
  };
  return arrivals.map((changes) =>
    changes.map(({ territoryId, assignments }) => ({
      territoryId,
      assignments: assignments.map((assignment) => told(territoryId, assignment)),
    })),
  );
}

/**
 * A create that is carried out long after it was sent can bring back what was deleted meanwhile, since a create has no
 * ETag to stop it; no rule about ETags can help, so such histories have no late creates.
 */
function deletesWhatItCreates(changes: readonly PlannedChange[]): boolean {
  const all = changes.flatMap(({ assignments }) => assignments);
  const created = new Set(all.filter(({ operation }) => operation === 'create').map(({ id }) => id));
  return all.some(({ id, operation }) => operation === 'delete' && created.has(id));
}
