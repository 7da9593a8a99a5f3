/**
 * What an operator stops for all territories: receiving, flights, or both. With a durable journal for all instances, until
 * somebody resumes; with an embedded one for this process only. A start that is paused is this instance's own affair, and over
 * with the next resume, whichever instance it is asked of.
 */
import type { SharedSwitches, Switched, SwitchState } from '../journal/port.ts';
import type { Pausable, ProcessingSwitch } from '../operations/port.ts';
import type { Log } from '../platform/log.ts';
import type { Audit } from './audit.ts';
import type { Receiving } from './receiving.ts';

export interface ProcessingOptions {
  readonly receiving: Pick<Receiving, 'hold' | 'release' | 'isHeldFor'>;
  /** Called when flights may start again. */
  readonly wake: () => void;
  /** Called when the intake is resumed, also where it was not paused. */
  readonly received?: () => void;
  /** Called when flights are resumed by an operator of this instance, also where they were not paused. */
  readonly flown?: () => Promise<void>;
  readonly audit: Audit;
  /** Those of all instances; absent: there is only this one. */
  readonly shared?: SharedSwitches;
  readonly log?: Pick<Log, 'info'>;
}

type Switches = Readonly<Record<Switched, SwitchState>>;

export class Processing implements ProcessingSwitch {
  private readonly options: ProcessingOptions;
  /** Of this instance alone. */
  private readonly own = new Set<Pausable>();
  /** As last read; undefined until they are known. */
  private known: Switches | undefined;
  private stopListening: (() => void) | undefined;
  private reading: Promise<void> = Promise.resolve();

  constructor(options: ProcessingOptions) {
    this.options = options;
  }

  /** Both are paused from the start on, until somebody resumes them. */
  startPaused(): void {
    this.own.add('intake').add('flights');
    this.apply();
  }

  /** Obeys the switches of all instances from now on; nothing is received before they are known. */
  follow(): void {
    const { shared } = this.options;
    if (!shared) return;
    this.stopListening = shared.onSwitched(() => this.lookAgain(shared));
    this.apply();
    this.lookAgain(shared);
  }

  async stop(): Promise<void> {
    this.stopListening?.();
    await this.reading;
  }

  async pause(what: readonly Pausable[], by: string): Promise<void> {
    const { shared, audit } = this.options;
    if (shared) {
      await shared.setSwitches(what, 'paused');
      this.learn(await shared.switches());
    } else {
      for (const one of what) this.own.add(one);
      this.apply();
    }
    audit({ by, what: `pause ${what.join(' and ')}` });
  }

  async resume(what: readonly Pausable[], by: string): Promise<void> {
    const { shared, audit } = this.options;
    if (shared) await shared.setSwitches(what, 'running');
    for (const one of what) this.own.delete(one);
    if (shared) this.learn(await shared.switches());
    else this.apply();
    if (what.includes('intake')) this.options.received?.();
    if (what.includes('flights')) {
      await this.options.flown?.();
      this.options.wake();
    }
    audit({ by, what: `resume ${what.join(' and ')}` });
  }

  paused(): { readonly intake: boolean; readonly flights: boolean } {
    return { intake: this.isPaused('intake'), flights: this.isPaused('flights') };
  }

  private isPaused(what: Pausable): boolean {
    return this.own.has(what) || this.known?.[what].paused === true;
  }

  /** One look after the other; one that fails is made up for by the next. */
  private lookAgain(shared: SharedSwitches): void {
    this.reading = this.reading
      .then(() => shared.switches())
      .then((switches) => this.learn(switches))
      .catch(() => undefined);
  }

  private learn(switches: Switches): void {
    const before = { ...this.paused() };
    for (const what of ['intake', 'flights'] as const) {
      const meant = this.known && switches[what].resumes > this.known[what].resumes;
      if (meant) this.own.delete(what);
    }
    this.known = switches;
    this.apply();
    const now = this.paused();
    if (before.flights && !now.flights) this.options.wake();
    if (before.intake !== now.intake || before.flights !== now.flights)
      this.options.log?.info('Operators changed what is paused', now);
  }

  private apply(): void {
    const { receiving, shared } = this.options;
    if (this.isPaused('intake') || (shared && !this.known)) receiving.hold('operator');
    else receiving.release('operator');
  }
}
