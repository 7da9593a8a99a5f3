import { describe, expect, it } from 'vitest';

import { ConflictRate } from '../../../srv/monitor/conflict-rate.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

const WINDOW_S = 300;

function watch(alertRate = 0.05) {
  const clock = new ManualClock();
  const rate = new ConflictRate({ clock, windowS: WINDOW_S, alertRate });
  return { clock, rate };
}

describe('the conflict rate', () => {
  it('is that of the window, and can be computed again from its counts', () => {
    const { clock, rate } = watch();
    expect(rate.figures()).toEqual({
      rate: 0,
      writes: 0,
      conflicted: 0,
      windowSeconds: WINDOW_S,
      alert: false,
    });
    rate.record(90, 1);
    clock.advance(100_000);
    rate.record(10, 1);
    expect(rate.figures()).toMatchObject({ rate: 0.02, writes: 100, conflicted: 2 });
    clock.advance(200_000);
    expect(rate.figures()).toMatchObject({ rate: 0.1, writes: 10, conflicted: 1 });
    clock.advance(100_000);
    expect(rate.figures()).toMatchObject({ rate: 0, writes: 0, conflicted: 0 });
  });

  it('raises no alert on fewer than 50 writes, however bad they are', () => {
    const { rate } = watch();
    rate.record(49, 49);
    expect(rate.figures().alert).toBe(false);
    rate.record(1, 0);
    expect(rate.figures().alert).toBe(true);
  });

  it('raises an alert above the limit, not at it', () => {
    const { rate } = watch();
    rate.record(100, 5);
    expect(rate.figures().alert).toBe(false);
    rate.record(1, 1);
    expect(rate.figures().alert).toBe(true);
  });

  it('recovers below six tenths of the limit, not in between', () => {
    const { rate } = watch();
    rate.record(100, 6);
    rate.record(100, 0);
    expect(rate.figures()).toMatchObject({ rate: 0.03, alert: true });
    rate.record(1, 0);
    expect(rate.figures().alert).toBe(false);
  });

  it('recovers when nothing is written any more', () => {
    const { clock, rate } = watch();
    rate.record(100, 50);
    clock.advance(WINDOW_S * 1000);
    expect(rate.figures()).toMatchObject({ writes: 0, alert: false });
  });

  it('has recovered in between though nobody looked', () => {
    const { clock, rate } = watch();
    rate.record(100, 20);
    clock.advance(100_000);
    rate.record(400, 2);
    clock.advance(100_000);
    rate.record(100, 4);
    expect(rate.figures().alert).toBe(true);
    // At 300 s the first leave: 6 of 500. At 400 s the second: 4 of 100, between the two limits.
    clock.advance(250_000);
    expect(rate.figures()).toMatchObject({ rate: 0.04, alert: false });
  });

  it('with a limit of 0 alerts on any conflict and recovers without one', () => {
    const { clock, rate } = watch(0);
    rate.record(50, 1);
    expect(rate.figures().alert).toBe(true);
    clock.advance(WINDOW_S * 1000);
    rate.record(50, 0);
    expect(rate.figures().alert).toBe(false);
  });
});
