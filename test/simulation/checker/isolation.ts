/**
 * Nobody keeps a territory waiting that has no trouble of its own: neither while others have some, nor once faults have stopped and what
 * they left has had its time to end.
 */
import type { FaultKind } from '../world/faults.ts';
import { COMPANY, NEIGHBOUR } from '../world/territories.ts';
import type { Expected } from './effects.ts';
import type { Told } from './outcomes.ts';
import type { Verdict } from './violation.ts';

/** Outages, breakers and leases that faults have left are over by then. */
const LEFTOVERS_MS = 300_000;
/** A quota frees later than anything else. */
const QUOTA_MS = 1_500_000;
/** A journal's announcement that got lost is made good within 10 s; the rest is a flight or two. */
const MOST_MS = 20_000;
/**
 * While others have trouble at most one flight of each of them goes before (the longest ready goes first). That one takes a read, and two
 * writes for each of four records where one of them has to be found, at 250 ms each; and it may open the breaker until the next probe.
 */
const FLIGHT_MS = 9 * 250 + 250;
const PROBE_MS = 5000;

export interface IsolationRules {
  /** How often each kind struck. */
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** How many others there are. */
  readonly territories: number;
}

export function checkIsolation(
  expected: readonly Expected[],
  outcomes: ReadonlyMap<string, ReadonlyMap<number, Told>>,
  { faults, territories }: IsolationRules,
  verdict: Verdict,
): void {
  const demandSoon = ({ id, publishedMs }: Expected, mostMs: number): void => {
    const endedMs = Math.min(...[...(outcomes.get(id)?.values() ?? [])].map(({ atMs }) => atMs));
    verdict.demand(
      endedMs - publishedMs <= mostMs,
      'isolation',
      () => `${id} took ${endedMs - publishedMs} ms, although nothing was the matter with its territory`,
    );
  };
  const troubledMs = (territories + 1) * FLIGHT_MS + territories * PROBE_MS;
  for (const change of expected) if (change.territoryId === NEIGHBOUR) demandSoon(change, troubledMs);
  const company = expected.filter(({ territoryId }) => territoryId === COMPANY);
  const [first] = company;
  if (!first) return;
  const calmFromMs = first.publishedMs + (faults.has('quota') ? QUOTA_MS : LEFTOVERS_MS);
  for (const change of company) if (change.publishedMs >= calmFromMs) demandSoon(change, MOST_MS);
}
