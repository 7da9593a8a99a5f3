/**
 * Looks at the state of the program now and then, and at once when something has happened, judges every alert by it, and has
 * what follows entered in the book. Who tells of it is another part.
 */
import type { AlertBook, AlertRecord } from '../../alerts/port.ts';
import type { Clock, Timer } from '../../platform/clock.ts';
import type { Log } from '../../platform/log.ts';
import { ALERT_NAMES, ALERTS, eventTypeOf, type AlertKind, type AlertName } from './catalogue.ts';
import { CONDITIONS, type Finding } from './conditions.ts';
import { NOTHING_HAPPENED, type Incident, type Observed } from './observed.ts';
import { conclusion, prolonged, type Spell } from './persistence.ts';
import { gone, kept, seen, type Sighting } from './record.ts';

const LOOK_MS = 10_000;
/** However much happens, looks are this far apart. */
const SOON_MS = 500;

export interface AlertWatchOptions {
  readonly book: AlertBook;
  /** May ask the journal; where that fails, what it would have told is undefined. Never rejects. */
  readonly observe: () => Promise<Omit<Observed, 'happened'>>;
  /** Called after each look: something may have to be told. */
  readonly tell: () => void;
  /** Names this process among all that share the book. */
  readonly instance: string;
  /** Of single alerts, where settings say so. */
  readonly raiseAfterMs: Partial<Readonly<Record<AlertName, number>>>;
  readonly clock: Clock;
  readonly log: Log;
}

/** What parts tell at the moment it happens. Nothing here throws. */
export interface Incidents {
  /** @param detail one line without payload */
  happened(incident: Incident, times: number, detail: string): void;
  /** The state of something may have changed: worth a look. */
  stir(): void;
}

export class AlertWatch implements Incidents {
  private readonly options: AlertWatchOptions;
  private readonly spells = new Map<string, Spell>();
  private happenings = NOTHING_HAPPENED;
  private timer: Timer | undefined;
  private dueAtMs = Infinity;
  private looking: Promise<void> | undefined;
  private running = false;

  constructor(options: AlertWatchOptions) {
    this.options = options;
  }

  start(): void {
    this.running = true;
    this.lookWithin(0);
  }

  /** A last look under way ends first. */
  async stop(): Promise<void> {
    this.running = false;
    this.timer?.cancel();
    await this.looking;
  }

  happened(incident: Incident, times: number, detail: string): void {
    const before = this.happenings[incident];
    this.happenings = { ...this.happenings, [incident]: { times: before.times + times, detail } };
    this.stir();
  }

  stir(): void {
    this.lookWithin(SOON_MS);
  }

  private lookWithin(delayMs: number): void {
    const { clock } = this.options;
    const dueAtMs = clock.monotonicMs() + delayMs;
    // While one is under way nothing is due: it sets the next one.
    if (!this.running || dueAtMs >= this.dueAtMs) return;
    this.timer?.cancel();
    this.dueAtMs = dueAtMs;
    if (!this.looking) this.timer = clock.after(delayMs, () => this.lookNow());
  }

  private lookNow(): void {
    this.dueAtMs = Infinity;
    this.looking = this.look().finally(() => {
      this.looking = undefined;
      const asked = this.dueAtMs === Infinity ? LOOK_MS : SOON_MS;
      this.dueAtMs = Infinity;
      this.lookWithin(asked);
    });
  }

  /** Never rejects. */
  private async look(): Promise<void> {
    const { book, observe, tell, log } = this.options;
    const { happenings } = this;
    this.happenings = NOTHING_HAPPENED;
    try {
      const observed: Observed = { ...(await observe()), happened: happenings };
      const known = new Map((await book.all()).map((record) => [record.key, record]));
      for (const name of ALERT_NAMES) await this.judge(name, observed, known);
    } catch (error) {
      log.error('Alerts could not be judged: a defect of this program', { error });
    }
    tell();
  }

  private async judge(
    name: AlertName,
    observed: Observed,
    known: ReadonlyMap<string, AlertRecord>,
  ): Promise<void> {
    const eventType = eventTypeOf(name);
    const findings = CONDITIONS[name](observed);
    const keys = new Set<string>();
    for (const finding of findings) {
      const key = keyOf(eventType, finding.territory);
      keys.add(key);
      await this.conclude(name, key, finding, known.get(key));
    }
    // A territory that is not among the bad ones any more.
    for (const record of known.values()) {
      if (record.eventType !== eventType || keys.has(record.key)) continue;
      // Unless nothing is known of any of them.
      const verdict = record.territory !== undefined && observed.held === undefined ? 'unknown' : 'good';
      const { key, detail, figures, mark } = record;
      await this.conclude(name, key, { verdict, detail, figures, mark, times: 0 }, record);
    }
    for (const [key, spell] of this.spells) {
      if (key.startsWith(`${eventType}/`) && !known.has(key) && !keys.has(key) && !spell.badSinceMs)
        this.spells.delete(key);
    }
  }

  private async conclude(
    name: AlertName,
    key: string,
    finding: Finding,
    known: AlertRecord | undefined,
  ): Promise<void> {
    const { book, clock, instance, raiseAfterMs } = this.options;
    const kind: AlertKind = ALERTS[name];
    const patience = { ...kind, raiseAfterMs: raiseAfterMs[name] ?? kind.raiseAfterMs };
    const nowMs = clock.monotonicMs();
    const happens = finding.times > 0;
    const before = this.spells.get(key) ?? {};
    // What has just happened is not good, however little of it is left.
    const spell = happens ? { badSinceMs: nowMs } : prolonged(before, finding.verdict, nowMs, patience);
    this.spells.set(key, spell);
    const sighting: Sighting = {
      key,
      eventType: eventTypeOf(name),
      instance,
      ...finding,
      updateEveryMs: kind.updateEveryMs,
    };
    const next = nextStep(happens ? 'raise' : conclusion(spell, nowMs, patience), sighting);
    // Asked of what was read first, so that a look at which nothing changes writes nothing.
    if (next(known, clock.now()) !== known) await book.revise(key, next);
  }
}

function nextStep(
  what: ReturnType<typeof conclusion>,
  sighting: Sighting,
): (known: AlertRecord | undefined, nowMs: number) => AlertRecord | undefined {
  switch (what) {
    case 'raise':
      return (known, nowMs) => seen(known, sighting, nowMs);
    case 'recover':
      return (known, nowMs) => known && gone(known, sighting.instance, nowMs);
    case 'keep':
      return (known, nowMs) => known && kept(known, sighting.instance, nowMs);
  }
}

function keyOf(eventType: string, territory: string | undefined): string {
  return territory === undefined ? eventType : `${eventType}/${territory}`;
}
