/** Gathers what a flight made of one lane, and turns it into the completion that the journal records. */
import type { AssignmentOutcome, AssignmentResult } from '../events/outcome.ts';
import type {
  ChangeProgress,
  ClaimedLane,
  Covered,
  Ending,
  HistoryStep,
  Intent,
  LaneCompletion,
  PendingChange,
  RecordMemory,
  Rest,
  WaitState,
} from '../journal/port.ts';
import { isForgettable, NEW_RECORD, sentNow, withoutOverdue } from '../journal/port.ts';
import type { RecordState, WriteRequest } from '../territory-api/port.ts';
import { isAmong, itemsOf, type Superseded } from './plan.ts';
import type { LeftUnwritten, OverlapPolicy } from './rebase.ts';
import { OwnEtags } from './own-etags.ts';
import { Undeleted } from './undeleted.ts';
import { Unwritten } from './unwritten.ts';

/** Makes the ending of a change of which every assignment has a result. */
export type EndChange = (
  change: PendingChange,
  progress: ChangeProgress,
  results: readonly AssignmentResult[],
) => Ending;

/** A result without the assignment's id, which differs from change to change only by where it stands. */
export type ResultPart = Omit<AssignmentResult, 'id'>;

interface Progress {
  readonly results: Map<number, AssignmentResult>;
  sent: boolean;
  conflicted: boolean;
  readonly history: HistoryStep[];
}

export class LaneReport {
  readonly lane: ClaimedLane;
  private readonly prefixEnd: number;
  private readonly replays: readonly number[];
  private readonly progress = new Map<number, Progress>();
  private readonly records: Map<string, RecordMemory>;
  private readonly written = new Map<string, string | undefined>();
  private readonly ownEtags: OwnEtags;
  private readonly unwritten: Unwritten;
  private readonly undeleted: Undeleted;
  private readonly shown = new Map<string, RecordState>();
  private readonly there = new Set<string>();
  private readonly onOverlap: OverlapPolicy;
  private unmergedUpTo: number;
  private wait: { state: WaitState; delayMs: number } | undefined;

  /**
   * @param nowMs epoch milliseconds
   * @param replays positions of the prefix, where it is made of replays
   * @param onOverlap under `review` it is kept which fields dead letters left unwritten: nothing else asks for it
   */
  constructor(
    lane: ClaimedLane,
    prefixEnd: number,
    nowMs: number,
    replays: readonly number[] = [],
    onOverlap: OverlapPolicy = 'source-wins',
  ) {
    this.lane = lane;
    this.prefixEnd = prefixEnd;
    this.replays = replays;
    const valid = [...lane.memory.records].filter(([, record]) => !isForgettable(record, nowMs));
    this.records = new Map(valid.map(([id, record]) => [id, withoutOverdue(record, nowMs)]));
    this.unmergedUpTo = lane.memory.unmergedUpTo;
    this.ownEtags = new OwnEtags(lane.memory.ownEtags, nowMs);
    this.unwritten = new Unwritten(lane.memory.unwritten ?? [], nowMs);
    this.undeleted = new Undeleted(lane.memory.undeleted ?? [], nowMs);
    this.onOverlap = onOverlap;
  }

  memoryOf(id: string): RecordMemory | undefined {
    return this.records.get(id);
  }

  remember(id: string, change: Partial<RecordMemory>): RecordMemory {
    const memory = { ...NEW_RECORD, ...this.records.get(id), ...change };
    this.records.set(id, memory);
    this.ownEtags.forget(id);
    return memory;
  }

  /** The ETag that the API told of our own last update, unless anything has happened to the record since. */
  ownEtagOf(id: string): string | undefined {
    return this.ownEtags.get(id);
  }

  /** A read showed the record so. */
  saw(id: string, state: RecordState): void {
    this.shown.set(id, state);
  }

  /** A read that is proof found the record. */
  sawThere(id: string): void {
    this.there.add(id);
  }

  /** Whether it was there for certain just before this flight's write. */
  wasThere(id: string): boolean {
    return this.there.has(id);
  }

  /** What the record may show, at this version, because of dead letters of ours; field by field, or anything at all. */
  leftOn(id: string, state: RecordState): LeftUnwritten {
    if (state.found && this.undeleted.explains(id, state.etag)) return 'anything';
    return this.unwritten.of(id);
  }

  /** The request was sent and not answered: it is repeated until it is. `landsBy`: see `mayLand`. */
  unanswered(intent: Intent, landsBy: number): void {
    const { id } = intent.request;
    const known = this.records.get(id);
    // A create stays one: nothing but the record's existence stops it.
    const operation = known?.mayLand?.operation === 'create' ? 'create' : intent.request.operation;
    this.remember(id, { ...sentNow(known, intent), mayLand: { operation, until: landsBy } });
  }

  /** A write of these was sent; counted once per flight and change. */
  sent(covers: readonly Covered[]): void {
    for (const { position } of covers) this.of(position).sent = true;
  }

  conflicted(covers: readonly Covered[]): void {
    for (const { position } of covers) this.of(position).conflicted = true;
  }

  /** Once for each change, however many of its assignments are covered. */
  note(covers: readonly Covered[], step: HistoryStep): void {
    const positions = new Set(covers.map(({ position }) => position));
    for (const position of positions) this.of(position).history.push(step);
  }

  /**
   * The covered assignment changes have ended. Of the record only this is still remembered: that a request of a failed
   * change may land yet, so that nothing is concluded from a read until a later write of ours went past it.
   */
  end(id: string, ended: Pick<Intent, 'covers' | 'supersedes'>, result: ResultPart): void {
    for (const covered of ended.covers) {
      const superseded = !isLeft(result) && isAmong(ended.supersedes, covered);
      this.of(covered.position).results.set(
        covered.index,
        superseded ? { id, result: 'superseded' } : { id, ...result },
      );
      this.noteUnwritten(covered, result);
    }
    const { mayLand, refusals } = this.records.get(id) ?? NEW_RECORD;
    this.ownEtags.forget(id);
    const failedInDoubt = isLeft(result) && this.isInDoubt(id);
    this.records.delete(id);
    // An update that is late is refused by the ETag that has moved on; nothing stops a create but the record's existence.
    if (failedInDoubt || mayLand?.operation === 'create') {
      this.records.set(id, { ...NEW_RECORD, doubt: failedInDoubt ? 'sent' : 'none', mayLand });
    }
    // Nothing was written, so the ETag has not moved on: a later request that equals a refused one needs another key.
    if (result.result === 'unchanged' && refusals > 0 && this.hasOpen(id)) this.remember(id, { refusals });
  }

  /** The write that covers these has ended, and not as a failure. */
  endedWell(covers: readonly Covered[]): boolean {
    const results = covers.map(({ position, index }) => this.progress.get(position)?.results.get(index));
    return results.every((result) => result !== undefined && !isLeft(result));
  }

  /** Where changes are transactions: of a change of which a record has failed nothing more is tried. */
  skipRest(): void {
    for (const [position, { results }] of this.progress) {
      if (![...results.values()].some(({ result }) => result === 'failed')) continue;
      const change = this.changeAt(position);
      for (const [index, { id }] of change?.change.assignments.entries() ?? []) {
        if (change?.results[index] || results.has(index)) continue;
        this.end(id, { covers: [{ position, index }], supersedes: [] }, { result: 'skipped' });
      }
    }
  }

  private noteUnwritten({ position, index }: Covered, result: ResultPart): void {
    const change = this.changeAt(position);
    const assignment = change && itemsOf(change).find((item) => item.index === index)?.assignment;
    if (!assignment) return;
    if (!isLeft(result)) return this.unwritten.writtenBy(position, assignment);
    if (this.onOverlap !== 'review') return;
    const shown = this.shown.get(assignment.id);
    this.unwritten.leftBy(position, assignment, shown && (shown.found ? shown.fields : {}));
    if (assignment.operation === 'delete' && shown?.found) this.undeleted.left(assignment.id, shown.etag);
  }

  private hasOpen(id: string): boolean {
    return this.lane.changes.some(({ change, position, results }) =>
      change.assignments.some(
        (assignment, index) =>
          assignment.id === id && !results[index] && !this.progress.get(position)?.results.has(index),
      ),
    );
  }

  /** Nothing is left of these to be written. What is remembered of their records stays: this is not a word of the API. */
  supersede(items: readonly Superseded[]): void {
    for (const { id, covered } of items) {
      this.of(covered.position).results.set(covered.index, { id, result: 'superseded' });
    }
  }

  /** Our own write landed: caches have to catch up with it. `etag` undefined where the answer held none. */
  wrote(
    { id, operation, ifMatch }: Pick<WriteRequest, 'id' | 'operation' | 'ifMatch'>,
    etag: string | undefined,
  ): void {
    this.written.set(id, etag);
    this.undeleted.wrote(id, ifMatch, etag);
    // Not of a create: a node that does not know the record yet would call it missing, which is no conflict.
    if (operation === 'update' && etag !== undefined) this.ownEtags.wrote(id, etag);
  }

  /** A merged write of this prefix was refused for its content: plan its changes one by one, with fresh attempts. */
  unmerge(id: string): void {
    this.unmergedUpTo = Math.max(this.unmergedUpTo, this.prefixEnd, ...this.replays);
    const { refusals, mayLand } = this.records.get(id) ?? NEW_RECORD;
    const doubt = this.isInDoubt(id) ? 'sent' : 'none';
    this.ownEtags.forget(id);
    this.records.set(id, { ...NEW_RECORD, refusals: refusals + 1, doubt, mayLand });
  }

  /**
   * The API fails at a merged write, perhaps for what one of its changes sets. It may have landed all the same, and then its older
   * values must not come again: it is read again as after a refused repetition, and only where it has not landed its first change
   * goes alone. It is remembered as it was sent first: a later version that shows what it sets is most likely its own. With fresh
   * attempts.
   */
  tellApart(intent: Intent): void {
    const whole = intent.partOf ?? intent;
    const { id } = whole.request;
    const { toldApart, givenUpUntil } = this.records.get(id) ?? NEW_RECORD;
    this.unmerge(id);
    this.remember(id, {
      doubt: 'refused',
      intent: whole,
      toldApart: toldApart ? 'again' : 'once',
      ...(givenUpUntil !== undefined && { givenUpUntil }),
    });
  }

  /** What landed of this write, by what was read, may have been the merged one of which it is a part: with all the others. */
  doubtOtherParts({ id, covers }: { readonly id: string } & Pick<Intent, 'covers'>): void {
    const isPart = covers.every(({ position }) => position <= this.lane.memory.unmergedUpTo);
    if (isPart && this.hasOpen(id)) this.remember(id, { doubt: 'sent' });
  }

  private isInDoubt(id: string): boolean {
    return (this.records.get(id)?.doubt ?? 'none') !== 'none';
  }

  /** The longest of several waits counts. */
  waitFor(state: WaitState, delayMs: number): void {
    if (!this.wait || this.wait.delayMs < delayMs) this.wait = { state, delayMs };
  }

  /** Records that the flight has written, with the ETag that the API gave. */
  get writes(): ReadonlyMap<string, string | undefined> {
    return this.written;
  }

  completion(rest: Rest | undefined, alsoRestMs: number, endChange: EndChange): LaneCompletion {
    // Of an edited replay nothing may be left that had not succeeded: it ends without a flight of its own.
    for (const { position, results } of this.lane.changes) {
      if (results.every((result) => result !== undefined)) this.of(position);
    }
    const progress = [...this.progress].map(([position, made]) => ({
      position,
      results: made.results,
      attempts: made.sent ? 1 : 0,
      conflicts: made.conflicted ? 1 : 0,
      history: made.history,
    }));
    const relatedTo = progress
      .filter(wasWritten)
      .flatMap(({ position }) => this.changeAt(position)?.change.relatedTo ?? []);
    const ended = progress.flatMap((made) => this.endingOf(made, endChange));
    const replays = this.replays.filter((position) => ended.every((ending) => ending.position !== position));
    const { prefixEnd, unmergedUpTo, records } = this;
    const unwritten = this.unwritten.all;
    const undeleted = this.undeleted.all;
    const ownEtags = this.ownEtags.all;
    return {
      territoryId: this.lane.territoryId,
      fence: this.lane.fence,
      progress,
      ended,
      memory: {
        prefixEnd,
        unmergedUpTo,
        ...(replays.length > 0 && { replays }),
        records,
        rest,
        ...(ownEtags && { ownEtags }),
        ...(unwritten.length > 0 && { unwritten }),
        ...(undeleted.length > 0 && { undeleted }),
      },
      wait: this.wait,
      alsoRest:
        relatedTo.length > 0 ? { territoryIds: [...new Set(relatedTo)], delayMs: alsoRestMs } : undefined,
    };
  }

  private endingOf(made: ChangeProgress, endChange: EndChange): Ending[] {
    const change = this.changeAt(made.position);
    if (!change) return [];
    const results = change.results.map((known, index) => known ?? made.results.get(index));
    return results.every((result) => result !== undefined) ? [endChange(change, made, results)] : [];
  }

  private changeAt(position: number): PendingChange | undefined {
    return this.lane.changes.find((change) => change.position === position);
  }

  private of(position: number): Progress {
    const known = this.progress.get(position);
    if (known) return known;
    const made: Progress = { results: new Map(), sent: false, conflicted: false, history: [] };
    this.progress.set(position, made);
    return made;
  }
}

/** Nothing is known to have been written, and nothing more is tried. */
function isLeft({ result }: Pick<ResultPart, 'result'>): boolean {
  return result === 'failed' || result === 'skipped';
}

const WRITTEN: readonly AssignmentOutcome[] = ['created', 'updated', 'deleted'];

function wasWritten({ results }: ChangeProgress): boolean {
  return [...results.values()].some(({ result }) => WRITTEN.includes(result));
}
