/** What the connection did, state by state, held against the back-off as an independent sum of waits. */
import type { Mesh, MeshState } from '../../../srv/mesh/port.ts';

export interface Pace {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly stableMs: number;
}

interface Moment {
  readonly state: MeshState;
  readonly atMs: number;
}

/** Timers may run out a little early: Node counts whole milliseconds. */
const TIMER_GRAIN_MS = 2;

export class Attempts {
  readonly #moments: Moment[] = [];
  readonly #pace: Pace;

  constructor(mesh: Mesh, pace: Pace) {
    this.#pace = pace;
    // `since` is when the state began; it is told of a little later, on a busy machine many milliseconds.
    mesh.onStateChange(({ state, since }) => void this.#moments.push({ state, atMs: since }));
  }

  /** Attempts to connect. */
  get count(): number {
    return this.#moments.filter(({ state }) => state === 'connecting').length;
  }

  get renewals(): number {
    return this.#moments.filter(({ state }) => state === 'renewing').length;
  }

  /** Attempts in the fullest minute, on a clock that runs `speed` times as fast. */
  perMinute(speed: number): number {
    const times = this.#moments.flatMap(({ state, atMs }) => (state === 'connecting' ? [atMs] : []));
    return Math.max(
      0,
      ...times.map((from) => times.filter((at) => at >= from && at < from + 60_000 / speed).length),
    );
  }

  /** What is wrong, in words; empty: nothing. */
  faults(): readonly string[] {
    const { firstMs, maxMs, stableMs } = this.#pace;
    const faults: string[] = [];
    let failures = 0;
    let openAtMs = 0;
    this.#moments.forEach(({ state, atMs }, index) => {
      const before = this.#moments[index - 1];
      if (state === 'open') openAtMs = atMs;
      // To its disadvantage: at the edge of `stableMs` it may have counted either way.
      const lasted = atMs - openAtMs >= stableMs - TIMER_GRAIN_MS;
      const ends = before?.state === 'open' || before?.state === 'renewing';
      if (ends && lasted && (state === 'waiting' || state === 'renewing')) failures = 0;
      if (state === 'waiting') failures++;
      if (state === 'renewing' && atMs - openAtMs < maxMs - TIMER_GRAIN_MS) {
        faults.push(`renewed after ${Math.round(atMs - openAtMs)} ms`);
      }
      if (state !== 'connecting') return;
      if (before === undefined || before.state === 'renewing') return;
      if (before.state !== 'waiting') {
        faults.push(`an attempt out of state ${before.state}`);
        return;
      }
      const leastMs = Math.min(maxMs, firstMs * 2 ** (failures - 1)) / 2 - TIMER_GRAIN_MS;
      const waitedMs = atMs - before.atMs;
      if (waitedMs >= leastMs) return;
      faults.push(`attempt after ${waitedMs.toFixed(1)} ms, ${failures} failures in a row: too soon`);
    });
    return faults;
  }
}
