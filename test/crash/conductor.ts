/**
 * Deals the blows: a few at a time, each at the next instance that comes to its place. Whoever was killed is replaced, whoever was frozen
 * wakes up, before another blow takes its turn.
 */
import { sleep, systemClock } from '../../srv/platform/clock.ts';
import type { SeededRandom } from '../sandbox/territory-api/seeded-random.ts';
import { Tally, nameOf, type Blow, type Place } from './blows.ts';
import type { Instance } from './instance.ts';
import type { Verdict } from './points.ts';
import type { Stage } from './stage.ts';
import { whatGoesOn } from './standstill.ts';

export interface ConductorOptions {
  readonly stage: Stage;
  readonly blows: readonly Blow[];
  readonly random: SeededRandom;
  /** An instance is frozen for longer. */
  readonly leaseMs: number;
  /** No instance came to the place by then: the blow is missed. */
  readonly patienceMs: number;
}

/** Blows under way: of three instances one is left alone. */
const AT_A_TIME = 2;
/** Sightings that a blow lets pass before it strikes, at most. */
const PASSED_AT_POINT = 4;
const PASSED_ANYWHERE = 400;
const FROZEN_BEYOND_LEASE_MS = { min: 300, max: 1500 };

/** Waits for an instance at its place. */
interface Armed {
  readonly place: Place;
  toPass: number;
  strike(instance: Instance): Promise<Verdict>;
}

export class Conductor {
  readonly tally: Tally;
  /** Blows done, missed ones too. */
  done = 0;
  readonly #options: ConductorOptions;
  readonly #armed = new Set<Armed>();
  /** Struck, and not yet itself again. */
  readonly #struck = new Set<Instance>();

  constructor(options: ConductorOptions) {
    this.#options = options;
    this.tally = new Tally(options.blows);
    options.stage.strike = (instance, point) => this.#strike(instance, point);
  }

  get isOver(): boolean {
    return this.done === this.#options.blows.length;
  }

  /** Resolves when every blow has struck or was missed, and everything is up again. */
  async run(): Promise<void> {
    const deck = [...this.#options.blows];
    const turns = Array.from({ length: AT_A_TIME }, async () => {
      for (let blow = deck.shift(); blow !== undefined; blow = deck.shift()) {
        await this.#perform(blow);
        this.done += 1;
      }
    });
    await Promise.all(turns);
  }

  async #perform(blow: Blow): Promise<void> {
    const { stage, patienceMs } = this.#options;
    switch (blow.kind) {
      case 'kill':
      case 'freeze': {
        const struck = await this.#atPlace(blow, patienceMs);
        if (struck === undefined) return;
        const { instance, over } = struck;
        this.tally.count(blow);
        await over;
        if (blow.kind === 'kill') await this.#replace(instance);
        else instance.process.signal('SIGCONT');
        this.#struck.delete(instance);
        return;
      }
      case 'restart PostgreSQL':
        await stage.postgres.restart(blow.manner);
        this.tally.count(blow);
        return;
      case 'restart Redis':
        await stage.redis.kill();
        await stage.redis.restart();
        this.tally.count(blow);
        return;
    }
  }

  #strike(instance: Instance, point: Place): Promise<Verdict> | undefined {
    if (this.#struck.has(instance)) return undefined;
    for (const armed of this.#armed) {
      if (armed.place !== 'anywhere' && armed.place !== point) continue;
      if (armed.toPass-- > 0) continue;
      this.#armed.delete(armed);
      this.#struck.add(instance);
      return armed.strike(instance);
    }
    return undefined;
  }

  /** Resolves as soon as an instance is struck there; undefined where none came. */
  async #atPlace(
    blow: Blow & { readonly kind: 'kill' | 'freeze' },
    patienceMs: number,
  ): Promise<{ readonly instance: Instance; readonly over: Promise<Verdict> } | undefined> {
    const { kind, place } = blow;
    const { random } = this.#options;
    const giveUp = new AbortController();
    return new Promise((resolve) => {
      const armed: Armed = {
        place,
        toPass: random.below(place === 'anywhere' ? PASSED_ANYWHERE : PASSED_AT_POINT),
        strike: (instance) => {
          giveUp.abort();
          const over = kind === 'kill' ? this.#kill(instance) : this.#freeze(instance);
          resolve({ instance, over });
          return over;
        },
      };
      this.#armed.add(armed);
      void sleep(systemClock, patienceMs, giveUp.signal).then(() => {
        if (!this.#armed.delete(armed)) return;
        console.log(`Missed: nobody came to ${nameOf(blow)} within ${patienceMs} ms`);
        resolve(undefined);
        void whatGoesOn(this.#options.stage).then(console.log);
      });
    });
  }

  async #kill(instance: Instance): Promise<Verdict> {
    instance.isEnded = true;
    instance.process.signal('SIGKILL');
    await instance.process.exited;
    return 'drop';
  }

  /** What it was about to say or hear is let go just before it wakes up. */
  async #freeze(instance: Instance): Promise<Verdict> {
    const { leaseMs, random } = this.#options;
    const { min, max } = FROZEN_BEYOND_LEASE_MS;
    instance.process.signal('SIGSTOP');
    // The length of the fault itself, not a wait for something to happen.
    await sleep(systemClock, leaseMs + random.between(min, max));
    return 'pass';
  }

  async #replace(instance: Instance): Promise<void> {
    const { stage } = this.#options;
    await stage.remove(instance);
    await stage.start();
  }
}
