/** The inbound change, parsed and validated: what the rest of the program works with. */

/** What a field of an assignment can be set to. Integers are within ±(2^53 − 1). */
export type Scalar = string | number | boolean | null;

/** Field name → value; made without a prototype, so that a field named `__proto__` is only a field. */
export type Fields = Readonly<Record<string, Scalar>>;

export type Operation = 'update' | 'create' | 'delete';

/** One assignment of a change: set these fields on this record. */
export interface AssignmentChange {
  /** Key of the assignment, 1–128 characters. */
  readonly id: string;
  readonly operation: Operation;
  /** What to set; empty for a delete. */
  readonly fields: Fields;
  /** What the source saw in those fields before it changed them, where it said so. */
  readonly before?: Fields;
}

/** One inbound event, parsed. */
export interface TerritoryChange {
  /** CloudEvents id, ≤ 256 characters; unique within `source`. */
  readonly id: string;
  /** CloudEvents source, ≤ 512 characters. */
  readonly source: string;
  /** CloudEvents type. */
  readonly type: string;
  /** CloudEvents time as sent, where it was. */
  readonly time?: string;
  /** The lane: 1–100 characters. */
  readonly territoryId: string;
  /** 1–1000, in the order in which they take effect. */
  readonly assignments: readonly AssignmentChange[];
  /** Other territories whose caches this change stales: their lanes rest too; at most 20. */
  readonly relatedTo: readonly string[];
  /** CloudEvents extension `sequence`: shown, not used for order. */
  readonly sequence?: string;
  /** CloudEvents extension `correlationid`, passed on to the API and to the outcome event. */
  readonly correlationId?: string;
  /** W3C trace context, passed on to the outcome event. */
  readonly traceparent?: string;
}

/** What identifies a change everywhere: the pair (source, id). */
export interface ChangeRef {
  readonly source: string;
  readonly id: string;
}

/** The pair (source, id) as one string, usable as a map key: no two pairs share it. */
export function changeKey(ref: ChangeRef): string {
  return JSON.stringify([ref.source, ref.id]);
}
