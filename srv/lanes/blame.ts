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
  /** HTTP status. */
  readonly status: number;
  /** How often the record has been refused before without a verdict. */
  readonly rounds: number;
  /** Rounds after which a record that is refused alone is to blame. */
  readonly limit: number;
}

export class Blame {
  private successes = 0;
  /** Record → number of successes when it was last refused. */
  private readonly refused = new Map<string, number>();
  /** Record → number of successes when it last failed: a failure is no refusal, and the other way round. */
  private readonly failed = new Map<string, number>();

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
  judge(record: string, { status, rounds, limit }: RefusedAgain, seen = this.successes): Verdict {
    if (this.othersSucceededSince(this.refused, record, rounds, seen)) return this.convict(record);
    // A success while the request was under way may be that of a repair that came too late for it.
    if (rounds < limit || this.successes > seen) return 'undecided';
    return status !== FORBIDDEN && this.isRefusedAlone() ? this.convict(record) : 'configuration';
  }

  /** A record was refused now; it is judged only after it was looked at again. */
  putOff(record: string): void {
    this.remember(this.refused, record);
  }

  /**
   * A record failed now: whether another record's write succeeded since its last failure.
   * @param failures how often it failed before; 0: what is known of it concerns an earlier change
   */
  othersSucceeded(record: string, failures: number, seen = this.successes): boolean {
    return this.othersSucceededSince(this.failed, record, failures, seen);
  }

  private othersSucceededSince(
    known: Map<string, number>,
    record: string,
    times: number,
    seen: number,
  ): boolean {
    const successesThen = times === 0 ? undefined : known.get(record);
    this.remember(known, record);
    return successesThen !== undefined && seen > successesThen;
  }

  /** Only one record was refused since the last success. */
  private isRefusedAlone(): boolean {
    return (
      [...this.refused.values()].filter((successesThen) => successesThen === this.successes).length === 1
    );
  }

  private convict(record: string): Verdict {
    this.refused.delete(record);
    return 'record';
  }

  private remember(known: Map<string, number>, record: string): void {
    known.delete(record);
    if (known.size >= REMEMBERED) {
      const oldest = known.keys().next().value;
      if (oldest !== undefined) known.delete(oldest);
    }
    known.set(record, this.successes);
  }
}
