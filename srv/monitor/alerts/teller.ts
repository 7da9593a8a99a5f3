/**
 * Tells of what is new in the book: to the log at once, to people through their channel until it has taken it. While the channel
 * does not, the book keeps what there is to tell, the newest state of each alert, and it is tried with growing waits.
 */
import {
  isDue,
  type AlertBook,
  type AlertChannel,
  type AlertNotice,
  type AlertRecord,
} from '../../alerts/port.ts';
import type { Clock, Timer } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
import { told } from './record.ts';

/** Records taken at a time, and for how long; an instance that ends meanwhile is replaced after that. */
const TAKE_LIMIT = 20;
const LEASE_MS = 120_000;
const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 60_000;
/** Versions that stand in the log are remembered for so many alerts. */
const REMEMBERED = 1000;

export interface AlertTellerOptions {
  readonly book: AlertBook;
  /** Whatever it answers is the end of it. */
  readonly log: AlertChannel;
  /** To people. */
  readonly channel: AlertChannel;
  readonly notice: (record: AlertRecord) => AlertNotice;
  readonly clock: Clock;
  readonly random: Random;
  readonly lines: Log;
}

export class AlertTeller {
  private readonly options: AlertTellerOptions;
  /** Key → what of it stands in the log. */
  private readonly logged = new Map<string, string>();
  private readonly stopping = new AbortController();
  private telling: Promise<void> | undefined;
  private timer: Timer | undefined;
  private failures = 0;
  private waitUntilMs = -Infinity;

  constructor(options: AlertTellerOptions) {
    this.options = options;
  }

  /** Tells what is due, unless the channel has to be waited for. Never rejects. */
  tell(): Promise<void> {
    this.telling ??= this.tellAll().finally(() => (this.telling = undefined));
    return this.telling;
  }

  /** What cannot be told by then is told by another instance, or after the next start. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.timer?.cancel();
    await this.telling;
  }

  private async tellAll(): Promise<void> {
    const { book, lines } = this.options;
    try {
      await this.logAll();
      while (!this.stopping.signal.aborted && !this.isWaiting) {
        const due = await book.take(TAKE_LIMIT, LEASE_MS);
        if (due.length === 0) return;
        for (const record of due) await this.tellOne(record);
      }
    } catch (error) {
      lines.error('Alerts could not be told; they are kept', { error });
    }
  }

  private get isWaiting(): boolean {
    return this.options.clock.monotonicMs() < this.waitUntilMs;
  }

  /** The log has it when it happens, whether or not the channel can be reached. */
  private async logAll(): Promise<void> {
    const { book, log, notice, clock } = this.options;
    const records = await book.all();
    for (const record of records) {
      if (!isDue(record, clock.now()) || this.logged.get(record.key) === stampOf(record)) continue;
      await log.send(notice(record), this.stopping.signal);
      this.remember(record);
    }
  }

  private async tellOne(record: AlertRecord): Promise<void> {
    const { book, channel, notice, lines } = this.options;
    const { key, version, eventType } = record;
    if (this.isWaiting || this.stopping.signal.aborted) return book.giveBack(key);
    const result = await channel.send(notice(record), this.stopping.signal);
    if (result.kind === 'unavailable') {
      this.wait(result.reason, result.retryAfterMs);
      return book.giveBack(key);
    }
    if (result.kind === 'refused') {
      lines.error(`${channel.name} refuses an alert for good; it stands in this log only`, {
        alert: eventType,
        reason: result.reason,
      });
    } else if (this.failures > 0) {
      lines.info(`${channel.name} takes alerts again`);
      this.failures = 0;
    }
    await book.revise(key, (known, nowMs) => known && told(known, version, nowMs));
    return book.giveBack(key);
  }

  private wait(reason: string, retryAfterMs = 0): void {
    const { clock, random, channel, lines } = this.options;
    if (this.stopping.signal.aborted) return;
    if (this.failures === 0) {
      lines.warn(`${channel.name} takes no alerts; they are kept and told when it does`, { reason });
    }
    const usualMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(this.failures, 20));
    const waitMs = Math.max(retryAfterMs, (usualMs / 2) * (1 + random.fraction()));
    this.failures += 1;
    this.waitUntilMs = clock.monotonicMs() + waitMs;
    this.timer?.cancel();
    this.timer = clock.after(waitMs, () => void this.tell());
  }

  private remember(record: AlertRecord): void {
    this.logged.delete(record.key);
    this.logged.set(record.key, stampOf(record));
    const [oldest] = this.logged.keys();
    if (this.logged.size > REMEMBERED && oldest !== undefined) this.logged.delete(oldest);
  }
}

function stampOf({ raisedAt, version }: AlertRecord): string {
  return `${raisedAt} ${version}`;
}
