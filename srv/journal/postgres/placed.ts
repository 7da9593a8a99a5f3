/** A batch is appended in parts, and answered in its own order: so everything keeps its place in it. */
import type { AppendResult, Arrival } from '../port.ts';

/** An arrival and its place in the batch. */
export interface Placed<Kind extends Arrival> {
  readonly index: number;
  readonly arrival: Kind;
}

export type Answer = readonly [index: number, result: AppendResult];
