/**
 * Looks the destination up when the program starts: one that is missing or cannot be used is then told at once, by log, readiness and
 * alert, instead of when the first change is to be written. The API itself is not asked: it has limits, and its outage is its own matter.
 */
import type { Breaker } from '../lanes/breaker.ts';
import type { Log } from '../platform/log.ts';
import type { ApiTrouble } from '../territory-api/port.ts';

export interface DestinationLookUp {
  /** Trouble of reason `destination` or `timeout`; undefined when the destination can be used. Ends early when `signal` aborts. */
  lookUp(signal: AbortSignal): Promise<ApiTrouble | undefined>;
}

export interface DestinationAtStartParts {
  /** Absent: there is no destination to look up. */
  readonly destination: DestinationLookUp | undefined;
  readonly breaker: Pick<Breaker, 'foresee'>;
  readonly log: Pick<Log, 'error'>;
}

export class DestinationAtStart {
  private readonly parts: DestinationAtStartParts;
  private readonly stopping = new AbortController();

  constructor(parts: DestinationAtStartParts) {
    this.parts = parts;
  }

  /** Never rejects; the breaker hears of trouble, and probes from then on. */
  async start(): Promise<void> {
    const { destination, breaker, log } = this.parts;
    try {
      const trouble = await destination?.lookUp(this.stopping.signal);
      if (trouble && !this.stopping.signal.aborted) breaker.foresee(trouble);
    } catch (error) {
      log.error(
        'The destination could not be looked up at the start: the first change to be written shows whether it can be used',
        {
          error,
        },
      );
    }
  }

  stop(): void {
    this.stopping.abort();
  }
}
