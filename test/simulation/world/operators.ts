/**
 * People at the operations API: now and then one of them pauses or resumes something, replays a dead letter, as it is or edited, or
 * discards it, at whichever instance; he may not be told whether it worked. In the end everything is resumed.
 */
import type { App } from '../../../srv/app.ts';
import type { AssignmentChange, Fields } from '../../../srv/events/change.ts';
import type { DeadLetterItem, Pausable } from '../../../srv/operations/port.ts';
import type { Faults } from './faults.ts';
import type { SimProcess } from './process.ts';
import { BAD, HUGE, POISON } from './records.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';
import type { PublishedChange } from './workload.ts';

/** What somebody ordered of a change; whether it was carried out he may not know. */
export interface Order {
  readonly kind: 'replay' | 'discard';
  readonly atMs: number;
  readonly overwrite: boolean;
  readonly edited: boolean;
}

export interface Watched {
  ordered(changeId: string, order: Order): void;
  /** The program said that it will run as this decision. */
  accepted(changeId: string, decision: number): void;
}

export interface OperatorsOptions {
  readonly faults: Faults;
  readonly timeline: Timeline;
  readonly trace: Trace;
  readonly territories: number;
  /** Whether somebody pauses all territories, too. */
  readonly pauses: 'all' | 'territories';
  readonly instances: () => readonly { readonly process: SimProcess; readonly app: App }[];
  readonly changeOf: (id: string) => PublishedChange | undefined;
  readonly watched: Watched;
}

type Instance = ReturnType<OperatorsOptions['instances']>[number];

const LOOK_MS = 3000;
const BOTH: readonly Pausable[] = ['intake', 'flights'];
const BY = 'somebody';

export class Operators {
  private readonly options: OperatorsOptions;
  private readonly paused = new Set<string>();
  private hasPaused = false;

  constructor(options: OperatorsOptions) {
    this.options = options;
  }

  start(): void {
    const { timeline, faults } = this.options;
    timeline.after(LOOK_MS, () => {
      if (faults.strikes('operator', 0.03)) this.act();
      this.start();
    });
  }

  /** Resumes whatever was paused, and decides what lanes are held at. To be repeated until it has worked. */
  tidyUp(held: 'held' | 'never held'): void {
    for (const instance of this.options.instances()) {
      const { operations } = instance.app;
      if (this.hasPaused) this.ask(instance, () => operations.processing.resume(BOTH, BY));
      for (const id of this.paused) this.ask(instance, () => operations.lanes.resumeTerritory(id, BY));
    }
    const [first] = this.options.instances();
    if (first && held === 'held') this.ask(first, () => this.discardAll(first));
  }

  private act(): void {
    const instances = this.options.instances();
    const instance = instances[this.draw(instances.length)];
    if (!instance) return;
    const { lanes, processing } = instance.app.operations;
    const territory = `territory-${this.draw(this.options.territories)}`;
    const drawn = this.draw(10);
    const way = this.options.pauses === 'territories' && (drawn === 2 || drawn === 3) ? drawn - 2 : drawn;
    const some = BOTH.slice(0, 1 + this.draw(2));
    this.options.trace.note(`an operator at ${instance.process.name} does ${way} on ${territory}`);
    switch (way) {
      case 0:
        this.paused.add(territory);
        return this.ask(instance, () => lanes.pauseTerritory(territory, BY));
      case 1:
        return this.ask(instance, () => lanes.resumeTerritory(territory, BY));
      case 2:
        this.hasPaused = true;
        return this.ask(instance, () => processing.pause(some, BY));
      case 3:
        return this.ask(instance, () => processing.resume(some, BY));
      default:
        return this.ask(instance, () => this.decide(instance, way));
    }
  }

  private async decide({ app }: Instance, way: number): Promise<void> {
    const { timeline, watched } = this.options;
    const { deadLetters } = app.operations;
    const letters = await this.openLetters(app);
    const letter = letters[this.draw(Math.max(1, letters.length))];
    if (!letter) return;
    const { id, changeId } = letter;
    const change = this.options.changeOf(changeId);
    // What could not be read, and impostors under a known id, are not run again.
    if (way === 4 || !change || letter.reason === 'INVALID_EVENT') {
      watched.ordered(changeId, { kind: 'discard', atMs: timeline.nowMs, overwrite: false, edited: false });
      await deadLetters.discard(id, { by: BY, note: '' });
      return;
    }
    const overwrite = way === 5;
    const edited = way === 6;
    watched.ordered(changeId, { kind: 'replay', atMs: timeline.nowMs, overwrite, edited });
    const result = await deadLetters.replay(id, {
      by: BY,
      note: '',
      overwrite,
      ...(edited && { assignments: editedAssignments(change.assignments) }),
    });
    if (result.kind === 'accepted') watched.accepted(changeId, result.decision);
  }

  private async openLetters(app: App): Promise<readonly DeadLetterItem[]> {
    const { items } = await app.operations.deadLetters.list({ limit: 1000 });
    return items.filter(({ state }) => state === 'open');
  }

  private async discardAll({ app }: Instance): Promise<void> {
    for (const { id, changeId } of await this.openLetters(app)) {
      const { timeline, watched } = this.options;
      watched.ordered(changeId, { kind: 'discard', atMs: timeline.nowMs, overwrite: false, edited: false });
      await app.operations.deadLetters.discard(id, { by: BY, note: '' });
    }
  }

  private draw(below: number): number {
    return this.options.faults.between('operator', 0, below);
  }

  /** Whoever asks sees an error where the journal does not answer; he may try again another time. */
  private ask({ process }: Instance, action: () => Promise<unknown>): void {
    const { trace } = this.options;
    process.enter('operator', () => {
      action().catch((error: unknown) => trace.note(`an operator sees ${String(error)}`));
    });
  }
}

/** The same records and fields, other values; what the API refused is mended. */
function editedAssignments(assignments: readonly AssignmentChange[]): readonly AssignmentChange[] {
  return assignments.map((assignment) => ({ ...assignment, fields: editedFields(assignment.fields) }));
}

export function editedFields(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (typeof value !== 'string') return [name, value];
      return [name, [BAD, HUGE, POISON].includes(value) ? 'mended' : `${value} edited`];
    }),
  );
}
