/**
 * A write is one request where the protocol and the paths allow, else several: one per collection, and a further one for a record
 * whose id is taken in that request already (ids alone tell the answers apart). Here they are formed and their answers put together.
 * A transaction travels in one request or not at all.
 */
import {
  unitsOf,
  type RecordAnswer,
  type UnansweredWrite,
  type WriteAnswer,
  type WriteRequest,
} from './port.ts';

/** How many requests of one write or read are under way at a time. */
export const PARALLEL_REQUESTS = 4;

/** Records that travel in one request. */
export interface WriteGroup<M> {
  readonly path: string;
  readonly members: readonly WriteMember<M>[];
}

/** One record of a write: its place in the caller's list, what is to be sent, and its name on the wire. */
export interface WriteMember<M> {
  readonly index: number;
  readonly request: WriteRequest;
  readonly address: M;
}

/** Where a record is written to; `name` is unique within one request. */
export interface WriteTarget<M> {
  readonly path: string;
  readonly name: string;
  readonly address: M;
}

/** What is not sent, and the answer to it instead, by index. */
export type Unsent = ReadonlyMap<number, RecordAnswer>;

/** Forms the groups; `unsent` are records that no URL of the protocol can name, and those of a transaction with such a one. */
export function groupWrites<M>(
  requests: readonly WriteRequest[],
  targetOf: (request: WriteRequest) => WriteTarget<M> | undefined,
): { readonly groups: readonly WriteGroup<M>[]; readonly unsent: Unsent } {
  const groups = new Map<string, { path: string; members: WriteMember<M>[] }>();
  const taken = new Map<string, number>();
  const unsent = new Map<number, RecordAnswer>();
  for (const unit of unitsOf(requests)) {
    const places = placesOf(unit, requests, targetOf);
    if (places.length < unit.length) {
      const addressable = new Set(places.map(({ index }) => index));
      for (const index of unit)
        unsent.set(index, addressable.has(index) ? { kind: 'rolled-back' } : UNADDRESSABLE);
      continue;
    }
    const occurrence = Math.max(...places.map(({ record }) => taken.get(record) ?? 0));
    for (const { index, record, request, target } of places) {
      taken.set(record, occurrence + 1);
      const key = JSON.stringify([target.path, occurrence]);
      const group = groups.get(key) ?? { path: target.path, members: [] };
      groups.set(key, group);
      group.members.push({ index, request, address: target.address });
    }
  }
  return { groups: [...groups.values()], unsent };
}

/** Those of the unit that can be addressed, each record once. */
function placesOf<M>(
  unit: readonly number[],
  requests: readonly WriteRequest[],
  targetOf: (request: WriteRequest) => WriteTarget<M> | undefined,
) {
  const records = new Set<string>();
  return unit.flatMap((index) => {
    const request = requests[index];
    const target = request && targetOf(request);
    const record = JSON.stringify([target?.path, target?.name]);
    if (!target || records.has(record)) return [];
    records.add(record);
    return [{ index, record, request, target }];
  });
}

/** A group with the answer to its request; answers per record are in the order of its members. */
export interface GroupAnswer<M> {
  readonly group: WriteGroup<M>;
  readonly answer: WriteAnswer;
}

const UNADDRESSABLE: RecordAnswer = {
  kind: 'refused',
  status: 400,
  code: 'UNADDRESSABLE',
  message:
    'the id or territory cannot be written into a URL of this protocol, or names a record of its transaction twice; see TERRITORY_KEY_TYPE',
};

/**
 * Puts the groups' answers together. While any group was answered per record the whole is `answered`, and the members of the
 * others are `missing` with what became of their request; where none was, the whole is that trouble or refusal.
 */
export function gatherWrites<M>(
  count: number,
  answers: readonly GroupAnswer<M>[],
  unsent: Unsent,
): WriteAnswer {
  const unanswered = answers.flatMap(({ answer }) => (answer.kind === 'answered' ? [] : [answer]));
  if (answers.length > 0 && unanswered.length === answers.length) return worst(unanswered);

  const records: RecordAnswer[] = Array.from({ length: count }, () => ({ kind: 'missing' }));
  const waits: number[] = [];
  for (const [index, answer] of unsent) records[index] = answer;
  for (const { group, answer } of answers) {
    for (const [place, member] of group.members.entries()) {
      records[member.index] =
        answer.kind === 'answered'
          ? (answer.records[place] ?? { kind: 'missing' })
          : { kind: 'missing', request: answer };
    }
    const waitMs = answer.kind === 'trouble' ? answer.trouble.retryAfterMs : undefined;
    const own = answer.kind === 'answered' ? answer.retryAfterMs : waitMs;
    if (own !== undefined) waits.push(own);
  }
  return { kind: 'answered', records, ...(waits.length > 0 && { retryAfterMs: Math.max(...waits) }) };
}

/** Trouble before refusals (a refused request can be told apart when the trouble has ended), sent before not sent. */
function worst(unanswered: readonly UnansweredWrite[]): UnansweredWrite {
  const troubles = unanswered.filter((answer) => answer.kind === 'trouble');
  const first = troubles.find(({ sent }) => sent) ?? troubles[0] ?? unanswered[0];
  if (first === undefined) throw new RangeError('no answer to choose from');
  if (first.kind !== 'trouble') return first;
  const waits = troubles.flatMap(({ trouble }) => trouble.retryAfterMs ?? []);
  if (waits.length === 0) return first;
  return { ...first, trouble: { ...first.trouble, retryAfterMs: Math.max(...waits) } };
}
