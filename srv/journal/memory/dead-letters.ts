/**
 * What a replay has to know of its dead letter and the queue does not hold: its position, which of its assignments had
 * succeeded, and what later changes of its lane have ended on since. Kept from its failure until its replay has ended or
 * it is discarded. Bounded: of the dead letters beyond, as of those from before a restart, nothing is known.
 */
import type { AssignmentChange } from '../../events/change.ts';
import type { AssignmentResult } from '../../events/outcome.ts';
import { carriedOver, succeededOf, type Results, type Succeeded } from '../carried.ts';
import type { KnownDeadLetter, LaterOnRecord } from '../port.ts';
import type { ChangeEntry } from './entry.ts';
import { LaterChanges } from './later-changes.ts';

/** As many dead letters as their receiver holds, twice. */
const LETTERS_LIMIT = 2000;
/** Records and fields of later changes, over all lanes. */
const LATER_LIMIT = 200_000;

interface Letter {
  readonly id: string;
  readonly territoryId: string;
  readonly position: number;
  readonly results: readonly AssignmentResult[];
  readonly succeeded: Succeeded;
  laterChanges: number;
  /** Its replay is pending: it must not be forgotten. */
  underWay: boolean;
}

/** The dead letters of one lane. */
interface LaneLetters {
  readonly letters: Set<Letter>;
  readonly later: LaterChanges;
}

export interface DeadLetterLimits {
  readonly letters: number;
  readonly later: number;
}

export class DeadLetters {
  private readonly limits: DeadLetterLimits;
  /** Oldest first. */
  private readonly letters = new Map<string, Letter>();
  private readonly lanes = new Map<string, LaneLetters>();

  constructor(limits: DeadLetterLimits = { letters: LETTERS_LIMIT, later: LATER_LIMIT }) {
    this.limits = limits;
  }

  /**
   * A change became a dead letter.
   * @param lane all changes of its lane that are not released, ended ones included: later ones may have ended before it
   */
  open(id: string, failed: ChangeEntry, lane: readonly ChangeEntry[]): void {
    const { territoryId, assignments } = failed.arrival.change;
    const { letters, later } = this.laneOf(territoryId);
    const results = failed.results.flatMap((result) => result ?? []);
    const letter: Letter = {
      id,
      territoryId,
      position: failed.position,
      results,
      succeeded: succeededOf(assignments, failed.results),
      laterChanges: this.letters.get(failed.arrival.replay?.deadLetterId ?? '')?.laterChanges ?? 0,
      underWay: false,
    };
    for (const entry of lane.filter(({ position }) => position > failed.position)) {
      for (const [index, result] of entry.results.entries()) {
        const assignment = entry.arrival.change.assignments[index];
        if (assignment && result) later.note(entry.position, assignment, result);
      }
      if (entry.ended && !failed.arrival.replay) letter.laterChanges += 1;
    }
    letters.add(letter);
    this.letters.set(id, letter);
    this.forgetSome();
  }

  /** Assignments of this change have ended. */
  note({ position, arrival: { change } }: ChangeEntry, results: ReadonlyMap<number, AssignmentResult>): void {
    const later = this.lanes.get(change.territoryId)?.later;
    if (!later) return;
    for (const [index, result] of results) {
      const assignment = change.assignments[index];
      if (assignment) later.note(position, assignment, result);
    }
    this.forgetSome();
  }

  /** The change has ended; if it was a replay, its dead letter is done with. */
  ended({ position, arrival: { change, replay } }: ChangeEntry): void {
    for (const letter of this.lanes.get(change.territoryId)?.letters ?? []) {
      if (letter.position < position && !replay) letter.laterChanges += 1;
    }
    if (replay) this.forget(replay.deadLetterId);
  }

  /** A replay of it is taken into its lane. */
  replaying(id: string): { readonly position: number } | undefined {
    const letter = this.letters.get(id);
    if (letter) letter.underWay = true;
    return letter;
  }

  /** Results that a replay of these assignments starts with: each that had succeeded is not run again. */
  carried(id: string, assignments: readonly AssignmentChange[]): Results {
    return carriedOver(this.letters.get(id)?.succeeded ?? new Map(), assignments);
  }

  /** What later changes have ended on; undefined where that is not known, or where everything is to be written. */
  laterThan({
    position,
    arrival: { change, replay },
  }: ChangeEntry): ReadonlyMap<string, LaterOnRecord> | undefined {
    if (!replay || replay.overwrite || !this.letters.has(replay.deadLetterId)) return undefined;
    return this.lanes.get(change.territoryId)?.later.after(
      position,
      change.assignments.map(({ id }) => id),
    );
  }

  known(id: string): KnownDeadLetter | undefined {
    const letter = this.letters.get(id);
    return (
      letter && { position: letter.position, results: letter.results, laterChanges: letter.laterChanges }
    );
  }

  forget(id: string): void {
    const letter = this.letters.get(id);
    if (!letter) return;
    this.letters.delete(id);
    const lane = this.lanes.get(letter.territoryId);
    lane?.letters.delete(letter);
    if (lane?.letters.size === 0) this.lanes.delete(letter.territoryId);
  }

  private laneOf(territoryId: string): LaneLetters {
    const known = this.lanes.get(territoryId);
    if (known) return known;
    const lane: LaneLetters = { letters: new Set(), later: new LaterChanges() };
    this.lanes.set(territoryId, lane);
    return lane;
  }

  /** The oldest first; never one whose replay is pending, which needs it to undo nothing. */
  private forgetSome(): void {
    const remembered = (): number => [...this.lanes.values()].reduce((sum, { later }) => sum + later.size, 0);
    if (this.letters.size <= this.limits.letters && remembered() <= this.limits.later) return;
    for (const { id, underWay } of this.letters.values()) {
      if (this.letters.size <= this.limits.letters && remembered() <= this.limits.later) return;
      if (!underWay) this.forget(id);
    }
  }
}
