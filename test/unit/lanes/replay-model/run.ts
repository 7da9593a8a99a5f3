/**
 * Runs one history with the real journal, plan and report on an API that is a map of records, and checks at every write
 * and every end what a replay may and must do. Of the program's own rules for replays the checks know nothing.
 */
import { expect } from 'vitest';
import type { AssignmentChange, Fields, Scalar, TerritoryChange } from '../../../../srv/events/change.ts';
import { deadLetterId, outcomeOf, type AssignmentResult } from '../../../../srv/events/outcome.ts';
import { MemoryJournal } from '../../../../srv/journal/memory/journal.ts';
import type { ClaimedLane, Covered, Intent, PendingChange, Replay } from '../../../../srv/journal/port.ts';
import { makeIntent } from '../../../../srv/lanes/intent.ts';
import { LaneReport, type EndChange } from '../../../../srv/lanes/lane-report.ts';
import { planLane } from '../../../../srv/lanes/plan.ts';
import type { PlannedWrite } from '../../../../srv/lanes/planned-write.ts';
import { ManualClock } from '../../../doubles/manual-clock.ts';
import { SEEDED, type Fate, type History } from './history.ts';

/** An assignment that has ended and did not fail. */
export interface Ended {
  readonly place: Covered;
  readonly assignment: AssignmentChange;
  readonly result: AssignmentResult['result'];
  /** By a replay that overwrites. */
  readonly overwrote: boolean;
  /** Number of the flight in which it ended. */
  readonly flight: number;
}

export interface Run {
  readonly records: ReadonlyMap<string, Fields>;
  readonly ended: readonly Ended[];
  readonly replayed: number;
  /** Runs that have ended: one for each change and each replay, or something was lost. */
  readonly runs: { readonly begun: number; readonly ended: number };
}

interface Letter {
  readonly id: string;
  readonly change: TerritoryChange;
  readonly decision: number;
}

export async function run(history: History): Promise<Run> {
  const runner = new Runner(history);
  for (const move of history.moves) {
    if (move.kind === 'append') await runner.append(move.assignments);
    else if (move.kind === 'fly') await runner.fly();
    else if (move.kind === 'replay') await runner.replay(move.which, move.overwrite);
    else await runner.loseReceiver();
  }
  await runner.flyOut();
  for (const which of history.last) {
    await runner.replay(which, false);
    if (which % 2 === 0) await runner.flyOut();
  }
  await runner.flyOut();
  return runner.outcome();
}

export function isLater(a: Covered, b: Covered): boolean {
  return a.position === b.position ? a.index > b.index : a.position > b.position;
}

class Runner {
  private readonly clock = new ManualClock();
  private readonly journal = new MemoryJournal({ clock: this.clock });
  private readonly records = new Map<string, Fields>(Object.entries(SEEDED));
  private readonly ended: Ended[] = [];
  private readonly letters: Letter[] = [];
  /** Changes on the queue that are not done with, in order: what a lost receiver brings again. */
  private readonly queue: TerritoryChange[] = [];
  private readonly limit: number;
  private readonly fates: Fate[];
  /** Idempotency key → request. */
  private readonly sent = new Map<string, string>();
  private values = 0;
  /** Requests that were carried out: the ETag of every record. */
  private version = 0;
  private flights = 0;
  private replayed = 0;
  private runsEnded = 0;

  constructor({ limit, fates }: History) {
    this.limit = limit;
    this.fates = [...fates];
  }

  outcome(): Run {
    const { records, ended, replayed, values: changes, runsEnded } = this;
    return { records, ended, replayed, runs: { begun: changes + replayed, ended: runsEnded } };
  }

  async append(assignments: readonly AssignmentChange[]): Promise<void> {
    this.values += 1;
    const change: TerritoryChange = {
      id: `c${this.values}`,
      source: '/test',
      type: 'test',
      territoryId: 'NORTH',
      assignments: assignments.map((assignment, index) => ({
        ...assignment,
        fields: valued(assignment.fields, `v${this.values}.${index}`),
      })),
      relatedTo: [],
    };
    this.queue.push(change);
    await this.deliver(change, undefined);
  }

  async replay(which: number, overwrite: boolean): Promise<void> {
    if (this.letters.length === 0) return;
    const [letter] = this.letters.splice(which % this.letters.length, 1);
    if (!letter) return;
    this.replayed += 1;
    const { id, change, decision } = letter;
    const result = await this.deliver(change, {
      deadLetterId: id,
      decision: decision + 1,
      overwrite,
      history: [],
    });
    expect(result).toBe('appended');
  }

  /** What no flight has begun comes again, behind everything. */
  async loseReceiver(): Promise<void> {
    await this.journal.receiverLost();
    for (const change of this.queue) await this.deliver(change, undefined);
  }

  async flyOut(): Promise<void> {
    for (let round = 0; round < 200; round += 1) if (!(await this.fly())) return;
    throw new Error('the lane does not come to an end');
  }

  /** True if a lane was there to fly. */
  async fly(): Promise<boolean> {
    const [lane] = await this.journal.claim({ records: this.limit, leaseMs: 1000 });
    if (!lane) return false;
    this.flights += 1;
    const plan = planLane(lane, this.limit);
    const report = new LaneReport(lane, plan.prefixEnd, this.clock.now(), plan.replays);
    report.supersede(plan.superseded);
    for (const intent of plan.repeats) this.answer(report, intent, 'done');
    for (const write of plan.writes) this.write(report, lane, write, this.fates.shift() ?? 'done');
    const completion = report.completion(undefined, 0, this.endChange);
    for (const { position, results } of completion.progress) this.note(lane, position, results);
    this.checkLanded();
    await this.journal.complete([completion]);
    return true;
  }

  private async deliver(change: TerritoryChange, replay: Replay | undefined): Promise<string | undefined> {
    const payload = { body: Buffer.alloc(0), digest: change.id };
    const [result] = await this.journal.append([
      { kind: 'change', change, payload, receivedAt: this.clock.now(), ...(replay && { replay }) },
    ]);
    return result?.kind;
  }

  private write(report: LaneReport, lane: ClaimedLane, write: PlannedWrite, fate: Fate): void {
    const memory = report.memoryOf(write.id);
    const exists = this.records.has(write.id);
    if (write.operation === 'delete' && !exists) return report.end(write.id, write, { result: 'unchanged' });
    const operation = write.operation === 'create' && exists ? 'update' : write.operation;
    const intent = makeIntent(
      lane,
      write,
      { operation, ...(exists && { ifMatch: `${this.version}` }) },
      memory,
    );
    if (fate === 'conflict')
      return void report.remember(write.id, { conflicts: (memory?.conflicts ?? 0) + 1 });
    const refused = fate === 'refused' || (operation === 'update' && !exists);
    if (!refused) return this.answer(report, intent, fate);
    if (write.covers.length > 1) return report.unmerge(write.id);
    const error = { code: 'REJECTED_BY_API', message: 'refused' } as const;
    report.end(write.id, write, { result: 'failed', error });
  }

  private answer(report: LaneReport, intent: Intent, fate: Fate): void {
    this.apply(report.lane, intent);
    const { request } = intent;
    if (fate === 'lost') return void report.remember(request.id, { doubt: 'sent', intent });
    report.end(request.id, intent, { result: request.operation === 'delete' ? 'deleted' : 'updated' });
  }

  /** Carries a request out once, however often it is sent. */
  private apply(lane: ClaimedLane, { request, covers }: Intent): void {
    const { id, operation, fields, idempotencyKey } = request;
    const known = this.sent.get(idempotencyKey);
    const text = JSON.stringify([id, operation, fields]);
    expect(known ?? text).toBe(text);
    if (known !== undefined) return;
    this.sent.set(idempotencyKey, text);
    this.version += 1;
    this.checkUndoesNothing(lane, request, covers);
    if (operation === 'delete') this.records.delete(id);
    else this.records.set(id, { ...this.records.get(id), ...fields });
  }

  /** Whatever ended later in the lane's order stays as it is, unless somebody ordered to overwrite it. */
  private checkUndoesNothing(
    lane: ClaimedLane,
    request: Intent['request'],
    covers: readonly Covered[],
  ): void {
    const endedAfter = (place: Covered) =>
      this.ended.filter(
        ({ assignment, ...one }) => assignment.id === request.id && isLater(one.place, place),
      );
    const ordered = covers.filter(({ position }) => !changeAt(lane, position)?.replay?.overwrite);
    for (const later of ordered.flatMap(endedAfter)) {
      expect(request.operation, 'a delete of what a later change has ended on').not.toBe('delete');
      expect(isDone(later, 'delete'), 'a write of what a later change has deleted').toBe(false);
    }
    for (const [name, value] of Object.entries(request.fields)) {
      // By its value, which no other has: a later replay of the same write may have left the field out.
      const setter = covers.find((place) => assignmentAt(lane, place)?.fields[name] === value);
      if (!setter || !ordered.includes(setter)) continue;
      const laterSetters = endedAfter(setter).filter(({ assignment }) => name in assignment.fields);
      expect(laterSetters, `${name}, which a later change has set`).toEqual([]);
    }
  }

  private note(lane: ClaimedLane, position: number, results: ReadonlyMap<number, AssignmentResult>): void {
    const pending = changeAt(lane, position);
    for (const [index, { result }] of results) {
      const assignment = pending?.change.assignments[index];
      if (!assignment || result === 'failed') continue;
      const overwrote = pending?.replay?.overwrite ?? false;
      this.ended.push({ place: { position, index }, assignment, result, overwrote, flight: this.flights });
    }
  }

  /** What was written in this flight is there, as far as nothing later in the lane's order says otherwise. */
  private checkLanded(): void {
    for (const { place, assignment, result, overwrote, flight } of this.ended) {
      if (flight !== this.flights || result === 'superseded') continue;
      // What is overwritten is what other changes have set before.
      const counts = (one: Ended) =>
        !overwrote || one.flight === flight || one.place.position === place.position;
      const later = this.ended.filter(
        (one) => one.assignment.id === assignment.id && isLater(one.place, place) && counts(one),
      );
      const record = this.records.get(assignment.id);
      if (assignment.operation === 'delete') {
        if (later.every((one) => one.assignment.operation === 'delete')) expect(record).toBeUndefined();
        continue;
      }
      for (const [name, value] of Object.entries(assignment.fields)) {
        const said = later.some(
          (one) => one.assignment.operation === 'delete' || name in one.assignment.fields,
        );
        if (!said) expect(record?.[name], `${assignment.id}.${name}`).toBe(value);
      }
    }
  }

  private readonly endChange: EndChange = ({ change, decision, position }, _, results) => {
    const outcome = outcomeOf(results);
    this.runsEnded += 1;
    const done = this.queue.indexOf(change);
    if (done !== -1) this.queue.splice(done, 1);
    if (outcome !== 'failed') return { position, outcome, messages: [] };
    const id = deadLetterId(change, decision);
    this.letters.push({ id, change, decision });
    return { position, outcome, deadLetterId: id, messages: [] };
  };
}

function changeAt(lane: ClaimedLane, position: number): PendingChange | undefined {
  return lane.changes.find((change) => change.position === position);
}

function assignmentAt(lane: ClaimedLane, { position, index }: Covered): AssignmentChange | undefined {
  return changeAt(lane, position)?.change.assignments[index];
}

/** One that was superseded was not carried out. */
function isDone({ assignment, result }: Ended, operation: AssignmentChange['operation']): boolean {
  return assignment.operation === operation && result !== 'superseded';
}

function valued(fields: Fields, value: Scalar): Fields {
  return Object.fromEntries(Object.keys(fields).map((name) => [name, value]));
}
