/** Everything that was started, ended in reverse order: what stands on something ends before it. */

export interface Owned {
  /** Aborted when the end begins. */
  readonly signal: AbortSignal;
  /**
   * Starts something that is ended at the end, even when the end comes while it is still starting.
   * @throws {EndedError} without starting it, once the end has begun
   */
  own<Started>(start: () => Promise<Started>, end: (started: Started) => Promise<unknown>): Promise<Started>;
  /** Ends everything, even where ending one thing fails, and rejects with the first failure. Again: does nothing. */
  end(): Promise<void>;
}

/** Nothing is started any more. */
export class EndedError extends Error {
  readonly code = 'ENDED';
  constructor() {
    super('The demo is ending and starts nothing any more');
  }
}

export function createOwned(): Owned {
  const ends: (() => Promise<unknown>)[] = [];
  const ending = new AbortController();
  return {
    signal: ending.signal,
    async own(start, end) {
      if (ending.signal.aborted) throw new EndedError();
      const starting = start();
      // What did not start is not there to be ended; whoever started it hears why.
      ends.push(() => starting.then(end, () => undefined));
      return starting;
    },
    async end() {
      ending.abort(new EndedError());
      const failures: unknown[] = [];
      for (let end = ends.pop(); end; end = ends.pop()) {
        await end().catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
