/**
 * A territory of its own is kept waiting by nobody: once faults have stopped and what they left has had its time to end, its changes end
 * at once, whatever the other territories wait for.
 */
import type { Expected } from './effects.ts';
import type { Told } from './outcomes.ts';
import type { Verdict } from './violation.ts';

/** Outages, breakers and leases that faults have left are over by then. */
const LEFTOVERS_MS = 300_000;
/** A quota frees later than anything else. */
const QUOTA_MS = 1_500_000;
/** A journal's announcement that got lost is made good within 10 s; the rest is a flight or two. */
const MOST_MS = 20_000;

/** @param company changes of that territory, published one after the other since faults have stopped */
export function checkIsolation(
  company: readonly Expected[],
  outcomes: ReadonlyMap<string, ReadonlyMap<number, Told>>,
  quota: 'was exhausted' | 'never exhausted',
  verdict: Verdict,
): void {
  const [first] = company;
  if (!first) return;
  const calmFromMs = first.publishedMs + (quota === 'was exhausted' ? QUOTA_MS : LEFTOVERS_MS);
  for (const { id, publishedMs } of company) {
    if (publishedMs < calmFromMs) continue;
    const endedMs = Math.min(...[...(outcomes.get(id)?.values() ?? [])].map(({ atMs }) => atMs));
    verdict.demand(
      endedMs - publishedMs <= MOST_MS,
      'isolation',
      () => `${id} took ${endedMs - publishedMs} ms, although nothing was the matter with its territory`,
    );
  }
}
