/** What an operator stops for all territories: receiving, flights, or both. Gone with the process. */
import type { Pausable, ProcessingSwitch } from '../operations/port.ts';
import type { Audit } from './audit.ts';
import type { Receiving } from './receiving.ts';

export interface ProcessingOptions {
  readonly receiving: Pick<Receiving, 'hold' | 'release' | 'isHeldFor'>;
  /** Called when flights may start again. */
  readonly wake: () => void;
  /** Called when the intake is resumed, also where it was not paused. */
  readonly received?: () => void;
  readonly audit: Audit;
}

export class Processing implements ProcessingSwitch {
  private readonly options: ProcessingOptions;
  private flightsPaused = false;

  constructor(options: ProcessingOptions) {
    this.options = options;
  }

  /** Both are paused from the start on, until somebody resumes them. */
  startPaused(): void {
    this.options.receiving.hold('operator');
    this.flightsPaused = true;
  }

  async pause(what: readonly Pausable[], by: string): Promise<void> {
    if (what.includes('intake')) this.options.receiving.hold('operator');
    if (what.includes('flights')) this.flightsPaused = true;
    this.options.audit({ by, what: `pause ${what.join(' and ')}` });
  }

  async resume(what: readonly Pausable[], by: string): Promise<void> {
    if (what.includes('intake')) {
      this.options.receiving.release('operator');
      this.options.received?.();
    }
    if (what.includes('flights')) {
      this.flightsPaused = false;
      this.options.wake();
    }
    this.options.audit({ by, what: `resume ${what.join(' and ')}` });
  }

  paused(): { readonly intake: boolean; readonly flights: boolean } {
    return { intake: this.options.receiving.isHeldFor('operator'), flights: this.flightsPaused };
  }
}
