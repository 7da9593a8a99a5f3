/**
 * What all instances use up together at the territory API, and how long it wants to be left alone: in a durable journal, since the
 * API counts by tenant and knows neither instances nor restarts.
 */

/** Requests of one stretch of time. */
export interface SpentRequests {
  readonly requests: number;
  /** Milliseconds until the last of them is a day old. */
  readonly freesInMs: number;
}

export interface QuotaFigures {
  /** Of all instances in the last 24 hours, oldest first. */
  readonly spent: readonly SpentRequests[];
  /** How long no flight may start, since the API has named a wait of hours; 0 where it has not. */
  readonly pausedForMs: number;
}

export interface SharedQuota {
  /**
   * Adds what this instance has sent since its last report, 0 to only ask; answers what all have sent.
   * @throws JournalUnavailable: whether it was added is not known; to report it again counts too much rather than too little
   */
  report(requests: number): Promise<QuotaFigures>;
  /** No instance starts a flight for so long; the longer of two pauses counts. @throws JournalUnavailable */
  pause(forMs: number): Promise<void>;
  /** Ends the pause, for all. @throws JournalUnavailable */
  lift(): Promise<void>;
  /** Calls back when a pause was perhaps set or lifted: soon after it was, and now and then. The listener must not throw. Returns the way to stop. */
  onPaused(listener: () => void): () => void;
}
