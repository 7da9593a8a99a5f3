import { describe, expect, it } from 'vitest';

import { MinuteSeries, MINUTES_LIMIT } from '../../../srv/monitor/minute-series.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

const MINUTE_MS = 60_000;
const START_MS = Date.UTC(2026, 10, 22, 12);

function startSeries() {
  const clock = new ManualClock(START_MS + 5000);
  return { clock, series: new MinuteSeries(clock) };
}

describe('the series of minutes', () => {
  it('puts each count into its minute, newest last', () => {
    const { clock, series } = startSeries();
    series.count('received', 2);
    clock.advance(54_999);
    series.count('received', 1);
    clock.advance(1);
    series.count('applied', 4);
    expect(series.read()).toMatchObject([
      { at: START_MS, received: 3, applied: 0 },
      { at: START_MS + MINUTE_MS, received: 0, applied: 4 },
    ]);
  });

  it('leaves no minute out in which nothing happened, and carries the backlog over', () => {
    const { clock, series } = startSeries();
    series.backlog(7);
    clock.advance(3 * MINUTE_MS);
    series.backlog(2);
    expect(series.read().map(({ at, backlog }) => [(at - START_MS) / MINUTE_MS, backlog])).toEqual([
      [0, 7],
      [1, 7],
      [2, 7],
      [3, 2],
    ]);
  });

  it('keeps a day and no more, however long nobody looked', () => {
    const { clock, series } = startSeries();
    series.count('failed', 1);
    clock.advance((MINUTES_LIMIT - 1) * MINUTE_MS);
    expect(series.read()).toHaveLength(MINUTES_LIMIT);
    expect(series.read()[0]).toMatchObject({ at: START_MS, failed: 1 });
    clock.advance(MINUTE_MS);
    expect(series.read()).toHaveLength(MINUTES_LIMIT);
    expect(series.read()[0]).toMatchObject({ at: START_MS + MINUTE_MS, failed: 0 });
    clock.jumpWallTime(1e12);
    const day = series.read();
    expect(day).toHaveLength(MINUTES_LIMIT);
    expect((day.at(-1)?.at ?? 0) - (day[0]?.at ?? 0)).toBe((MINUTES_LIMIT - 1) * MINUTE_MS);
  });

  it('loses no count and repeats no minute when the clock is set back', () => {
    const { clock, series } = startSeries();
    for (let minute = 0; minute < 5; minute += 1) {
      series.count('writes', 1);
      clock.advance(MINUTE_MS);
    }
    clock.jumpWallTime(-3 * MINUTE_MS);
    series.count('writes', 10);
    clock.advance(MINUTE_MS);
    series.count('writes', 100);
    const minutes = series.read();
    expect(minutes.map(({ at }) => (at - START_MS) / MINUTE_MS)).toEqual([0, 1, 2, 3]);
    expect(minutes.map(({ writes }) => writes)).toEqual([1, 1, 13, 100]);
  });

  it('gives away a copy', () => {
    const { series } = startSeries();
    const [before] = series.read();
    series.count('received', 1);
    expect(before).toMatchObject({ received: 0 });
  });
});
