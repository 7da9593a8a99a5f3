import { describe, expect, test } from 'vitest';
import { Breaker } from '../../../srv/lanes/breaker.ts';
import type { ApiTrouble } from '../../../srv/territory-api/port.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { silent } from '../../doubles/silent-log.ts';

const AWAY: ApiTrouble = { reason: 'network', message: 'no connection' };
const SLOWER: ApiTrouble = { reason: 'throttled', message: 'slower', retryAfterMs: 60_000 };

/** A breaker that probes every 5 s, and gets the answers in turn; then the API is well. */
function breakerOf(...answers: readonly (ApiTrouble | Error)[]) {
  const clock = new ManualClock();
  const start = clock.monotonicMs();
  const probes: number[] = [];
  const closed: number[] = [];
  const passedOn: number[] = [];
  const left = [...answers];
  const breaker = new Breaker({
    api: {
      async probe() {
        probes.push(clock.monotonicMs() - start);
        const answer = left.shift();
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
    clock,
    log: silent,
    probeIntervalMs: 5000,
    writesAgainWithinMs: 100_000,
    onClosed: () => closed.push(clock.monotonicMs() - start),
    onQuota: (waitMs) => passedOn.push(waitMs),
  });
  return { breaker, clock, probes, closed, passedOn };
}

test('while all is well it neither probes nor waits', async () => {
  const { breaker, clock, probes } = breakerOf();
  await clock.elapse(60_000);
  expect([breaker.state, probes.length, clock.pendingTimers]).toEqual(['closed', 0, 0]);
});

test('trouble opens it, and the first probe that succeeds closes it', async () => {
  const { breaker, clock, probes, closed } = breakerOf(AWAY, AWAY);
  breaker.trip(AWAY);
  expect([breaker.state, breaker.reason]).toEqual(['open', AWAY]);
  await clock.elapse(9_999);
  expect([breaker.state, closed]).toEqual(['open', []]);
  await clock.elapse(1);
  expect([breaker.state, breaker.reason]).toEqual(['closed', undefined]);
  expect(probes).toEqual([0, 5000, 10_000]);
  expect(closed).toEqual([10_000]);
  expect(clock.pendingTimers).toBe(0);
});

test('trouble that is known before a flight met it opens it, and refuses no write once a probe has succeeded', async () => {
  const unusable: ApiTrouble = { reason: 'destination', message: 'destination TERRITORY_API not found' };
  const { breaker, clock } = breakerOf(unusable);
  breaker.foresee(unusable);
  expect([breaker.state, breaker.reason, breaker.refusesWrites]).toEqual(['open', unusable, undefined]);
  await clock.elapse(5000);
  expect([breaker.state, breaker.reason, breaker.refusesWrites]).toEqual(['closed', undefined, undefined]);
});

test('many flights in trouble make one series of probes', async () => {
  const { breaker, clock, probes } = breakerOf(AWAY);
  for (let flight = 0; flight < 5; flight += 1) breaker.trip(AWAY);
  expect(clock.pendingTimers).toBe(1);
  await clock.elapse(10_000);
  expect(probes).toEqual([0, 5000]);
});

describe('the wait that the API asks for is a floor', () => {
  test('for the first probe', async () => {
    const { breaker, clock, probes } = breakerOf();
    breaker.trip(SLOWER);
    await clock.elapse(60_000);
    expect(probes).toEqual([60_000]);
  });

  test('also where only a later flight was told so', async () => {
    const { breaker, clock, probes, closed } = breakerOf(AWAY);
    breaker.trip(AWAY);
    await clock.elapse(1000);
    breaker.trip(SLOWER);
    await clock.elapse(59_999);
    expect(probes).toEqual([0]);
    await clock.elapse(5001);
    expect([probes.length, closed.length]).toEqual([2, 1]);
  });

  test('and where the probe itself was', async () => {
    const { breaker, clock, probes } = breakerOf(SLOWER);
    breaker.trip(AWAY);
    await clock.elapse(65_000);
    expect(probes).toEqual([0, 60_000]);
  });
});

test('it tells since when it is as it is', async () => {
  const { breaker, clock } = breakerOf(AWAY);
  const start = clock.now();
  expect(breaker.since).toBe(start);
  await clock.elapse(1000);
  breaker.trip(AWAY);
  await clock.elapse(4000);
  expect(breaker.since).toBe(start + 1000);
  await clock.elapse(1000);
  expect([breaker.state, breaker.since]).toEqual(['closed', start + 6000]);
});

test('a probe that fails by itself counts as trouble, and is tried again', async () => {
  const { breaker, clock, closed } = breakerOf(new Error('a defect'));
  breaker.trip(AWAY);
  await clock.elapse(4999);
  expect([breaker.state, closed.length]).toEqual(['open', 0]);
  await clock.elapse(5000);
  expect([breaker.state, closed.length]).toEqual(['closed', 1]);
});

test('it can open again after it closed', async () => {
  const { breaker, clock, closed } = breakerOf();
  breaker.trip(AWAY);
  await clock.elapse(1000);
  breaker.trip(AWAY);
  expect(breaker.state).toBe('open');
  await clock.elapse(5000);
  expect(closed).toEqual([0, 5000]);
});

test('once stopped it probes no more, closes no more, and leaves no timer', async () => {
  const { breaker, clock, probes, closed } = breakerOf();
  breaker.trip(AWAY);
  breaker.stop();
  breaker.trip(AWAY);
  await clock.elapse(60_000);
  expect([probes.length, closed.length, clock.pendingTimers]).toEqual([0, 0, 0]);
});

test('trouble that comes back is not probed more often than once an interval', async () => {
  const { breaker, clock, probes } = breakerOf();
  for (let second = 0; second < 19; second += 1) {
    breaker.trip(AWAY);
    await clock.elapse(1000);
  }
  expect(probes).toEqual([0, 5000, 10_000, 15_000]);
});

test('a wait of hours is a quota, and is told as one', async () => {
  const { breaker, clock, probes } = breakerOf();
  breaker.trip({ reason: 'throttled', message: 'quota', retryAfterMs: 7_200_000 });
  expect([breaker.state, breaker.nextProbeAt]).toEqual(['quota', clock.now() + 7_200_000]);
  await clock.elapse(7_200_000);
  expect([breaker.state, probes, breaker.nextProbeAt]).toEqual(['closed', [7_200_000], undefined]);
});

describe('a quota that another instance was told of', () => {
  const HOUR_MS = 3_600_000;

  test('stops this one too, however little of the wait is left, and is passed on to nobody', async () => {
    const { breaker, clock, probes, passedOn } = breakerOf();
    breaker.pauseFor(60_000);
    expect(breaker.state).toBe('quota');
    await clock.elapse(59_999);
    expect([breaker.state, probes]).toEqual(['quota', []]);
    await clock.elapse(1);
    expect([breaker.state, probes, passedOn]).toEqual(['closed', [60_000], []]);
  });

  test('counts where this one is in trouble of another kind', async () => {
    const { breaker, clock, closed } = breakerOf(AWAY);
    breaker.trip(AWAY);
    breaker.pauseFor(HOUR_MS);
    await clock.elapse(5000);
    expect(breaker.state).toBe('quota');
    await clock.elapse(HOUR_MS);
    expect([breaker.state, closed.length]).toEqual(['closed', 1]);
  });

  test('is passed on by whoever the API told, flight or probe', async () => {
    const wait: ApiTrouble = { reason: 'throttled', message: 'quota', retryAfterMs: HOUR_MS };
    const { breaker, clock, passedOn } = breakerOf(wait);
    breaker.trip(wait);
    await clock.elapse(HOUR_MS);
    expect(passedOn).toEqual([HOUR_MS, HOUR_MS]);
  });

  test('is over when somebody lifts it and the API answers, and begins anew where it does not', async () => {
    const wait: ApiTrouble = { reason: 'throttled', message: 'quota', retryAfterMs: HOUR_MS };
    const { breaker, clock, probes } = breakerOf(wait);
    breaker.pauseFor(2 * HOUR_MS);
    breaker.lift();
    await clock.elapse(0);
    expect([breaker.state, probes]).toEqual(['quota', [0]]);
    breaker.lift();
    await clock.elapse(0);
    expect([breaker.state, clock.pendingTimers]).toEqual(['closed', 0]);
  });
});

describe('where writes are refused for want of a right while reads are answered', () => {
  const FORBIDDEN: ApiTrouble = { reason: 'forbidden', status: 403, message: 'no right to write' };

  test('that is kept although the probe succeeds, until a write succeeds', async () => {
    const { breaker, clock } = breakerOf();
    breaker.trip(FORBIDDEN);
    await clock.elapse(40_000);
    expect([breaker.state, breaker.refusesWrites]).toEqual(['closed', FORBIDDEN]);
    breaker.wrote();
    expect(breaker.refusesWrites).toBeUndefined();
  });

  test('it is forgotten where it is not met again: whoever writes now may be another instance', async () => {
    const { breaker, clock } = breakerOf();
    breaker.trip(FORBIDDEN);
    await clock.elapse(90_000);
    breaker.trip(FORBIDDEN);
    await clock.elapse(90_000);
    expect(breaker.refusesWrites).toEqual(FORBIDDEN);
    await clock.elapse(10_000);
    expect(breaker.refusesWrites).toBeUndefined();
  });

  test('other trouble is over with the probe', async () => {
    const { breaker } = breakerOf();
    breaker.trip(AWAY);
    expect(breaker.refusesWrites).toBeUndefined();
  });
});
