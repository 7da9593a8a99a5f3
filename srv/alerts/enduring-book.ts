/**
 * The shared book as long as its store answers, and memory for what happens while it does not: the loss of the store is itself an
 * alert. What was raised in memory stays there until it has recovered and was told, so that its recovery is told too. Instances
 * that raise the same alert meanwhile do so each for itself; its `sourceEventId` makes one of them where they arrive.
 */
import { JournalUnavailable } from '../journal/port.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { MemoryAlertBook } from './memory-book.ts';
import type { AlertBook, AlertRecord, ReviseAlert } from './port.ts';

/** A store that has failed is left alone for so long: where it does not answer, each call would wait for its time limit. */
const LEFT_ALONE_MS = 5000;

export interface EnduringAlertBookOptions {
  readonly shared: AlertBook;
  readonly memory: MemoryAlertBook;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Log;
}

export class EnduringAlertBook implements AlertBook {
  private readonly options: EnduringAlertBookOptions;
  private readonly shared: AlertBook;
  private readonly memory: MemoryAlertBook;
  private askAgainAtMs = -Infinity;

  constructor(options: EnduringAlertBookOptions) {
    this.options = options;
    this.shared = options.shared;
    this.memory = options.memory;
  }

  async all(): Promise<readonly AlertRecord[]> {
    const own = await this.memory.all();
    const shared = await this.attempt(() => this.shared.all());
    return [...own, ...(shared ?? []).filter(({ key }) => !this.memory.has(key))];
  }

  async revise(key: string, next: ReviseAlert): Promise<AlertRecord | undefined> {
    if (this.memory.has(key)) return this.memory.revise(key, next);
    const revised = await this.attempt(async () => ({ record: await this.shared.revise(key, next) }));
    return revised ? revised.record : this.memory.revise(key, next);
  }

  async take(limit: number, leaseMs: number): Promise<readonly AlertRecord[]> {
    const own = await this.memory.take(limit, leaseMs);
    const shared = await this.attempt(() => this.shared.take(limit, leaseMs));
    return [...own, ...(shared ?? []).filter(({ key }) => !this.memory.has(key))];
  }

  async giveBack(key: string): Promise<void> {
    if (this.memory.has(key)) await this.memory.giveBack(key);
    // Not given back: it is free when its lease ends.
    else await this.attempt(() => this.shared.giveBack(key));
  }

  /** Undefined where the store fails: that it does is soon an alert itself. */
  private async attempt<Result>(call: () => Promise<Result>): Promise<Result | undefined> {
    const { clock, log } = this.options;
    if (clock.monotonicMs() < this.askAgainAtMs) return undefined;
    try {
      return await call();
    } catch (error) {
      this.askAgainAtMs = clock.monotonicMs() + LEFT_ALONE_MS;
      if (!(error instanceof JournalUnavailable)) {
        log.warn('The book of alerts cannot be used; alerts are kept in memory', { error });
      }
      return undefined;
    }
  }
}
