import { describe, expect, it } from 'vitest';

import { ActivityRecord, tellingBoth, type Activity } from '../../../srv/monitor/activity.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

const START_MS = Date.UTC(2026, 10, 22, 12);

function record() {
  const clock = new ManualClock(START_MS);
  const activity = new ActivityRecord({ clock, conflicts: { windowS: 300, alertRate: 0.05 } });
  return { clock, activity };
}

describe('the activity', () => {
  it('is nothing at first, in a minute that has begun', () => {
    const { activity } = record();
    expect(activity.figures()).toMatchObject({
      rates: { receivedPerMinute: 0, completedPerMinute: 0, apiRequestsPerMinute: 0 },
      conflicts: { rate: 0, writes: 0, alert: false },
      perMinute: [{ at: START_MS, received: 0, backlog: 0 }],
    });
  });

  it('counts each kind of event where it belongs', () => {
    const { activity } = record();
    activity.received(5);
    activity.ended('applied');
    activity.ended('applied');
    activity.ended('unchanged');
    activity.ended('superseded');
    activity.ended('failed');
    activity.writes({ ok: 2, conflict: 1, refused: 0, trouble: 0, 'in-doubt': 1 });
    activity.apiRequest();
    activity.apiRequest();
    activity.backlog(3);
    activity.lockTaken(0);
    activity.lockTaken(1500);
    expect(activity.figures()).toEqual({
      rates: { receivedPerMinute: 5, completedPerMinute: 5, apiRequestsPerMinute: 2 },
      conflicts: { rate: 0.25, writes: 4, conflicted: 1, windowSeconds: 300, alert: false },
      locks: { taken: 2, waitedMs: 1500 },
      perMinute: [
        {
          at: START_MS,
          received: 5,
          applied: 2,
          unchanged: 1,
          superseded: 1,
          failed: 1,
          writes: 4,
          conflicts: 1,
          backlog: 3,
        },
      ],
    });
  });

  it('has rates of the last 60 seconds, across the minutes of the clock', () => {
    const { clock, activity } = record();
    clock.advance(30_000);
    activity.received(6);
    clock.advance(45_000);
    activity.received(4);
    expect(activity.figures().rates.receivedPerMinute).toBe(10);
    clock.advance(15_000);
    expect(activity.figures().rates.receivedPerMinute).toBe(4);
    clock.advance(45_000);
    expect(activity.figures().rates.receivedPerMinute).toBe(0);
  });

  it('has the same rates when the wall clock is set', () => {
    const { clock, activity } = record();
    activity.received(6);
    clock.jumpWallTime(3_600_000);
    expect(activity.figures().rates.receivedPerMinute).toBe(6);
    clock.jumpWallTime(-7_200_000);
    expect(activity.figures().rates.receivedPerMinute).toBe(6);
  });
});

describe('telling both', () => {
  function recorder() {
    const told: unknown[][] = [];
    const at =
      (name: keyof Activity) =>
      (...what: readonly unknown[]): void =>
        void told.push([name, ...what]);
    const activity: Activity = {
      received: at('received'),
      ended: at('ended'),
      writes: at('writes'),
      apiRequest: at('apiRequest'),
      backlog: at('backlog'),
      lockTaken: at('lockTaken'),
    };
    return { activity, told };
  }

  it('tells each of them everything, once', () => {
    const [first, second] = [recorder(), recorder()];
    const both = tellingBoth(first.activity, second.activity);
    const results = { ok: 2, conflict: 1, refused: 0, trouble: 0, 'in-doubt': 1 };
    both.received(5);
    both.ended('applied', 1500);
    both.ended('failed');
    both.writes(results);
    both.apiRequest({ status: 207 });
    both.backlog(3);
    both.lockTaken(250);
    const everything = [
      ['received', 5],
      ['ended', 'applied', 1500],
      ['ended', 'failed', undefined],
      ['writes', results],
      ['apiRequest', { status: 207 }],
      ['backlog', 3],
      ['lockTaken', 250],
    ];
    expect(first.told).toEqual(everything);
    expect(second.told).toEqual(everything);
  });
});
