import { describe, expect, it } from 'vitest';

import { BacklogSampler } from '../../../srv/monitor/backlog-sampler.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

const IDLE = { ready: 0, 'in-flight': 0, retrying: 0, resting: 0, locked: 0, held: 0, paused: 0 };

function sample(look: () => Promise<number>) {
  const clock = new ManualClock();
  const seen: number[] = [];
  const sampler = new BacklogSampler({
    clock,
    journal: { figures: async () => ({ pendingChanges: await look(), lanes: IDLE, outboxUnsent: 0 }) },
    activity: { backlog: (changes) => seen.push(changes) },
  });
  return { clock, seen, sampler };
}

describe('the backlog', () => {
  it('is looked at once at the start, then every ten seconds', async () => {
    let pending = 5;
    const { clock, seen, sampler } = sample(async () => pending++);
    sampler.start();
    await clock.elapse(25_000);
    expect(seen).toEqual([5, 6, 7]);
    sampler.stop();
    await clock.elapse(60_000);
    expect(seen).toHaveLength(3);
    expect(clock.pendingTimers).toBe(0);
  });

  it('is looked at again after the journal was away', async () => {
    let failures = 2;
    const { clock, seen, sampler } = sample(async () => {
      if (failures-- > 0) throw new Error('away');
      return 1;
    });
    sampler.start();
    await clock.elapse(25_000);
    expect(seen).toEqual([1]);
    sampler.stop();
  });

  it('is not told any more after the end, nor looked at again', async () => {
    let answer: (pending: number) => void = () => undefined;
    const { clock, seen, sampler } = sample(() => new Promise((resolve) => (answer = resolve)));
    sampler.start();
    sampler.stop();
    answer(9);
    await clock.elapse(60_000);
    expect(seen).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});
