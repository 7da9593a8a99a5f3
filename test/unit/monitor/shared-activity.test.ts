import { describe, expect, it } from 'vitest';

import type { SharedTally, Tally, TalliedMinute } from '../../../srv/journal/port.ts';
import { ActivityRecord } from '../../../srv/monitor/activity.ts';
import { SharedActivity } from '../../../srv/monitor/shared-activity.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

const MINUTE_MS = 60_000;
const CONFLICTS = { windowS: 300, alertRate: 0.05 };
const OK = { ok: 0, conflict: 0, refused: 0, trouble: 0, 'in-doubt': 0 };
const COUNTS: Tally = {
  received: 0,
  applied: 0,
  unchanged: 0,
  superseded: 0,
  failed: 0,
  writes: 0,
  conflicts: 0,
};

/** A tally in memory, whose window never ends; `away` makes it refuse. */
class MemoryTally implements SharedTally {
  readonly added: Tally[] = [];
  readonly wanted: number[] = [];
  readonly minutes = new Map<number, TalliedMinute>();
  forgotten = 0;
  away = false;
  private readonly clock: ManualClock;

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  async add(counts: Tally, backlog: number | undefined): Promise<void> {
    if (this.away) throw new Error('away');
    this.added.push(counts);
    const at = Math.floor(this.clock.now() / MINUTE_MS) * MINUTE_MS;
    const known = this.minutes.get(at) ?? { ...COUNTS, at, backlog: undefined };
    const names = Object.keys(COUNTS) as (keyof Tally)[];
    const sums = Object.fromEntries(names.map((name) => [name, known[name] + counts[name]]));
    this.minutes.set(at, { ...known, ...sums, backlog: backlog ?? known.backlog });
  }

  async read(minutes: number) {
    if (this.away) throw new Error('away');
    this.wanted.push(minutes);
    const all = [...this.minutes.values()];
    const sum = (name: 'writes' | 'conflicts') => all.reduce((total, minute) => total + minute[name], 0);
    return { window: { writes: sum('writes'), conflicts: sum('conflicts') }, minutes: all.slice(-minutes) };
  }

  async forget(): Promise<void> {
    this.forgotten += 1;
  }
}

function instance(tally: MemoryTally, clock: ManualClock) {
  const shared = new SharedActivity({ tally, clock, conflicts: CONFLICTS });
  const record = new ActivityRecord({ clock, conflicts: CONFLICTS });
  record.showShared(shared);
  return { shared, record, figures: () => record.figures() };
}

describe('what all instances counted', () => {
  it('is the conflict rate of all of them, with what this one counted since', async () => {
    const clock = new ManualClock();
    const tally = new MemoryTally(clock);
    const [one, two] = [instance(tally, clock), instance(tally, clock)];
    one.shared.writes({ ...OK, ok: 40 });
    two.shared.writes({ ...OK, ok: 50, conflict: 10 });
    one.shared.start();
    two.shared.start();
    await clock.elapse(20_000);
    const all = { writes: 100, conflicted: 10, rate: 0.1, alert: true, windowSeconds: 300 };
    expect(one.figures().conflicts).toEqual(all);
    expect(two.figures().conflicts).toEqual(all);
    one.shared.writes({ ...OK, ok: 100 });
    expect(one.figures().conflicts).toMatchObject({ writes: 200, rate: 0.05 });
    await one.shared.stop();
    await two.shared.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('raises no alert before fifty writes of all together', async () => {
    const clock = new ManualClock();
    const tally = new MemoryTally(clock);
    const [one, two] = [instance(tally, clock), instance(tally, clock)];
    one.shared.start();
    two.shared.start();
    one.shared.writes({ ...OK, conflict: 25 });
    two.shared.writes({ ...OK, conflict: 24 });
    await clock.elapse(20_000);
    expect(one.figures().conflicts).toMatchObject({ writes: 49, rate: 1, alert: false });
    two.shared.writes({ ...OK, conflict: 1 });
    await clock.elapse(20_000);
    expect(one.figures().conflicts).toMatchObject({ writes: 50, alert: true });
    await one.shared.stop();
    await two.shared.stop();
  });

  it('is a chart without gaps, which the next process goes on with', async () => {
    const clock = new ManualClock();
    const tally = new MemoryTally(clock);
    const before = instance(tally, clock);
    before.shared.start();
    before.shared.received(3);
    before.shared.ended('applied');
    before.shared.backlog(2);
    await clock.elapse(10_000);
    await before.shared.stop();
    clock.advance(3 * MINUTE_MS);
    const after = instance(tally, clock);
    after.shared.start();
    after.shared.received(1);
    await clock.elapse(10_000);
    const minutes = after.figures().perMinute;
    expect(minutes.map(({ received, backlog }) => [received, backlog])).toEqual([
      [3, 2],
      [0, 2],
      [0, 2],
      [1, 2],
    ]);
    expect(minutes[0]).toMatchObject({ applied: 1 });
    await after.shared.stop();
  });

  it('asks for a day once, then for two minutes, ten seconds apart', async () => {
    const clock = new ManualClock();
    const tally = new MemoryTally(clock);
    const { shared } = instance(tally, clock);
    shared.start();
    await clock.elapse(65_000);
    expect(tally.wanted).toEqual([1440, 2, 2, 2, 2, 2, 2]);
    expect(tally.added).toEqual([]);
    expect(tally.forgotten).toBe(1);
    await shared.stop();
  });

  it('loses no count while the journal does not answer, and shows its own figures meanwhile', async () => {
    const clock = new ManualClock();
    const tally = new MemoryTally(clock);
    const { shared, record, figures } = instance(tally, clock);
    shared.start();
    await clock.elapse(10_000);
    tally.away = true;
    for (const told of [shared, record]) told.writes({ ...OK, ok: 4, conflict: 1 });
    await clock.elapse(60_000);
    expect(figures().conflicts).toMatchObject({ writes: 5, conflicted: 1 });
    expect(shared.conflicts()).toBeUndefined();
    tally.away = false;
    shared.writes({ ...OK, ok: 5 });
    await clock.elapse(10_000);
    expect(shared.conflicts()).toMatchObject({ writes: 10, conflicted: 1 });
    expect(tally.added).toEqual([{ ...COUNTS, writes: 10, conflicts: 1 }]);
    // All of the day again: others may have gone on.
    expect(tally.wanted.at(-1)).toBe(1440);
    await shared.stop();
  });

  it('holds a day at most', async () => {
    const clock = new ManualClock();
    const tally = new MemoryTally(clock);
    const { shared } = instance(tally, clock);
    const present = Math.floor(clock.now() / MINUTE_MS) * MINUTE_MS;
    for (let back = 2000; back >= 0; back -= 1) {
      const at = present - back * MINUTE_MS;
      tally.minutes.set(at, { ...COUNTS, at, received: 1, backlog: undefined });
    }
    shared.start();
    await clock.elapse(1);
    expect(shared.perMinute()).toHaveLength(1440);
    await shared.stop();
  });
});
