/** Every committed write, in commit order: what a checker of order and lost updates reads. It never forgets silently. */
import type { Fields, Operation } from './record.ts';

export interface CommittedWrite {
  /** Position in the one order of all commits, from 1. */
  readonly seq: number;
  /** Wall time, milliseconds since the epoch. */
  readonly at: number;
  readonly recordId: string;
  readonly territoryId: string;
  readonly by: 'client' | 'foreign';
  readonly operation: Operation;
  /** The whole record before; undefined when there was none. */
  readonly before: Fields | undefined;
  /** What the write set; empty for a delete. */
  readonly fields: Fields;
  readonly etagBefore: string | undefined;
  readonly etagAfter: string | undefined;
  /** As sent; undefined for creates and foreign writes. */
  readonly ifMatch: string | undefined;
  readonly idempotencyKey: string | undefined;
  /** The request of the log that carried it; undefined for foreign writes. */
  readonly requestId: string | undefined;
  /** The node that performed it. */
  readonly node: number;
}

/** More was committed than the history may hold: a check of what is left would prove nothing. */
export class HistoryLimitError extends Error {
  readonly code = 'HISTORY_LIMIT';
  constructor(limit: number) {
    super(`more than ${limit} writes were committed, so the history is incomplete: raise historyLimit`);
  }
}

export class WriteHistory {
  readonly #limit: number;
  readonly #writes: CommittedWrite[] = [];
  #seq = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(write: Omit<CommittedWrite, 'seq'>): void {
    this.#seq += 1;
    if (this.#writes.length < this.#limit) this.#writes.push({ seq: this.#seq, ...write });
  }

  /** All of them, oldest first. Throws {@link HistoryLimitError} when some are missing. */
  all(): readonly CommittedWrite[] {
    if (this.#seq > this.#limit) throw new HistoryLimitError(this.#limit);
    return [...this.#writes];
  }
}
