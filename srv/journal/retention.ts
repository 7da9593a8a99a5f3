/**
 * How long a durable journal keeps what: values of people only as long as they are of use, keys as long as the mesh can deliver
 * something again. An embedded journal keeps nothing beyond its process, and has none of this.
 */

/** Ages in milliseconds: of an ended change since it ended, of a dead letter since it failed. */
export interface RetentionRules {
  /** Values of an ended change and its bytes. Field names stay: a replay of an earlier dead letter needs them. */
  readonly payloadMs: number;
  /** What happened to it, at least `payloadMs`. */
  readonly historyMs: number;
  /** An undecided dead letter with all it has; decisions; messages that the mesh refused for good. */
  readonly deadLetterMs: number;
  /** Source, id and digest since the append, whatever the others say: until then a redelivery is known as one. */
  readonly identityMs: number;
}

/** Dead letters that are gone soon unless somebody decides. */
export interface ExpiringLetters {
  readonly withinDays: number;
  /** Each is told once for each number of days, by whichever instance comes first. */
  readonly ids: readonly string[];
}

/** What one turn did. */
export interface Tidied {
  /** Rows: changes whose values went, changes whose history went, and changes that went wholly. */
  readonly payloads: number;
  readonly histories: number;
  readonly changes: number;
  /** Rows of decisions, unreadable messages and parked messages that went. */
  readonly others: number;
  /** Dead letters that ended undecided. */
  readonly expired: readonly string[];
  readonly expiring: readonly ExpiringLetters[];
}

export interface RetainingJournal {
  /**
   * Forgets what is older than the rules say, in small batches with pauses between them, so that appends and claims never wait.
   * One instance at a time does so, at most once a minute. Ends early, with what it has done, when `signal` is aborted.
   * @returns undefined where it is not this instance's turn
   * @throws JournalUnavailable: what was done stays done
   */
  tidy(rules: RetentionRules, signal: AbortSignal): Promise<Tidied | undefined>;
}
