/**
 * On which records and fields the changes of one lane have ended, and at which position last: enough to tell for any
 * position what came later.
 */
import type { AssignmentChange } from '../../events/change.ts';
import type { AssignmentResult } from '../../events/outcome.ts';
import { standsAgainstReplay } from '../carried.ts';
import type { LaterOnRecord } from '../port.ts';

/** Highest positions, 0 for never. */
interface Mark {
  touched: number;
  deleted: number;
  readonly fields: Map<string, number>;
}

export class LaterChanges {
  private readonly marks = new Map<string, Mark>();
  private entries = 0;

  /** Records and fields that are remembered. */
  get size(): number {
    return this.entries;
  }

  /** An assignment of the change at this position has ended with `result`; one that changed nothing is passed over. */
  note(position: number, assignment: AssignmentChange, result: AssignmentResult): void {
    if (!standsAgainstReplay(assignment, result)) return;
    const { id, operation, fields } = assignment;
    const mark = this.markOf(id);
    mark.touched = Math.max(mark.touched, position);
    if (operation === 'delete') mark.deleted = Math.max(mark.deleted, position);
    for (const name of Object.keys(fields)) {
      const known = mark.fields.get(name);
      if (known === undefined) this.entries += 1;
      mark.fields.set(name, Math.max(known ?? 0, position));
    }
  }

  /** Of these records, by id, what ended at later positions than this one. */
  after(position: number, records: Iterable<string>): ReadonlyMap<string, LaterOnRecord> {
    const later = new Map<string, LaterOnRecord>();
    for (const id of records) {
      const mark = this.marks.get(id);
      if (!mark || mark.touched <= position) continue;
      const names = [...mark.fields].filter(([, at]) => at > position).map(([name]) => name);
      later.set(id, { fields: new Set(names), deleted: mark.deleted > position });
    }
    return later;
  }

  private markOf(id: string): Mark {
    const known = this.marks.get(id);
    if (known) return known;
    const mark: Mark = { touched: 0, deleted: 0, fields: new Map() };
    this.marks.set(id, mark);
    this.entries += 1;
    return mark;
  }
}
