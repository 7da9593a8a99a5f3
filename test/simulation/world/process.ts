/**
 * One process of the program. It may die at any of its calls and timers, and it may freeze: then nothing of it goes on, while
 * time does, and what it was owed comes all at once when it thaws.
 */
import type { Clock, Timer } from '../../../srv/platform/clock.ts';
import type { Random } from '../../../srv/platform/random.ts';
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';
import type { Faults } from './faults.ts';
import { START_EPOCH_MS, type Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

export interface ProcessOptions {
  readonly name: string;
  readonly seed: number;
  readonly timeline: Timeline;
  readonly faults: Faults;
  readonly trace: Trace;
  readonly freezeMs: { readonly min: number; readonly max: number };
}

const CRASH_PROBABILITY = 0.0006;
const FREEZE_PROBABILITY = 0.0004;
const SLEEP_PROBABILITY = 0.0002;
const JUMP_PROBABILITY = 0.0004;
/** A wall clock is wrong by this much at most. */
const MOST_SKEW_MS = 5000;

export class SimProcess {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  state: 'running' | 'frozen' | 'dead' = 'running';
  private readonly options: ProcessOptions;
  private readonly chance: SeededRandom;
  /** What is owed to it while it is frozen. */
  private held: (() => void)[] = [];
  private readonly deathListeners: (() => void)[] = [];
  private skewMs: number;
  /** What its monotonic clock has missed: that of a suspended machine stands still. */
  private sleptMs = 0;
  private readonly startedMs: number;

  constructor(options: ProcessOptions) {
    this.options = options;
    this.name = options.name;
    const { timeline } = options;
    this.chance = new SeededRandom(options.seed, `process ${options.name}`);
    this.skewMs = Math.floor(this.chance.between(-MOST_SKEW_MS, MOST_SKEW_MS));
    this.startedMs = timeline.nowMs - 1000;
    this.random = {
      fraction: () => this.chance.fraction(),
      uuid: () => {
        const hex = Array.from({ length: 32 }, () => this.chance.below(16).toString(16)).join('');
        return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
      },
    };
    this.clock = {
      now: () => START_EPOCH_MS + timeline.nowMs + this.skewMs,
      monotonicMs: () => timeline.nowMs - this.startedMs - this.sleptMs,
      after: (delayMs, action) => this.timer(delayMs, action),
    };
  }

  get isDead(): boolean {
    return this.state === 'dead';
  }

  /** Its machine was suspended once, so it may believe in leases that are over: only fences stop it then. */
  get hasSlept(): boolean {
    return this.sleptMs > 0;
  }

  /** Called when it dies, by a crash or because it was stopped. */
  onDeath(listener: () => void): void {
    this.deathListeners.push(listener);
  }

  /** Something comes to the process: it acts on it now, later, or never. */
  enter(at: string, action: () => void): void {
    if (this.state === 'dead') return;
    if (this.state === 'frozen') return void this.held.push(() => this.enter(at, action));
    this.strike(at);
    if (this.state === 'running') action();
    else if (this.state === 'frozen') this.held.push(action);
  }

  /**
   * The process calls something outside of it. `work` happens after `delayMs`, unless the process dies first; the answer
   * comes back another `delayMs` later, if ever.
   */
  call<T>(at: string, delayMs: () => number, work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const { timeline } = this.options;
      const answer = (action: () => void) =>
        timeline.after(delayMs(), () => this.enter(`${at} answered`, action));
      const arrive = async (): Promise<void> => {
        try {
          const value = await work();
          answer(() => resolve(value));
        } catch (error) {
          answer(() => reject(error));
        }
      };
      this.send(`${at} sent`, () => timeline.after(delayMs(), () => void arrive()));
    });
  }

  /** Something leaves the process: now, when it thaws, or never. */
  send(at: string, action: () => void): void {
    if (this.state === 'dead') return;
    if (this.state === 'running') this.strike(at);
    if (this.state === 'frozen') this.held.push(action);
    else if (this.state === 'running') action();
  }

  die(why: string): void {
    if (this.state === 'dead') return;
    this.options.trace.note(`${this.name} dies: ${why}`);
    this.state = 'dead';
    this.held = [];
    for (const listener of this.deathListeners) listener();
  }

  freeze(forMs: number): void {
    if (this.state !== 'running') return;
    this.options.trace.note(`${this.name} freezes for ${forMs} ms`);
    this.state = 'frozen';
    this.options.timeline.after(forMs, () => this.thaw());
  }

  /** As `freeze`, but its machine is suspended: its monotonic clock stands still meanwhile. */
  sleep(forMs: number): void {
    if (this.state !== 'running') return;
    this.freeze(forMs);
    this.sleptMs += forMs;
  }

  private strike(at: string): void {
    const { faults, freezeMs } = this.options;
    const occasion = { process: this.name, at };
    if (faults.strikes('crash', CRASH_PROBABILITY, occasion)) return this.die(at);
    if (faults.strikes('clock-jump', JUMP_PROBABILITY, occasion)) {
      this.skewMs = faults.between('clock-jump', -MOST_SKEW_MS, MOST_SKEW_MS);
    }
    if (faults.strikes('freeze', FREEZE_PROBABILITY, occasion)) {
      this.freeze(faults.between('freeze', freezeMs.min, freezeMs.max));
    }
    if (faults.strikes('sleep', SLEEP_PROBABILITY, occasion)) {
      this.sleep(faults.between('sleep', freezeMs.min, freezeMs.max));
    }
  }

  private thaw(): void {
    if (this.state !== 'frozen') return;
    this.options.trace.note(`${this.name} goes on`);
    this.state = 'running';
    const { held } = this;
    this.held = [];
    // One event each, as an event loop would take them: what one of them causes comes between.
    for (const action of held) this.options.timeline.after(0, () => this.resume(action));
  }

  private resume(action: () => void): void {
    if (this.state === 'running') action();
    else if (this.state === 'frozen') this.held.push(action);
  }

  private timer(delayMs: number, action: () => void): Timer {
    let cancelled = false;
    let callOff = (): void => undefined;
    const arm = (forMs: number, sleptMs: number): void => {
      callOff = this.options.timeline.after(forMs, () => {
        const missedMs = this.sleptMs - sleptMs;
        // Timers go by the clock that stood still.
        if (missedMs > 0) return arm(missedMs, this.sleptMs);
        this.enter('timer', () => {
          if (!cancelled) action();
        });
      });
    };
    arm(delayMs, this.sleptMs);
    return {
      cancel() {
        cancelled = true;
        callOff();
      },
    };
  }
}
