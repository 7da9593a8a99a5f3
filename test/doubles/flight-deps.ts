/** What a flight is made with where a test has nothing special in mind: the settings as they are by default, and no chance. */
import { Blame } from '../../srv/lanes/blame.ts';
import { BulkReads } from '../../srv/lanes/bulk-read.ts';
import type { FlightDeps, FlightRules } from '../../srv/lanes/flight.ts';
import { PropagationEstimate } from '../../srv/lanes/propagation-estimate.ts';
import { Suspects } from '../../srv/lanes/suspects.ts';
import { silent } from './silent-log.ts';

type Outside = Pick<FlightDeps, 'api' | 'journal' | 'clock' | 'endChange'>;

export interface FlightSetup extends Outside, Partial<Pick<FlightDeps, 'random' | 'propagation'>> {
  /** What is not given is as by default. */
  readonly rules: Pick<FlightRules, 'propagation'> & Partial<FlightRules>;
  /** How many requests one flight may have under way; absent: as the flight's parts have it by themselves. */
  readonly flights?: number;
}

export function flightDeps({ rules, flights, ...given }: FlightSetup): FlightDeps {
  return {
    random: { fraction: () => 0, uuid: () => '' },
    log: silent,
    blame: new Blame(),
    suspects: new Suspects(flights),
    reads: new BulkReads(flights),
    propagation: new PropagationEstimate(rules.propagation),
    ...given,
    rules: {
      retry: { limit: 5, firstDelayMs: 2000, maxDelayMs: 32_000 },
      onOverlap: 'source-wins',
      ownEtags: 'trusted',
      doubtLastsMs: 120_000,
      ...rules,
    },
  };
}
