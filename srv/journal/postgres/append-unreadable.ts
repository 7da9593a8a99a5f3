/**
 * What could not be read: kept once per payload, with the messages about it. It never is refused for its values, and it has no lane. Only
 * the first payload under a source and id gets the ids that follow from these; hence the look at what has them already.
 */
import { changeKey } from '../../events/change.ts';
import type { UnreadableArrival } from '../port.ts';
import type { Run } from './database.ts';
import { queueMessages, storable } from './outbox-rows.ts';
import type { Answer, Placed } from './placed.ts';
import { unreadableColumns } from './unreadable-rows.ts';

/** Appends these; not what comes `alone` under names that another payload has. */
export async function appendUnreadable(
  run: Run,
  placed: readonly Placed<UnreadableArrival>[],
): Promise<readonly Answer[]> {
  const twins = await twinsAmong(run, placed);
  const others = await appendNamed(
    run,
    placed.filter(({ index }) => !twins.has(index)),
  );
  return [...others, ...Array.from(twins, (index): Answer => [index, { kind: 'clash' }])];
}

/** Which of them have the names of another payload, that of an earlier one of the batch included. */
async function twinsAmong(
  run: Run,
  placed: readonly Placed<UnreadableArrival>[],
): Promise<ReadonlySet<number>> {
  if (!placed.some(({ arrival }) => arrival.alone)) return new Set();
  const names = [
    placed.map(({ arrival }) => storable(arrival.ref.source)),
    placed.map(({ arrival }) => storable(arrival.ref.id)),
  ];
  await run('append/lock-unreadable', names);
  const known = await run('append/known-unreadable', names);
  const twins = new Set<number>();
  const inBatch = new Map<string, Set<string>>();
  for (const [at, { index, arrival }] of placed.entries()) {
    const { digests = [], is_change: isChange } = (known[at] ?? {}) as {
      digests?: string[];
      is_change?: boolean;
    };
    const key = changeKey(arrival.ref);
    const taken = inBatch.get(key) ?? new Set(digests);
    inBatch.set(key, taken);
    const { digest } = arrival.payload;
    if (arrival.alone && !taken.has(digest) && (taken.size > 0 || isChange === true)) twins.add(index);
    else taken.add(digest);
  }
  return twins;
}

/** Never refused for its values: the bytes are kept as bytes, and names are made storable. */
async function appendNamed(
  run: Run,
  placed: readonly Placed<UnreadableArrival>[],
): Promise<readonly Answer[]> {
  if (placed.length === 0) return [];
  const inserted = await run(
    'append/insert-unreadable',
    unreadableColumns(placed.map(({ arrival }) => arrival)),
  );
  const fresh = new Set(inserted.map((row) => Number(row['index']) - 1));
  const messages = placed.flatMap(({ arrival }, at) => (fresh.has(at) ? arrival.messages : []));
  await queueMessages(
    run,
    messages.map((message) => ({ message, position: null })),
  );
  const ids = placed.flatMap(({ arrival }) => arrival.messages.map(({ id }) => storable(id)));
  const rows = fresh.size === placed.length ? [] : await run('outbox/unsent-among', [ids]);
  const unsent = new Set(rows.map((row) => row['message_id']));
  return placed.map(({ index, arrival }, at): Answer => {
    if (fresh.has(at)) return [index, { kind: 'appended', position: 0 }];
    const isUntold = arrival.messages.some(({ id }) => unsent.has(storable(id)));
    return [index, { kind: isUntold ? 'pending' : 'duplicate' }];
  });
}
