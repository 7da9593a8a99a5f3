/** What the checker finds in the run of a world, and what it finds where nothing is wrong. */
import { check, type Findings } from './checker.ts';
import type { PublishedChange } from './published-change.ts';
import type { World } from './world.ts';

/** Judged by the world's own API and the outcomes on its mesh. */
export function findingsOf(world: World, published: readonly PublishedChange[]): Findings {
  return check({
    published,
    outcomes: world.outcomes(),
    history: world.api.history(),
    records: world.api.records(),
  });
}

/** So many changes, each with its outcome and nothing wrong with any. */
export function flawless(changes: number): Findings {
  return {
    published: changes,
    ended: changes,
    failed: 0,
    contradictions: 0,
    lost: 0,
    outOfOrder: 0,
    overwrittenForeign: 0,
    blindWrites: 0,
  };
}
