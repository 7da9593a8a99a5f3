/** What all instances that share a durable journal counted together: for rates and charts, right to ten seconds. */

/** Counted in some stretch of time. */
export interface Tally {
  readonly received: number;
  readonly applied: number;
  readonly unchanged: number;
  readonly superseded: number;
  readonly failed: number;
  /** Record writes sent, and those of them refused as conflict. */
  readonly writes: number;
  readonly conflicts: number;
}

export interface TalliedMinute extends Tally {
  /** Start of the minute, epoch milliseconds. */
  readonly at: number;
  /** Pending changes as last seen in it; undefined where nobody looked. */
  readonly backlog: number | undefined;
}

export interface TallyReading {
  readonly window: Pick<Tally, 'writes' | 'conflicts'>;
  /** Oldest first; minutes in which nobody counted or looked are absent. */
  readonly minutes: readonly TalliedMinute[];
}

export interface SharedTally {
  /** Adds to the present ten seconds. @param backlog pending changes now, where known */
  add(counts: Tally, backlog: number | undefined): Promise<void>;
  /** @param minutes how many back, the present one included */
  read(minutes: number, windowS: number): Promise<TallyReading>;
  /** Drops what is older than a day and an hour. */
  forget(): Promise<void>;
}
