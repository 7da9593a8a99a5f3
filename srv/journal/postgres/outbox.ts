/** The messages that this instance publishes: taken under a lease, and given back where it could not. */
import type { Clock } from '../../platform/clock.ts';
import type { Journal, OutboxMessage } from '../port.ts';
import type { Announcements } from './announcements.ts';
import type { Database } from './database.ts';
import { messageOf } from './outbox-rows.ts';
import type { Patiently } from './patience.ts';
import { TakenMessages } from './taken-messages.ts';

export interface OutboxOptions {
  readonly database: Database;
  readonly announcements: Announcements;
  readonly patiently: Patiently;
  readonly clock: Clock;
  /** A publisher that has not renewed by then is taken to be gone. */
  readonly leaseMs: number;
  readonly closing: AbortSignal;
}

export class Outbox {
  private readonly options: OutboxOptions;
  private readonly taken: TakenMessages;

  constructor(options: OutboxOptions) {
    const { database, clock, leaseMs } = options;
    this.options = options;
    this.taken = new TakenMessages({ run: database.run, clock, leaseMs });
  }

  async takeUnsent(...[limit, kinds]: Parameters<Journal['takeUnsent']>): Promise<readonly OutboxMessage[]> {
    const { database, leaseMs, closing } = this.options;
    if (closing.aborted) return [];
    const messages = (await database.run('outbox/take', [limit, leaseMs, kinds ?? null])).map(messageOf);
    this.taken.add(messages.map(({ id }) => id));
    return messages;
  }

  markSent(ids: readonly string[]): Promise<void> {
    return this.letGo('outbox/sent', ids);
  }

  async giveBack(ids: readonly string[]): Promise<void> {
    await this.letGo('outbox/give-back', ids);
    this.options.announcements.tell();
  }

  /** What the mesh refuses for good: kept for a person, handed out no more. */
  park(ids: readonly string[]): Promise<void> {
    return this.letGo('outbox/park', ids);
  }

  /** Renews nothing any more; answers what has not been sent, to be given back. */
  close(): readonly string[] {
    return this.taken.close();
  }

  /** Whatever comes of it, the lease is not renewed any more: where it fails for long, the message is handed out again when that ends. */
  private async letGo(
    statement: 'outbox/sent' | 'outbox/give-back' | 'outbox/park',
    ids: readonly string[],
  ): Promise<void> {
    const { database, patiently } = this.options;
    try {
      await patiently(() => database.run(statement, [ids]));
    } finally {
      this.taken.remove(ids);
    }
  }
}
