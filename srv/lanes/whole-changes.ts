/**
 * Planning where each change is one transaction. Pure. A change flies with all its records or not at all, never merged with another
 * change; changes of a lane share a flight as transactions of their own, as long as they have no record in common.
 */
import type { Intent } from '../journal/port.ts';
import { merge, type Item, type PlannedWrite, type Refusal } from './planned-write.ts';

export interface TransactionRule {
  /** A change of more records cannot be sent. */
  readonly maxRecords: number;
}

/** At most `limit` records, but at least one change: a transaction is never divided. */
export function planWhole(
  open: readonly Item[],
  limit: number,
  rule: TransactionRule,
): readonly PlannedWrite[] {
  const writes: PlannedWrite[] = [];
  const taken = new Set<string>();
  for (const items of byChange(open)) {
    const records = Map.groupBy(items, ({ assignment }) => assignment.id);
    const waits = [...records.keys()].some((id) => taken.has(id));
    for (const id of records.keys()) taken.add(id);
    if (waits) continue;
    if (writes.length > 0 && writes.length + records.size > limit) break;
    writes.push(...transactionOf(records, rule));
  }
  return writes;
}

function byChange(open: readonly Item[]): readonly (readonly Item[])[] {
  return [...Map.groupBy(open, ({ covered }) => covered.position).values()];
}

/** What cannot be one transaction is planned too, so that its records are read and shown; it is never sent. */
function transactionOf(
  records: ReadonlyMap<string, readonly Item[]>,
  rule: TransactionRule,
): readonly PlannedWrite[] {
  const refused = refusalOf(records, rule);
  return [...records].map(([id, run]) => ({
    ...merge(run),
    transaction: String(run[0]?.covered.position),
    ...(refused && { refusal: id === refused.id ? refused.refusal : 'of another record' }),
  }));
}

/** Of one record a transaction can hold one request only: updates become one, what differs in kind cannot. */
function refusalOf(
  records: ReadonlyMap<string, readonly Item[]>,
  { maxRecords }: TransactionRule,
): { readonly id: string; readonly refusal: Refusal } | undefined {
  const mixed = [...records].find(
    ([, run]) => run.length > 1 && run.some(({ assignment }) => assignment.operation !== 'update'),
  );
  if (mixed) {
    const [id] = mixed;
    const message = `${id} is created or deleted and named again: not possible in one transaction (TERRITORY_ATOMIC)`;
    return { id, refusal: { code: 'INVALID_EVENT', message } };
  }
  const [id] = records.keys();
  if (id === undefined || records.size <= maxRecords) return undefined;
  const message = `${records.size} records are more than one transaction may have (BATCH_SIZE_MAX is ${maxRecords})`;
  return { id, refusal: { code: 'TOO_LARGE', message } };
}

/** The leading requests, at most `limit`, but at least one transaction, and each of them whole. */
export function wholeUpTo(limit: number, intents: readonly Intent[]): readonly Intent[] {
  const transactions = Map.groupBy(intents, (intent) => intent.request.transaction ?? intent);
  const taken: Intent[] = [];
  for (const members of transactions.values()) {
    if (taken.length > 0 && taken.length + members.length > limit) break;
    taken.push(...members);
  }
  return taken;
}
