/** Parts of a run, for tests of what is made of it. */
import { noStats } from '../../sandbox/territory-api/stats.ts';
import type { Stats } from '../../sandbox/territory-api/index.ts';
import type { OutcomeEvent } from '../../system/world.ts';

/** As a client tells it; results of its records as given. */
export function outcomeOf(
  change: string,
  outcome: OutcomeEvent['data']['outcome'],
  assignments: OutcomeEvent['data']['assignments'] = [],
): OutcomeEvent {
  return {
    id: `outcome-of-${change}`,
    type: `cx.territory.sync.${outcome === 'failed' ? 'failed' : 'succeeded'}.v1`,
    causationid: change,
    data: {
      territoryId: 'T',
      outcome,
      change: { id: change, source: '/crm' },
      position: null,
      assignments,
      attempts: 1,
      conflicts: 0,
    },
  };
}

export function statsOf(counts: Partial<Stats>): Stats {
  return { ...noStats(), ...counts };
}
