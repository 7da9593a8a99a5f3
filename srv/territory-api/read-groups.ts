/**
 * A read asks each collection for each id once, in as many URLs as their length demands, and puts the answers together. Trouble of
 * one request is trouble of the read: half of a picture proves nothing.
 */
import type { HttpAnswer } from './destination.ts';
import type { ReadAnswer, ReadRequest, RecordRef, RecordState } from './port.ts';
import { judgeFreshness } from './proof.ts';
import type { ProofRule } from './proof.ts';
import type { RefusedWhole } from './classify.ts';
import type { NoAnswer } from './trouble.ts';

/** The records of one collection, each once. */
export interface ReadGroup<A> {
  readonly path: string;
  readonly targets: readonly ReadTarget<A>[];
}

/** One record of a read; `name` is what the answer will call it. */
export interface ReadTarget<A> {
  readonly name: string;
  readonly address: A;
}

/** Where a record is read; undefined where no URL can name it: then it cannot exist. */
export type ReadTargetOf<A> = (ref: RecordRef) => (ReadTarget<A> & { readonly path: string }) | undefined;

/** Groups the records by collection. */
export function groupReads<A>(
  records: readonly RecordRef[],
  targetOf: ReadTargetOf<A>,
): readonly ReadGroup<A>[] {
  const groups = new Map<string, Map<string, ReadTarget<A>>>();
  for (const ref of records) {
    const target = targetOf(ref);
    if (target === undefined) continue;
    const group = groups.get(target.path) ?? new Map<string, ReadTarget<A>>();
    groups.set(target.path, group);
    group.set(target.name, { name: target.name, address: target.address });
  }
  return [...groups].map(([path, targets]) => ({ path, targets: [...targets.values()] }));
}

/** What the requests for one collection, or for a part of its ids, brought. */
export type PartAnswer =
  | {
      readonly kind: 'part';
      readonly path: string;
      readonly found: ReadonlyMap<string, FoundRecord>;
      /** `X-Cache-Status` of each request that it took. */
      readonly cacheHeaders: readonly (string | undefined)[];
    }
  | NoAnswer;

export type FoundRecord = Extract<RecordState, { found: true }>;

/** Puts the parts together, in the order of the records asked for. */
export function gatherReads<A>(
  request: ReadRequest,
  targetOf: ReadTargetOf<A>,
  parts: readonly PartAnswer[],
  rule: ProofRule,
): ReadAnswer {
  const found = new Map<string, FoundRecord>();
  const headers: (string | undefined)[] = [];
  for (const part of parts) {
    if (part.kind === 'trouble') return { kind: 'trouble', trouble: part.trouble };
    for (const [name, state] of part.found) found.set(JSON.stringify([part.path, name]), state);
    headers.push(...part.cacheHeaders);
  }
  const records = request.records.map((ref): RecordState => {
    const target = targetOf(ref);
    const state = target && found.get(JSON.stringify([target.path, target.name]));
    return state ?? { found: false };
  });
  return { kind: 'read', records, ...judgeFreshness(headers, rule) };
}

/** The fields asked for, as far as the record has them; made without a prototype. */
export function pickFields(
  record: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  const fields = Object.create(null) as Record<string, unknown>;
  for (const name of names) if (Object.hasOwn(record, name)) fields[name] = record[name];
  return fields;
}

/** A read that is refused as a whole has no culprit among records: it is trouble. */
export function refusedRead({ status, code, message }: RefusedWhole): NoAnswer {
  const said = [code, message].filter((text) => text !== undefined).join(': ');
  const line = `the API refuses the read (${status})${said === '' ? '' : ` ${said}`}`;
  return {
    kind: 'trouble',
    trouble: { reason: 'not-an-answer', status, message: line.slice(0, 200) },
    sent: false,
  };
}

/** `X-Cache-Status` of an answer. */
export function cacheHeader(answer: HttpAnswer): string | undefined {
  return answer.headers['x-cache-status'];
}
