/**
 * Whose fault a refusal is. A refused record is to blame only once another record's write succeeded after its first
 * refusal; while nothing succeeds at all, a revoked role or a wrong path is as likely, and waiting loses nothing.
 */

/** Refused records remembered at a time; beyond it the longest known one starts anew. */
const REMEMBERED = 10_000;

/** `configuration`: several records are refused and none succeeds: nobody is blamed, a person has to look. */
export type Verdict = 'record' | 'undecided' | 'configuration';

export class Blame {
  private successes = 0;
  /** Record → number of successes when it was last refused. */
  private readonly refused = new Map<string, number>();

  /** How many writes have succeeded so far. */
  get writes(): number {
    return this.successes;
  }

  /** Writes of these records succeeded. */
  succeeded(records: readonly string[]): void {
    this.successes += records.length;
    for (const record of records) this.refused.delete(record);
  }

  /**
   * Judges a record that was refused now.
   * @param record unique name of the record
   * @param rounds how often it has been refused before without a verdict
   * @param limit rounds after which a record that is refused alone is to blame
   * @param seen `writes` when its request was sent: what succeeded meanwhile may have done so only after a repair
   */
  judge(record: string, rounds: number, limit: number, seen = this.successes): Verdict {
    if (this.othersSucceeded(record, rounds, seen)) return this.convict(record);
    // A success while the request was under way may be that of a repair that came too late for it.
    if (rounds < limit || this.successes > seen) return 'undecided';
    return this.isRefusedAlone() ? this.convict(record) : 'configuration';
  }

  /**
   * Another record's write succeeded between the last time that this one was refused and now.
   * @param rounds how often it was refused before; 0: what is known of it concerns an earlier change
   */
  othersSucceeded(record: string, rounds: number, seen = this.successes): boolean {
    const successesThen = rounds === 0 ? undefined : this.refused.get(record);
    this.remember(record);
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

  private remember(record: string): void {
    this.refused.delete(record);
    if (this.refused.size >= REMEMBERED) {
      const oldest = this.refused.keys().next().value;
      if (oldest !== undefined) this.refused.delete(oldest);
    }
    this.refused.set(record, this.successes);
  }
}
