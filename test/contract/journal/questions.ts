/** What the parts of the journal's suite ask a journal, in few words. */
import type { Arrival, Journal, LaneState } from '../../../srv/journal/port.ts';
import { LEASE_MS } from './samples.ts';

/** What `append` answers. */
export async function kinds(journal: Journal, arrivals: readonly Arrival[]): Promise<string[]> {
  return (await journal.append(arrivals)).map(({ kind }) => kind);
}

/** Claims as much; the territories got. */
export async function territories(journal: Journal, records: number): Promise<string[]> {
  const lanes = await journal.claim({ records, leaseMs: LEASE_MS });
  return lanes.map(({ territoryId }) => territoryId);
}

/** Takes messages; their ids. */
export async function unsent(journal: Journal, limit: number): Promise<string[]> {
  return (await journal.takeUnsent(limit)).map(({ id }) => id);
}

/** The state of the only lane that has anything pending, is held or is paused. */
export async function state(journal: Journal): Promise<LaneState> {
  const { lanes } = await journal.figures();
  const [only, ...others] = Object.entries(lanes).filter(([, count]) => count > 0);
  if (!only || others.length > 0 || only[1] !== 1) throw new Error(`one lane was to be shown`);
  return only[0] as LaneState;
}

/** To the next tenth of a second: a journal with a clock of its own goes on meanwhile. */
export function near(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms / 100) * 100;
}
