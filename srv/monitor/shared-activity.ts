/**
 * What all instances counted, where they share a journal: every ten seconds this one adds what it counted and reads what all did. So
 * the conflict rate is that of the API's writers together, and the chart of a day survives a restart. An addition whose answer
 * is lost may count twice: figures, not records. While the journal does not answer, this instance's own figures are shown.
 */
import type { SharedTally, Tally, TallyReading } from '../journal/port.ts';
import type { OutcomeKind } from '../events/outcome.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { Activity, SharedFigures } from './activity.ts';
import { ConflictAlarm, conflictFigures, type ConflictFigures } from './conflict-rate.ts';
import { MINUTES_LIMIT, type Minute } from './minute-series.ts';
import { writesIn, type WriteResults } from './write-results.ts';

const INTERVAL_MS = 10_000;
/** What was read longer ago than this is not shown any more. */
const STALE_MS = 3 * INTERVAL_MS;
const MINUTE_MS = 60_000;
const FORGET_EVERY = 6;

const NOTHING: Tally = {
  received: 0,
  applied: 0,
  unchanged: 0,
  superseded: 0,
  failed: 0,
  writes: 0,
  conflicts: 0,
};

export interface SharedActivityOptions {
  readonly tally: SharedTally;
  readonly clock: Clock;
  readonly conflicts: { readonly windowS: number; readonly alertRate: number };
}

export class SharedActivity implements Activity, SharedFigures {
  private readonly options: SharedActivityOptions;
  /** Counted here and not added yet. */
  private own: Tally = NOTHING;
  private ownBacklog: number | undefined;
  /** By start of the minute, oldest first. */
  private readonly minutes = new Map<number, Tally & { readonly backlog: number | undefined }>();
  private sums: TallyReading['window'] = NOTHING;
  private readAtMs: number | undefined;
  private readonly alarm: ConflictAlarm;
  private turns = 0;
  private timer: Timer | undefined;
  private running = false;
  private exchanging: Promise<void> = Promise.resolve();

  constructor(options: SharedActivityOptions) {
    this.options = options;
    this.alarm = new ConflictAlarm(options.conflicts.alertRate);
  }

  received(changes: number): void {
    this.count({ received: changes });
  }

  ended(outcome: OutcomeKind): void {
    this.count({ [outcome]: 1 });
  }

  writes(results: WriteResults): void {
    this.count({ writes: writesIn(results), conflicts: results.conflict });
  }

  backlog(changes: number): void {
    this.ownBacklog = changes;
  }

  /** Of each instance its own. */
  apiRequest(): void {
    return undefined;
  }

  /** Of each instance its own. */
  lockTaken(): void {
    return undefined;
  }

  start(): void {
    this.running = true;
    this.turn();
  }

  /** Adds what was counted last; never rejects. */
  async stop(): Promise<void> {
    this.running = false;
    this.timer?.cancel();
    await this.exchanging;
    await this.add().catch(() => undefined);
  }

  conflicts(): ConflictFigures | undefined {
    if (!this.isKnown()) return undefined;
    return conflictFigures(this.window(), this.options.conflicts.windowS, this.alarm);
  }

  /** Newest last, at most 1440, without gaps; undefined while it is not known. */
  perMinute(): readonly Minute[] | undefined {
    if (!this.isKnown()) return undefined;
    const present = Math.floor(this.options.clock.now() / MINUTE_MS) * MINUTE_MS;
    const first = Math.max([...this.minutes.keys()][0] ?? present, present - (MINUTES_LIMIT - 1) * MINUTE_MS);
    const shown: Minute[] = [];
    let backlog = 0;
    for (let at = first; at <= present; at += MINUTE_MS) {
      const known = this.minutes.get(at) ?? { ...NOTHING, backlog: undefined };
      const counts = at === present ? plus(known, this.own) : known;
      backlog = (at === present ? this.ownBacklog : undefined) ?? known.backlog ?? backlog;
      shown.push({ ...counts, at, backlog });
    }
    return shown;
  }

  /** Of all instances as last read, and what this one counted since. */
  private window(): { readonly writes: number; readonly conflicted: number } {
    const { writes, conflicts } = this.sums;
    return { writes: writes + this.own.writes, conflicted: conflicts + this.own.conflicts };
  }

  private isKnown(): boolean {
    const { readAtMs } = this;
    return readAtMs !== undefined && this.options.clock.monotonicMs() - readAtMs <= STALE_MS;
  }

  private count(counts: Partial<Tally>): void {
    this.own = plus(this.own, { ...NOTHING, ...counts });
  }

  private turn(): void {
    this.exchanging = this.exchange().finally(() => {
      if (this.running) this.timer = this.options.clock.after(INTERVAL_MS, () => this.turn());
    });
  }

  /** Never rejects: a journal that does not answer is somebody else's to report. */
  private async exchange(): Promise<void> {
    const { tally, conflicts, clock } = this.options;
    try {
      await this.add();
      // Once all is known, the present minute and the one before: nothing is added to older ones.
      const wanted = this.isKnown() ? 2 : MINUTES_LIMIT;
      const { window, minutes } = await tally.read(wanted, conflicts.windowS);
      this.sums = window;
      for (const { at, ...minute } of minutes) this.minutes.set(at, minute);
      const oldest = this.minutes.size - MINUTES_LIMIT;
      for (const at of [...this.minutes.keys()].slice(0, Math.max(0, oldest))) this.minutes.delete(at);
      this.readAtMs = clock.monotonicMs();
      this.alarm.judge(this.window());
      this.turns += 1;
      if (this.turns % FORGET_EVERY === 0) await tally.forget();
    } catch {
      // What could not be added is kept, and added the next time.
    }
  }

  private async add(): Promise<void> {
    const adding = this.own;
    const backlog = this.ownBacklog;
    if (backlog === undefined && adding === NOTHING) return;
    this.own = NOTHING;
    this.ownBacklog = undefined;
    try {
      await this.options.tally.add(adding, backlog);
    } catch (error) {
      this.own = plus(adding, this.own);
      this.ownBacklog ??= backlog;
      throw error;
    }
  }
}

function plus(one: Tally, other: Tally): Tally {
  return {
    received: one.received + other.received,
    applied: one.applied + other.applied,
    unchanged: one.unchanged + other.unchanged,
    superseded: one.superseded + other.superseded,
    failed: one.failed + other.failed,
    writes: one.writes + other.writes,
    conflicts: one.conflicts + other.conflicts,
  };
}
