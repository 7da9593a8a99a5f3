/**
 * Whose fault a refusal is. A refused record is to blame only once another record's write succeeded after its first
 * refusal; while nothing succeeds at all, a revoked role or a wrong path is as likely, and waiting loses nothing. One that is
 * refused alone for long is to blame too, since its content is then the likelier cause; but not where the answer speaks of rights
 * (403): those are taken away from one record as from a thousand, and only a write that succeeds shows that they are there.
 */

/** Refused records remembered at a time, and failed ones; beyond it the longest known one starts anew. */
const REMEMBERED = 10_000;

const FORBIDDEN = 403;

/** `configuration`: nothing is written and no content explains it: nobody is blamed, a person has to look. */
export type Verdict = 'record' | 'undecided' | 'configuration';

/** A refusal of a record, and those before it. */
export interface RefusedAgain {
  /** Position of the change, the first one where several were merged. */
  readonly position?: number | undefined;
  /** HTTP status. */
  readonly status: number;
  /** How often the record has been refused before without a verdict. */
  readonly rounds: number;
  /** Rounds after which a record that is refused alone is to blame. */
  readonly limit: number;
}

interface About {
  readonly record: string;
  readonly position: number | undefined;
}

/**
 * What this instance saw last of a record. Of which change is part of it: rounds are counted over all instances, and what was seen here
 * may concern an earlier change of the record, since when others succeeded.
 */
interface Seen {
  readonly position: number | undefined;
  readonly successes: number;
}

export class Blame {
  private successes = 0;
  /** Record → number of successes when it was last refused. */
  private readonly refused = new Map<string, Seen>();
  /** Record → number of successes when it last failed: a failure is no refusal, and the other way round. */
  private readonly failed = new Map<string, Seen>();

  /** How many writes have succeeded so far. */
  get writes(): number {
    return this.successes;
  }

  /** Writes of these records succeeded. */
  succeeded(records: readonly string[]): void {
    this.successes += records.length;
    for (const known of [this.refused, this.failed]) for (const record of records) known.delete(record);
  }

  /**
   * Judges a record that was refused now.
   * @param record unique name of the record
   * @param seen `writes` when its request was sent: what succeeded meanwhile may have done so only after a repair
   */
  judge(record: string, { status, rounds, limit, position }: RefusedAgain, seen = this.successes): Verdict {
    if (this.othersSucceededSince(this.refused, { record, position }, rounds, seen))
      return this.convict(record);
    // A success while the request was under way may be that of a repair that came too late for it.
    if (rounds < limit || this.successes > seen) return 'undecided';
    return status !== FORBIDDEN && this.isRefusedAlone() ? this.convict(record) : 'configuration';
  }

  /** A record was refused now; it is judged only after it was looked at again. */
  putOff(record: string, position?: number): void {
    this.remember(this.refused, { record, position });
  }

  /**
   * A record failed now: whether another record's write succeeded since its last failure.
   * @param failures how often it failed before; 0: what is known of it concerns an earlier change
   */
  othersSucceeded(record: string, failures: number, seen = this.successes): boolean {
    return this.othersSucceededSince(this.failed, { record, position: undefined }, failures, seen);
  }

  private othersSucceededSince(known: Map<string, Seen>, about: About, times: number, seen: number): boolean {
    const before = times === 0 ? undefined : known.get(about.record);
    this.remember(known, about);
    return before !== undefined && before.position === about.position && seen > before.successes;
  }

  /** Only one record was refused since the last success. */
  private isRefusedAlone(): boolean {
    return [...this.refused.values()].filter(({ successes }) => successes === this.successes).length === 1;
  }

  private convict(record: string): Verdict {
    this.refused.delete(record);
    return 'record';
  }

  private remember(known: Map<string, Seen>, { record, position }: About): void {
    known.delete(record);
    if (known.size >= REMEMBERED) {
      const oldest = known.keys().next().value;
      if (oldest !== undefined) known.delete(oldest);
    }
    known.set(record, { position, successes: this.successes });
  }
}
