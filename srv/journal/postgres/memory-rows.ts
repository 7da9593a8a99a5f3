/** What a lane remembers, as rows: JSON text for the memory, and one JSON text for each intent stored since. */
import {
  NO_MEMORY,
  sentNow,
  type Intent,
  type KnownEtags,
  type LaneMemory,
  type RecordMemory,
  type Rest,
} from '../port.ts';
import { fieldsOf } from './change-rows.ts';

/** `LaneMemory` with lists of pairs for its maps: an object would give a record named `__proto__` a meaning. */
interface StoredMemory extends Omit<LaneMemory, 'records' | 'rest' | 'ownEtags'> {
  readonly records: readonly (readonly [string, RecordMemory])[];
  readonly rest?: Pick<Rest, 'latest'> & {
    readonly expected: readonly (readonly [string, string])[];
    readonly shownBy?: readonly (readonly [string, number])[];
  };
  readonly ownEtags?: Pick<KnownEtags, 'until'> & { readonly etags: readonly (readonly [string, string])[] };
}

/** Null when there is nothing to remember. */
export function memoryText(memory: LaneMemory): string | null {
  const { prefixEnd, unmergedUpTo, records, rest, ownEtags, ...others } = memory;
  const isEmpty = prefixEnd === 0 && unmergedUpTo === 0 && records.size === 0 && !rest && !ownEtags;
  if (isEmpty && Object.values(others).every((value) => value === undefined)) return null;
  const stored: StoredMemory = {
    ...others,
    prefixEnd,
    unmergedUpTo,
    records: [...records],
    ...(rest && {
      rest: {
        latest: rest.latest,
        expected: [...rest.expected],
        ...(rest.shownBy && { shownBy: [...rest.shownBy] }),
      },
    }),
    ...(ownEtags && { ownEtags: { ...ownEtags, etags: [...ownEtags.etags] } }),
  };
  return JSON.stringify(stored);
}

/**
 * Epoch milliseconds from which the lane may be forgotten although something is remembered; null where it may not be by time
 * alone.
 */
export function forgettableFrom(memory: LaneMemory): number | null {
  const { records, rest, ownEtags, unwritten = [], undeleted = [] } = memory;
  const left = [...unwritten, ...undeleted].map(({ until }) => until);
  let from = Math.max(rest?.latest ?? 0, ownEtags?.until ?? 0, ...left);
  for (const { intent, doubt, mayLand } of records.values()) {
    if (intent !== undefined || doubt === 'refused' || !mayLand) return null;
    from = Math.max(from, mayLand.until);
  }
  return from;
}

/** @param intents record id → intent (JSON text), stored since the memory was: these may have been sent */
export function memoryOf(stored: unknown, intents: Readonly<Record<string, string>>): LaneMemory {
  const memory = stored === null ? NO_MEMORY : revived(stored as StoredMemory);
  const sent = Object.entries(intents);
  if (sent.length === 0) return memory;
  const records = new Map(memory.records);
  for (const [id, text] of sent) {
    const intent = intentOf(JSON.parse(text) as Intent);
    records.set(id, sentNow(records.get(id), intent));
  }
  return { ...memory, records };
}

/** For one lane, as `store-intents` takes them. */
export function intentsText(intents: readonly Intent[]): string {
  return JSON.stringify(
    Object.fromEntries(intents.map((intent) => [intent.request.id, JSON.stringify(intent)])),
  );
}

function revived({ records, rest, ownEtags, ...others }: StoredMemory): LaneMemory {
  return {
    ...others,
    records: new Map(
      records.map(([id, record]) => [
        id,
        record.intent ? { ...record, intent: intentOf(record.intent) } : record,
      ]),
    ),
    ...(rest && {
      rest: {
        latest: rest.latest,
        expected: new Map(rest.expected),
        ...(rest.shownBy && { shownBy: new Map(rest.shownBy) }),
      },
    }),
    ...(ownEtags && { ownEtags: { ...ownEtags, etags: new Map(ownEtags.etags) } }),
  };
}

function intentOf(intent: Intent): Intent {
  const { request, partOf } = intent;
  return {
    ...intent,
    request: { ...request, fields: fieldsOf(request.fields) },
    ...(partOf && { partOf: intentOf(partOf) }),
  };
}
