/**
 * Which fields our own dead letters left unwritten. A later change names, as what its source saw `before`, a value that the
 * record never had because of us. As long as the record shows what it showed before the first of these dead letters, or what
 * one of them would have set, nobody else has set the field, so that is no overlap.
 */
import type { AssignmentChange, Scalar } from '../events/change.ts';
import { isSound } from '../events/text.ts';
import type { UnwrittenField } from '../journal/port.ts';

/** Fields remembered of a lane; beyond it the oldest is forgotten, and its unmet `before` is an overlap again. */
const REMEMBERED = 500;
/** A longer value is not remembered; of more values of a field, the first and the latest are. */
const VALUE_LENGTH = 256;
const VALUES = 6;
/** As long as a dead letter is kept. */
const REMEMBERED_MS = 90 * 24 * 3_600_000;

export class Unwritten {
  private readonly fields: Map<string, UnwrittenField>;
  private readonly nowMs: number;

  /** @param nowMs epoch milliseconds */
  constructor(known: readonly UnwrittenField[], nowMs: number) {
    const valid = known.filter(({ until }) => until > nowMs);
    this.fields = new Map(valid.map((field) => [keyOf(field.id, field.name), field]));
    this.nowMs = nowMs;
  }

  /** Oldest first. */
  get all(): readonly UnwrittenField[] {
    return [...this.fields.values()];
  }

  /** Of one record: field → what it may show although nobody else has set it. */
  of(id: string): ReadonlyMap<string, readonly Scalar[]> {
    return new Map(this.all.flatMap((field) => (field.id === id ? [[field.name, field.values]] : [])));
  }

  /**
   * The change at this position became a dead letter.
   * @param read what the record showed meanwhile, nothing where there was none; undefined where it was not read
   */
  leftBy(
    position: number,
    { id, fields, before = {} }: AssignmentChange,
    read?: Readonly<Record<string, unknown>>,
  ): void {
    for (const [name, wanted] of Object.entries(fields)) {
      const key = keyOf(id, name);
      const known = this.fields.get(key);
      const shown = Object.hasOwn(before, name) ? before[name] : read && (read[name] ?? null);
      const [first, ...later] = known?.values ?? [shown];
      if (!isRememberable(first)) continue;
      const values = [first, ...[...later, wanted].filter(isRememberable).slice(1 - VALUES)];
      const latest = Math.max(position, known?.position ?? 0);
      this.fields.delete(key);
      this.fields.set(key, { id, name, values, position: latest, until: this.nowMs + REMEMBERED_MS });
    }
    for (const key of [...this.fields.keys()].slice(0, Math.max(0, this.fields.size - REMEMBERED))) {
      this.fields.delete(key);
    }
  }

  /**
   * The change at this position has taken effect. What dead letters before it left unwritten is past; for one after it, as a
   * replay leaves it, the record now shows the value of this one.
   */
  writtenBy(position: number, { id, fields, operation }: AssignmentChange): void {
    const names = operation === 'delete' ? [...this.of(id).keys()] : Object.keys(fields);
    for (const name of names) {
      const key = keyOf(id, name);
      const known = this.fields.get(key);
      const value = fields[name];
      if (known && known.position > position && isRememberable(value)) {
        this.fields.set(key, { ...known, values: [value, ...known.values.slice(1)] });
      } else {
        this.fields.delete(key);
      }
    }
  }
}

/** A scalar that every store can keep. */
function isRememberable(value: unknown): value is Scalar {
  if (typeof value === 'string') return value.length <= VALUE_LENGTH && isSound(value);
  return value === null || typeof value === 'number' || typeof value === 'boolean';
}

function keyOf(id: string, name: string): string {
  return JSON.stringify([id, name]);
}
