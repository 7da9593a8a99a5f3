/**
 * Wakes whoever waits for work: at once for what this instance did, by LISTEN and NOTIFY for what others did, and by looking now
 * and then for what no word came of (a crash before NOTIFY, a connection that is silently gone).
 */
import type pg from 'pg';
import type { Clock, Timer } from '../../platform/clock.ts';
import type { Random } from '../../platform/random.ts';
import type { Availability } from './availability.ts';
import type { Database } from './database.ts';
import { describe } from './problem.ts';

/** As in `instance.sql`. */
const CHANNEL = 'territory_sync';
/** Instead of an instance's name: somebody set a switch. */
const SWITCHED = 'switches';
/** Words to the others are at least so far apart; one stands for all that happened meanwhile. */
const TELL_INTERVAL_MS = 20;
/** How often to look although nothing was said; while nobody can be heard, much more often. */
const LOOK_INTERVAL_MS = 10_000;
const DEAF_INTERVAL_MS = 1000;
/** Answers also whether the connection lives. */
const CAN_WRITE = `select not current_setting('transaction_read_only')::boolean as can_write`;

export interface AnnouncementsOptions {
  readonly database: Database;
  readonly availability: Availability;
  readonly clock: Clock;
  readonly random: Random;
  /** Told apart from the others by it: what comes back of one's own words is not news. */
  readonly instance: string;
  /** Housekeeping that goes with each look. Never rejects. */
  readonly onLook: () => Promise<void>;
}

export class Announcements {
  private readonly options: AnnouncementsOptions;
  private readonly listeners = new Set<() => void>();
  private readonly switchListeners = new Set<() => void>();
  private client: pg.Client | undefined;
  private lookTimer: Timer | undefined;
  private tellTimer: Timer | undefined;
  private looking: Promise<void> = Promise.resolve();
  private telling: Promise<void> = Promise.resolve();
  private dropping: Promise<void> = Promise.resolve();
  private isLooking = false;
  private toTell = false;
  private closed = false;

  constructor(options: AnnouncementsOptions) {
    this.options = options;
  }

  /** The listener must not throw. Returns the way to stop. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** As `listen`, for switches: called when one was perhaps set. */
  listenToSwitches(listener: () => void): () => void {
    this.switchListeners.add(listener);
    return () => this.switchListeners.delete(listener);
  }

  /** This instance set a switch. @throws JournalUnavailable: the others see it when they look */
  async tellSwitched(): Promise<void> {
    this.ringSwitched();
    await this.options.database.run('instance/announce', [SWITCHED]);
  }

  /** Listens, and looks from now on; whether that succeeds shows later. */
  start(): void {
    this.look();
  }

  /** This instance made work. */
  tell(): void {
    this.ring();
    this.toTell = true;
    if (!this.tellTimer && !this.closed) this.tellOthers();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.lookTimer?.cancel();
    this.tellTimer?.cancel();
    await this.telling;
    // What was given back last would else wait until the others look by themselves.
    if (this.toTell) this.tellOthers();
    await this.telling;
    await this.looking;
    this.drop();
    await this.dropping;
  }

  private ring(): void {
    for (const listener of this.listeners) listener();
  }

  /** Lanes may be ready by it, too. */
  private ringSwitched(): void {
    for (const listener of this.switchListeners) listener();
    this.ring();
  }

  private tellOthers(): void {
    this.toTell = false;
    const { database, clock, instance } = this.options;
    // Not told: the others look by themselves.
    this.telling = database.run('instance/announce', [instance]).then(
      () => undefined,
      () => undefined,
    );
    if (this.closed) return;
    this.tellTimer = clock.after(TELL_INTERVAL_MS, () => {
      this.tellTimer = undefined;
      if (this.toTell && !this.closed) this.tellOthers();
    });
  }

  private look(): void {
    this.isLooking = true;
    this.looking = this.lookOnce().finally(() => {
      this.isLooking = false;
      this.lookLater(this.client ? LOOK_INTERVAL_MS : DEAF_INTERVAL_MS);
    });
  }

  /** Not all instances at the same moment. */
  private lookLater(intervalMs: number): void {
    this.lookTimer?.cancel();
    if (this.closed) return;
    const delayMs = intervalMs * (0.75 + this.options.random.fraction() / 2);
    this.lookTimer = this.options.clock.after(delayMs, () => this.look());
  }

  /** Never rejects. */
  private async lookOnce(): Promise<void> {
    try {
      if (this.client) await expectWritable(this.client);
      else await this.connect();
      this.options.availability.answered();
    } catch (error) {
      this.options.availability.failed(describe(error));
      this.drop();
    }
    await this.options.onLook();
    if (!this.closed) this.ringSwitched();
  }

  private async connect(): Promise<void> {
    const client = this.options.database.client();
    client.on('error', () => this.lost(client));
    client.on('end', () => this.lost(client));
    client.on('notification', ({ payload }) => {
      if (payload === SWITCHED) this.ringSwitched();
      else if (payload !== this.options.instance) this.ring();
    });
    this.client = client;
    await client.connect();
    await client.query(`listen ${CHANNEL}`);
  }

  /** Soon, not only with the next look: the server is perhaps just restarting. */
  private lost(client: pg.Client): void {
    if (this.client !== client) return;
    this.client = undefined;
    if (!this.isLooking) this.lookLater(DEAF_INTERVAL_MS);
  }

  private drop(): void {
    const client = this.client;
    this.client = undefined;
    if (client) this.dropping = this.options.database.end(client);
  }
}

/**
 * After a failover a connection may stay with the former primary, where nothing happens any more that one could hear of.
 * @throws Error where that is so, or nobody answers
 */
async function expectWritable(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ can_write: boolean }>(CAN_WRITE);
  if (rows[0]?.can_write !== true) throw new Error('the server only reads; another one is looked for');
}
