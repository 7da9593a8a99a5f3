/**
 * Has the journal forget by age, now and then: each instance asks, the journal lets one of them do it. Tells what went, and
 * which dead letters are about to.
 */
import {
  JournalUnavailable,
  type RetainingJournal,
  type RetentionRules,
  type Tidied,
} from '../journal/port.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Random } from '../platform/random.ts';
import { named, tellExpiring, type ExpiryListeners } from './dead-letter-expiry.ts';

/** How often to ask for the turn, half of it more or less: not all instances at the same moment. */
const ASK_MS = 60_000;

export interface RetentionKeeperOptions extends ExpiryListeners {
  readonly journal: RetainingJournal;
  readonly rules: RetentionRules;
  readonly clock: Clock;
  readonly random: Random;
}

export class RetentionKeeper {
  private readonly options: RetentionKeeperOptions;
  private readonly stopping = new AbortController();
  private timer: Timer | undefined;
  private tidying: Promise<void> = Promise.resolve();

  constructor(options: RetentionKeeperOptions) {
    this.options = options;
  }

  start(): void {
    const { clock, random } = this.options;
    if (this.stopping.signal.aborted) return;
    this.timer = clock.after(ASK_MS * (0.75 + random.fraction() / 2), () => {
      this.tidying = this.tidy().finally(() => this.start());
    });
  }

  /** Ends after the batch under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.timer?.cancel();
    await this.tidying;
  }

  /** Never rejects. */
  private async tidy(): Promise<void> {
    const { journal, rules, log } = this.options;
    try {
      const tidied = await journal.tidy(rules, this.stopping.signal);
      if (tidied) this.tell(tidied);
    } catch (error) {
      // An outage stands in the log already; the next turn goes on where this one ended.
      if (!(error instanceof JournalUnavailable)) log.error('Old changes could not be forgotten', { error });
    }
  }

  private tell({ expired, expiring, ...counts }: Tidied): void {
    const { log } = this.options;
    for (const { withinDays, ids } of expiring) {
      const when = withinDays === 1 ? 'a day' : `${withinDays} days`;
      tellExpiring(this.options, ids, `within ${when}`);
    }
    if (expired.length > 0) log.warn('Dead letters have expired undecided', named(expired));
    if (Object.values(counts).some((count) => count > 0)) log.info('Old changes were forgotten', counts);
  }
}
