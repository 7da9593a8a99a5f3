/**
 * The journal in PostgreSQL: what is appended survives everything, and any number of instances share the lanes. Each method is
 * one statement or one transaction; why these are shaped as they are is written in the `.sql` files. Here stand the life of the
 * journal and the appends; what flights, publishers and operators do stands in files of their own.
 */
import { sleep } from '../../platform/clock.ts';
import {
  JournalUnavailable,
  type AppendResult,
  type Arrival,
  type ChangeTrail,
  type ClaimedLane,
  type ClaimRequest,
  type Discard,
  type Journal,
  type JournalFigures,
  type KnownDeadLetter,
  type LaneClaim,
  type LaneCompletion,
  type LaneDetail,
  type LaneIntents,
  type LaneQuery,
  type LaneView,
  type LetterBook,
  type OperatedJournal,
  type OutboxMessage,
  type RetainingJournal,
  type RetentionRules,
  type Tidied,
  type SharedQuota,
  type SharedSwitches,
} from '../port.ts';
import { PostgresAlertBook } from './alert-book.ts';
import { Announcements } from './announcements.ts';
import { appendBatch } from './append.ts';
import { Availability, type AvailabilityCheck } from './availability.ts';
import { Database } from './database.ts';
import { Flights } from './flights.ts';
import { PostgresLetterBook } from './letter-book.ts';
import { migrate } from './migrate.ts';
import { OperatedLanes } from './operated.ts';
import { Outbox } from './outbox.ts';
import type { PostgresJournalOptions } from './options.ts';
import { patiently, type Patiently } from './patience.ts';
import { PostgresQuota } from './quota.ts';
import { tidyOnce } from './retention.ts';
import { readEndpoint } from './settings.ts';
import { PostgresSwitches } from './switches.ts';
import { PostgresTally } from './tally.ts';
import { figuresOf } from './views.ts';

/** For flights, intake, outbox and operators at the same time; small plans allow some 100 connections for all instances. */
const POOL_SIZE = 10;
const STATEMENT_TIMEOUT_MS = 10_000;

/** How long a call waits for the database to come back. A failed append makes the mesh deliver everything again. */
const PATIENCE_MS = 15_000;
const RETRY_START_MS = 1000;

/** By default. */
const LEASE_MS = 60_000;
/** How often lanes without anything to remember are looked for. */
const FORGET_INTERVAL_MS = 60_000;

export class PostgresJournal implements Journal, OperatedJournal, RetainingJournal {
  readonly durability = 'journal';
  readonly letters: LetterBook;
  readonly switches: SharedSwitches;
  readonly alerts: PostgresAlertBook;
  readonly quota: SharedQuota;
  readonly tally: PostgresTally;
  private readonly options: PostgresJournalOptions;
  private readonly availability: Availability;
  private readonly database: Database;
  private readonly announcements: Announcements;
  private readonly patiently: Patiently;
  private readonly flights: Flights;
  private readonly outbox: Outbox;
  private readonly operated: OperatedJournal;
  private readonly closing = new AbortController();
  private forgetAtMs = 0;
  private knownId: string | undefined;

  constructor(options: PostgresJournalOptions) {
    const { binding, clock, random, log, instance } = options;
    this.options = options;
    this.availability = new Availability(clock, log);
    this.database = new Database({
      endpoint: readEndpoint(binding.name, binding.credentials),
      clock,
      availability: this.availability,
      poolSize: options.poolSize ?? POOL_SIZE,
      statementTimeoutMs: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
      applicationName: `territory-sync ${instance}`.slice(0, 63),
    });
    const onLook = async (): Promise<void> => {
      await this.beSeen();
      await this.forgetIdleLanes();
    };
    const { database, availability } = this;
    this.announcements = new Announcements({ database, availability, clock, random, instance, onLook });
    const { signal: closing } = this.closing;
    this.patiently = (action) => patiently({ clock, random, signal: closing }, PATIENCE_MS, action);
    const parts = {
      ...options,
      database,
      announcements: this.announcements,
      patiently: this.patiently,
      closing,
    };
    this.flights = new Flights({ ...parts, concurrency: options.concurrency });
    this.outbox = new Outbox({ ...parts, leaseMs: options.leaseMs ?? LEASE_MS });
    this.operated = new OperatedLanes(database, this.announcements);
    this.letters = new PostgresLetterBook(database);
    this.tally = new PostgresTally(database);
    this.switches = new PostgresSwitches(database, this.announcements);
    this.alerts = new PostgresAlertBook(database, () => this.knownId !== undefined);
    this.quota = new PostgresQuota(database, this.announcements);
  }

  /**
   * Migrates the tables and begins to listen. Waits for a database that does not answer; ends early when closed.
   * @throws PostgresSettingsError where waiting would not help
   */
  async start(): Promise<void> {
    const { clock, concurrency, log } = this.options;
    while (!this.closing.signal.aborted) {
      try {
        await migrate(this.database, log);
        if (concurrency !== undefined) await this.database.run('instance/make-slots', [concurrency]);
        const [row] = await this.database.run('instance/journal-id');
        this.knownId = row?.['id'] as string;
        await this.database.run('instance/seen', [this.options.instance]);
        return this.announcements.start();
      } catch (error) {
        if (!(error instanceof JournalUnavailable)) throw error;
        this.availability.failed(error.message);
        await sleep(clock, RETRY_START_MS, this.closing.signal);
      }
    }
  }

  /** Gives back what this instance still has, and ends all connections. */
  async close(): Promise<void> {
    if (this.closing.signal.aborted) return;
    this.closing.abort();
    try {
      await this.leave();
    } catch (error) {
      this.options.log.warn(
        'What this instance had could not be given back; it is free when the leases end',
        { error },
      );
    }
    await this.announcements.close();
    await this.database.close();
  }

  /** The same for all instances on the database, and after a restart; undefined until it was started. */
  get id(): string | undefined {
    return this.knownId;
  }

  /** For readiness: as the last call found it. */
  check(): AvailabilityCheck {
    return this.availability.check();
  }

  async append(arrivals: readonly Arrival[]): Promise<readonly AppendResult[]> {
    if (arrivals.length === 0) return [];
    const results = await this.patiently(() => appendBatch(this.database, arrivals));
    this.announcements.tell();
    return results;
  }

  claim(request: ClaimRequest): Promise<readonly ClaimedLane[]> {
    return this.flights.claim(request);
  }

  renew(claims: readonly LaneClaim[], leaseMs: number): Promise<ReadonlySet<string>> {
    return this.flights.renew(claims, leaseMs);
  }

  storeIntents(lanes: readonly LaneIntents[]): Promise<ReadonlySet<string>> {
    return this.flights.storeIntents(lanes);
  }

  complete(lanes: readonly LaneCompletion[]): Promise<ReadonlySet<string>> {
    return this.flights.complete(lanes);
  }

  nextDueMs(): Promise<number | undefined> {
    return this.flights.nextDueMs();
  }

  takeUnsent(...asked: Parameters<Journal['takeUnsent']>): Promise<readonly OutboxMessage[]> {
    return this.outbox.takeUnsent(...asked);
  }

  markSent(ids: readonly string[]): Promise<void> {
    return this.outbox.markSent(ids);
  }

  giveBack(ids: readonly string[]): Promise<void> {
    return this.outbox.giveBack(ids);
  }

  park(ids: readonly string[]): Promise<void> {
    return this.outbox.park(ids);
  }

  async receiverLost(): Promise<void> {
    return undefined;
  }

  onWork(listener: () => void): () => void {
    return this.announcements.listen(listener);
  }

  onReleased(): () => void {
    return () => undefined;
  }

  async figures(): Promise<JournalFigures> {
    const [row = {}] = await this.database.run('figures/figures');
    return figuresOf(row);
  }

  lanes(query: LaneQuery): Promise<readonly LaneView[]> {
    return this.operated.lanes(query);
  }

  lane(territoryId: string): Promise<LaneDetail | undefined> {
    return this.operated.lane(territoryId);
  }

  pauseLane(territoryId: string): Promise<void> {
    return this.operated.pauseLane(territoryId);
  }

  resumeLane(territoryId: string): Promise<boolean> {
    return this.operated.resumeLane(territoryId);
  }

  trails(id: string, source?: string): Promise<readonly ChangeTrail[]> {
    return this.operated.trails(id, source);
  }

  deadLetter(deadLetterId: string): Promise<KnownDeadLetter | undefined> {
    return this.operated.deadLetter(deadLetterId);
  }

  discard(order: Discard): Promise<'accepted' | 'decided'> {
    return this.operated.discard(order);
  }

  async tidy(rules: RetentionRules, signal: AbortSignal): Promise<Tidied | undefined> {
    const { clock } = this.options;
    return tidyOnce(this.database.run, rules, {
      pause: (ms) => sleep(clock, ms, signal),
      monotonicMs: () => clock.monotonicMs(),
      signal,
    });
  }

  private async leave(): Promise<void> {
    const untold = this.outbox.close();
    await this.flights.leave();
    if (untold.length > 0) await this.database.run('outbox/give-back', [untold]);
    await this.database.run('instance/gone', [this.options.instance]);
    this.announcements.tell();
  }

  /** Never rejects: those who are not seen are only not counted. */
  private async beSeen(): Promise<void> {
    if (this.closing.signal.aborted) return;
    await this.database.run('instance/seen', [this.options.instance]).catch(() => undefined);
  }

  /** Never rejects: it is only tidying. */
  private async forgetIdleLanes(): Promise<void> {
    const nowMs = this.options.clock.monotonicMs();
    if (nowMs < this.forgetAtMs) return;
    this.forgetAtMs = nowMs + FORGET_INTERVAL_MS;
    await this.database.run('due/forget-lanes').catch(() => undefined);
  }
}
