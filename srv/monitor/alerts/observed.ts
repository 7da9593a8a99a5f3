/** What alerts are judged by: the state of every part at one moment, as the parts tell it. Undefined: not known, or not there. */
import type { MeshStatus } from '../../mesh/port.ts';
import type { AvailabilityCheck } from '../../platform/availability.ts';
import type { ApiTrouble } from '../../territory-api/port.ts';
import type { ConflictFigures } from '../conflict-rate.ts';
import type { Minute } from '../minute-series.ts';

export interface Observed {
  readonly conflicts: ConflictFigures;
  readonly api: {
    readonly state: 'closed' | 'probing' | 'open' | 'quota';
    /** Why it is not closed. */
    readonly trouble: ApiTrouble | undefined;
    /** Why nothing is written, whether or not reads are answered. */
    readonly refusesWrites?: ApiTrouble | undefined;
  };
  readonly budget: { readonly limit: number | undefined; readonly used: number };
  readonly mesh: MeshStatus;
  readonly lock: AvailabilityCheck | undefined;
  readonly journal: AvailabilityCheck | undefined;
  readonly queue: AvailabilityCheck | undefined;
  readonly backlog: {
    /** Newest last; the newest is still filling. */
    readonly minutes: readonly Minute[];
    /** How long the oldest pending change waits; undefined where none does, or nobody has looked. */
    readonly oldestAgeMs: number | undefined;
  };
  /** Dead letters that are open. */
  readonly deadLetters: number | undefined;
  /** Territories that are held, at most a hundred of them by name. */
  readonly held: { readonly count: number; readonly territories: readonly string[] } | undefined;
  /** What has happened since the observation before. */
  readonly happened: Readonly<Record<Incident, Happened>>;
}

/** What happens rather than lasts. */
export type Incident = 'DeadLetter' | 'DeadLetterExpiring' | 'OutcomeRefused';

export interface Happened {
  readonly times: number;
  /** Of the latest, one line without payload. */
  readonly detail: string;
}

export const NOTHING_HAPPENED: Observed['happened'] = {
  DeadLetter: { times: 0, detail: '' },
  DeadLetterExpiring: { times: 0, detail: '' },
  OutcomeRefused: { times: 0, detail: '' },
};
