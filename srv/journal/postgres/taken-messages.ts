/**
 * The messages that this instance is publishing. They are its own for one lease only, which is renewed for as long as it has them: what
 * an instance that was killed had taken, others publish as soon as they take over its lanes.
 */
import type { Clock, Timer } from '../../platform/clock.ts';
import type { Run } from './database.ts';

export interface TakenMessagesOptions {
  readonly run: Run;
  readonly clock: Clock;
  readonly leaseMs: number;
}

export class TakenMessages {
  private readonly options: TakenMessagesOptions;
  private readonly ids = new Set<string>();
  private timer: Timer | undefined;
  private closed = false;

  constructor(options: TakenMessagesOptions) {
    this.options = options;
  }

  /** Of those that the database has just handed out for one lease. */
  add(ids: readonly string[]): void {
    if (this.closed) return;
    for (const id of ids) this.ids.add(id);
    if (!this.timer) this.renewLater();
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) this.ids.delete(id);
  }

  /** Nothing is renewed any more; gives what is left. */
  close(): readonly string[] {
    this.closed = true;
    const left = [...this.ids];
    this.ids.clear();
    this.timer?.cancel();
    return left;
  }

  private renewLater(): void {
    const { clock, leaseMs } = this.options;
    const isOver = this.closed || this.ids.size === 0;
    this.timer = isOver ? undefined : clock.after(leaseMs / 3, () => void this.renew());
  }

  /** Never rejects: what is not renewed may be published twice, with the same id. */
  private async renew(): Promise<void> {
    const { run, leaseMs } = this.options;
    if (this.ids.size > 0) await run('outbox/renew', [[...this.ids], leaseMs]).catch(() => undefined);
    this.renewLater();
  }
}
