/**
 * Which records of a lane the next flight writes. Pure. A flight works on a contiguous prefix of the lane, the prefix
 * stays the same until every record of it has ended, and a record appears once in a flight: that is what keeps order.
 * A replay takes its old place, perhaps within or before a prefix under way; so that it cannot change that prefix it
 * waits for its end, and then flies with other replays only. Where changes are transactions, `whole-changes.ts` plans.
 */
import type { ClaimedLane, Covered, Intent, LaneMemory, PendingChange } from '../journal/port.ts';
import { merge, type Item, type PlannedWrite } from './planned-write.ts';
import { replayItems, type ReplayItem } from './replay.ts';
import { planWhole, wholeUpTo, type TransactionRule } from './whole-changes.ts';

export interface LanePlan {
  readonly prefixEnd: number;
  /** Positions, where the prefix is made of replays. */
  readonly replays?: readonly number[];
  /** Of replays: assignments of which later changes have left nothing, so there is nothing to write. */
  readonly superseded: readonly Superseded[];
  /** In doubt: to be sent again exactly as they were. Where there are any, nothing else is planned. */
  readonly repeats: readonly Intent[];
  readonly writes: readonly PlannedWrite[];
}

/** An assignment that ends without a write, and its record. */
export interface Superseded {
  readonly id: string;
  readonly covered: Covered;
}

/**
 * Plans at most `limit` records, at least one.
 * @param transactions where each change is one: then as many whole changes, at least one
 */
export function planLane(lane: ClaimedLane, limit: number, transactions?: TransactionRule): LanePlan {
  const { changes, ...prefix } = takePrefix(lane, limit);
  const repeats = [...lane.memory.records.values()].flatMap((record) =>
    record.doubt === 'sent' && record.intent ? [record.intent] : [],
  );
  if (repeats.length > 0) {
    return { ...prefix, superseded: [], repeats: wholeUpTo(limit, repeats), writes: [] };
  }
  const { open, superseded } = openItems(changes);
  if (transactions)
    return { ...prefix, superseded, repeats: [], writes: planWhole(open, limit, transactions) };
  const writes = leadingRuns(open, lane.memory)
    .slice(0, limit)
    .map((run) => partedFrom(run, lane.memory));
  return { ...prefix, superseded, repeats: [], writes };
}

interface Prefix extends Pick<LanePlan, 'prefixEnd' | 'replays'> {
  readonly changes: readonly PendingChange[];
}

/** The prefix under way, or the next one. */
function takePrefix({ changes, memory }: ClaimedLane, limit: number): Prefix {
  const prefixEnd = begunUpTo(memory);
  const replays = changes.filter(({ position, replay }) => replay && memory.replays?.includes(position));
  if (replays.length > 0)
    return { changes: replays, prefixEnd, replays: replays.map(({ position }) => position) };
  const underWay = changesUnderWay({ changes, memory });
  if (underWay.length > 0) return { changes: underWay, prefixEnd: underWay.at(-1)?.position ?? prefixEnd };
  const next = fitting(alike(changes), limit);
  if (next[0]?.replay) return { changes: next, prefixEnd, replays: next.map(({ position }) => position) };
  return { changes: next, prefixEnd: next.at(-1)?.position ?? prefixEnd };
}

/** What flights have begun and not ended: nothing may come between. */
function changesUnderWay({ changes, memory }: Pick<ClaimedLane, 'changes' | 'memory'>): PendingChange[] {
  const prefixEnd = begunUpTo(memory);
  return changes.filter(({ position, replay }) => !replay && position <= prefixEnd);
}

/**
 * Of a lane that stops at a dead letter: what stands behind its first change must not fly before that has ended well. What was begun
 * before the lane was told to stop at dead letters ends first, a replay that was ordered meanwhile comes after it.
 */
export function oneByOne(lane: ClaimedLane): ClaimedLane {
  const underWay = changesUnderWay(lane);
  return { ...lane, changes: underWay.length > 0 ? underWay : lane.changes.slice(0, 1) };
}

/** A flight that died after it had stored its intents has left no prefix, but what it may have sent is under way. */
function begunUpTo({ prefixEnd, records }: LaneMemory): number {
  const sent = [...records.values()].flatMap(({ doubt, intent }) =>
    doubt === 'sent' && intent ? intent.covers : [],
  );
  return Math.max(prefixEnd, ...sent.map(({ position }) => position));
}

/** The leading changes that are all replays, or all none. */
function alike(changes: readonly PendingChange[]): readonly PendingChange[] {
  const end = changes.findIndex(
    ({ replay }) => (replay === undefined) !== (changes[0]?.replay === undefined),
  );
  return end === -1 ? changes : changes.slice(0, end);
}

/** As many changes as the flight has room for records, at least one. */
function fitting(changes: readonly PendingChange[], limit: number): readonly PendingChange[] {
  const records = new Set<string>();
  const end = changes.findIndex(({ change }) => {
    for (const { id } of change.assignments) records.add(id);
    return records.size > limit;
  });
  return end === -1 ? changes : changes.slice(0, Math.max(1, end));
}

function openItems(prefix: readonly PendingChange[]): { open: Item[]; superseded: Superseded[] } {
  const open: Item[] = [];
  const superseded: Superseded[] = [];
  for (const pending of prefix) {
    for (const { index, assignment } of itemsOf(pending)) {
      const covered = { position: pending.position, index };
      if (assignment) open.push({ covered, assignment });
      else superseded.push({ id: pending.change.assignments[index]?.id ?? '', covered });
    }
  }
  return { open, superseded };
}

/** What of a change has not ended; of a replay, what of that is still to be written. */
export function itemsOf(pending: PendingChange): readonly ReplayItem[] {
  if (pending.replay) return replayItems(pending);
  const { change, results } = pending;
  return change.assignments.flatMap((assignment, index) => (results[index] ? [] : { index, assignment }));
}

/** For each record, in order of first appearance, what can be written at once: its first item, or its first updates. */
function leadingRuns(items: readonly Item[], memory: LaneMemory): Item[][] {
  const runs = new Map<string, Item[]>();
  const closed = new Set<string>();
  for (const item of items) {
    const { id, operation } = item.assignment;
    const run = runs.get(id);
    if (!run) runs.set(id, [item]);
    else if (!closed.has(id) && operation === 'update' && mayJoin(item, memory)) run.push(item);
    else closed.add(id);
    if (operation !== 'update') closed.add(id);
  }
  return [...runs.values()];
}

/**
 * After a refused repetition the re-read has to look for exactly what the first send wanted, so its items stay together
 * and alone. Else updates go together, unless a merged write of this part of the lane was refused for its content.
 */
function mayJoin({ covered, assignment }: Item, { records, unmergedUpTo }: LaneMemory): boolean {
  const known = records.get(assignment.id);
  if (known?.doubt !== 'refused' || !known.intent) return covered.position > unmergedUpTo;
  return isAmong(known.intent.covers, covered);
}

/** A run that is together only for the sake of a read, where its items are to be told apart: they alone, whatever else is unmerged. */
function partedFrom(run: readonly Item[], { records }: LaneMemory): PlannedWrite {
  const [first] = run;
  const isParted = run.length > 1 && first !== undefined && records.get(first.assignment.id)?.toldApart;
  return isParted ? { ...merge(run), apart: merge([first]) } : merge(run);
}

/** By value: what comes back from a journal is not the same object. */
export function isAmong(covers: readonly Covered[], { position, index }: Covered): boolean {
  return covers.some((other) => other.position === position && other.index === index);
}
