/**
 * The journal in PostgreSQL: what is appended survives everything, and any number of instances share the lanes. Each method is
 * one statement or one transaction; why these are shaped as they are is written in the `.sql` files.
 */
import type { AssignmentResult } from '../../events/outcome.ts';
import { sleep, type Clock } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import type { Random } from '../../platform/random.ts';
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
  type SharedSwitches,
} from '../port.ts';
import { PostgresAlertBook } from './alert-book.ts';
import { Announcements } from './announcements.ts';
import { appendBatch } from './append.ts';
import { Availability, type AvailabilityCheck } from './availability.ts';
import { readClaimed } from './claimed-lanes.ts';
import { Claims } from './claims.ts';
import { completeLanes } from './complete.ts';
import { Database, type Row } from './database.ts';
import { recordDiscard } from './decide.ts';
import { FORMAT } from './format.ts';
import { PostgresLetterBook } from './letter-book.ts';
import { intentsText, memoryOf } from './memory-rows.ts';
import { migrate } from './migrate.ts';
import { messageOf } from './outbox-rows.ts';
import { patiently } from './patience.ts';
import { tidyOnce } from './retention.ts';
import { readEndpoint, type Credentials } from './settings.ts';
import { PostgresSwitches } from './switches.ts';
import { TakenMessages } from './taken-messages.ts';
import { laneDetailOf, laneViewOf, trailOf, unreadableTrailOf } from './views.ts';

export interface PostgresJournalOptions {
  /** The bound service. */
  readonly binding: { readonly name: string; readonly credentials: Credentials };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Names this instance among all that use the database; another one at each start. */
  readonly instance: string;
  /** Flights at a time over all instances; absent: no limit of the journal's. */
  readonly concurrency?: number;
  /** A publisher that has not renewed by then is taken to be gone. (The leases of lanes come with each claim.) */
  readonly leaseMs?: number;
  /** Connections at most; one more listens. */
  readonly poolSize?: number;
  /** Longest that the database works on one statement. */
  readonly statementTimeoutMs?: number;
}

/** For flights, intake, outbox and operators at the same time; small plans allow some 100 connections for all instances. */
const POOL_SIZE = 10;
const STATEMENT_TIMEOUT_MS = 10_000;

/** How long a call waits for the database to come back. A failed append makes the mesh deliver everything again. */
const PATIENCE_MS = 15_000;
const RETRY_START_MS = 1000;

/** Changes of one lane that a claim hands out, per record of the flight and at least: several change the same record. */
const CHANGES_PER_RECORD = 4;
const CHANGES_PER_LANE = 200;
/** Lanes that a claim looks at for those that fit, beyond the records wanted. */
const MORE_LANES = 20;

/** By default. */
const LEASE_MS = 60_000;
/** Changes of one lane that are shown. */
const SHOWN_CHANGES = 200;
/** How often lanes without anything to remember are looked for. */
const FORGET_INTERVAL_MS = 60_000;

export class PostgresJournal implements Journal, OperatedJournal, RetainingJournal {
  readonly durability = 'journal';
  readonly letters: LetterBook;
  readonly switches: SharedSwitches;
  readonly alerts: PostgresAlertBook;
  private readonly options: PostgresJournalOptions;
  private readonly availability: Availability;
  private readonly database: Database;
  private readonly announcements: Announcements;
  private readonly claims = new Claims();
  private readonly taken: TakenMessages;
  private readonly leaseMs: number;
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
    this.leaseMs = options.leaseMs ?? LEASE_MS;
    this.taken = new TakenMessages({ run: database.run, clock, leaseMs: this.leaseMs });
    this.announcements = new Announcements({ database, availability, clock, random, instance, onLook });
    this.letters = new PostgresLetterBook(database);
    this.switches = new PostgresSwitches(database, this.announcements);
    this.alerts = new PostgresAlertBook(database, () => this.knownId !== undefined);
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

  async claim({ records, leaseMs }: ClaimRequest): Promise<readonly ClaimedLane[]> {
    const { instance, concurrency, random } = this.options;
    if (this.closing.signal.aborted) return [];
    const flight = random.uuid();
    const perLane = Math.max(CHANGES_PER_LANE, CHANGES_PER_RECORD * records);
    const lanes = await this.database.run('claim/claim', [
      records,
      leaseMs,
      instance,
      FORMAT,
      perLane,
      records + MORE_LANES,
      concurrency ?? null,
      flight,
    ]);
    if (lanes.length === 0) return [];
    const claimed = lanes.map((row) => ({
      territoryId: row['territory_id'] as string,
      fence: Number(row['fence']),
      memory: memoryOf(row['memory'], row['intents'] as Readonly<Record<string, string>>),
    }));
    this.claims.add(flight, claimed);
    // With patience: the lanes are ours already, and nobody else's before the lease ends.
    return this.patiently(() => readClaimed(this.database.run, claimed, perLane));
  }

  async renew(claims: readonly LaneClaim[], leaseMs: number): Promise<ReadonlySet<string>> {
    const rows = await this.database.run('renew/renew', [...claimColumns(claims), leaseMs]);
    const held = territoriesOf(rows);
    const flights = this.claims.flightsOf(claims.filter(({ territoryId }) => held.has(territoryId)));
    if (flights.length > 0 && this.options.concurrency !== undefined) {
      await this.database.run('renew/renew-slots', [flights, leaseMs]);
    }
    return held;
  }

  async storeIntents(lanes: readonly LaneIntents[]): Promise<ReadonlySet<string>> {
    const values = [...claimColumns(lanes), lanes.map(({ intents }) => intentsText(intents))];
    return territoriesOf(
      await this.patiently(() => this.database.run('store-intents/store-intents', values)),
    );
  }

  async complete(lanes: readonly LaneCompletion[]): Promise<ReadonlySet<string>> {
    const flights = this.claims.flightsOnlyOf(lanes);
    const accepted = await this.patiently(() =>
      completeLanes(this.database, lanes, flights, this.options.clock.now()),
    );
    this.claims.remove(lanes);
    this.announcements.tell();
    return accepted;
  }

  async nextDueMs(): Promise<number | undefined> {
    const [row] = await this.database.run('due/next-due', [FORMAT, this.options.concurrency ?? null]);
    return row && (row['due_ms'] as number);
  }

  async takeUnsent(limit: number): Promise<readonly OutboxMessage[]> {
    if (this.closing.signal.aborted) return [];
    const rows = await this.database.run('outbox/take', [limit, this.leaseMs]);
    const messages = rows.map(messageOf);
    this.taken.add(messages.map(({ id }) => id));
    return messages;
  }

  async markSent(ids: readonly string[]): Promise<void> {
    await this.patiently(() => this.database.run('outbox/sent', [ids]));
    this.taken.remove(ids);
  }

  async giveBack(ids: readonly string[]): Promise<void> {
    await this.patiently(() => this.database.run('outbox/give-back', [ids]));
    this.taken.remove(ids);
    this.announcements.tell();
  }

  async park(ids: readonly string[]): Promise<void> {
    await this.patiently(() => this.database.run('outbox/park', [ids]));
    this.taken.remove(ids);
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
    const count = (name: string): number => Number(row[name] ?? 0);
    return {
      pendingChanges: count('pending'),
      oldestReceivedAt: (row['oldest_ms'] as number | null | undefined) ?? undefined,
      lanes: {
        ready: count('ready'),
        'in-flight': count('in_flight'),
        retrying: count('retrying'),
        resting: count('resting'),
        locked: count('locked'),
        held: count('held'),
        paused: count('paused'),
      },
      outboxUnsent: count('unsent'),
      instances: count('instances'),
    };
  }

  async lanes({ after, state, limit }: LaneQuery): Promise<readonly LaneView[]> {
    return (await this.database.run('operated/lanes', [after ?? null, state ?? null, limit])).map(laneViewOf);
  }

  async lane(territoryId: string): Promise<LaneDetail | undefined> {
    const [row] = await this.database.run('operated/lane', [territoryId]);
    return (
      row && laneDetailOf(row, await this.database.run('operated/lane-changes', [territoryId, SHOWN_CHANGES]))
    );
  }

  async pauseLane(territoryId: string): Promise<void> {
    await this.database.run('operated/pause', [territoryId]);
  }

  async resumeLane(territoryId: string): Promise<boolean> {
    const rows = await this.database.run('operated/resume', [territoryId]);
    this.announcements.tell();
    return rows.length > 0;
  }

  async trails(id: string, source?: string): Promise<readonly ChangeTrail[]> {
    const runs = (await this.database.run('operated/trails', [id, source ?? null])).map(trailOf);
    // What could not be read, and was edited, has a run of its own; first comes the event whose source and id it claims.
    const trails = runs.filter(
      ({ ref }, at) => runs.findIndex((run) => run.ref.source === ref.source) === at,
    );
    const unreadable = await this.database.run('operated/unreadable-trails', [id, source ?? null]);
    // An impostor takes nothing from the event whose source and id it has.
    const known = new Set(trails.map(({ ref }) => ref.source));
    return [...trails, ...unreadable.map(unreadableTrailOf).filter(({ ref }) => !known.has(ref.source))];
  }

  async deadLetter(deadLetterId: string): Promise<KnownDeadLetter | undefined> {
    const [row] = await this.database.run('operated/dead-letter', [deadLetterId]);
    if (!row) return undefined;
    const results = row['results'] as readonly (AssignmentResult | null)[];
    return {
      position: Number(row['position']),
      results: results.flatMap((result) => result ?? []),
      laterChanges: row['later_changes'] as number,
    };
  }

  async discard(order: Discard): Promise<'accepted' | 'decided'> {
    const decided = await this.database.transaction(({ run }) => recordDiscard(run, order));
    this.announcements.tell();
    return decided;
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
    const taken = this.taken.close();
    const claims = this.claims.all();
    if (claims.length > 0) await this.database.run('instance/leave-lanes', claimColumns(claims));
    const flights = this.claims.flightsOf(claims);
    if (flights.length > 0) await this.database.run('complete/free-slots', [flights]);
    if (taken.length > 0) await this.database.run('outbox/give-back', [taken]);
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

  private patiently<Result>(action: () => Promise<Result>): Promise<Result> {
    const { clock, random } = this.options;
    return patiently({ clock, random, signal: this.closing.signal }, PATIENCE_MS, action);
  }
}

function claimColumns(claims: readonly LaneClaim[]): [string[], number[]] {
  return [claims.map(({ territoryId }) => territoryId), claims.map(({ fence }) => fence)];
}

function territoriesOf(rows: readonly Row[]): ReadonlySet<string> {
  return new Set(rows.map((row) => row['territory_id'] as string));
}
