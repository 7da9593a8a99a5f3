import { describe, expect, it } from 'vitest';

import type { QueueAdministration, QueueProperties } from '../../../srv/mesh/management/administration.ts';
import { setupAtStart } from '../../../srv/mesh/management/at-start.ts';
import { eventMeshRequirements } from '../../../srv/mesh/management/event-mesh-queue.ts';
import { repeatedly, untilReady } from '../../../srv/mesh/management/patience.ts';
import { planQueues } from '../../../srv/mesh/management/plan.ts';
import { ManagementError } from '../../../srv/mesh/management/problem.ts';
import { QueueWatch } from '../../../srv/mesh/management/queue-watch.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { RecordingLog } from '../../integration/mesh-parts.ts';

const random = { fraction: () => 0, uuid: () => '' };
const down = (retryAfterMs?: number) =>
  new ManagementError('MANAGEMENT_UNAVAILABLE', 'it is down', { retryAfterMs });
const refused = () => new ManagementError('MANAGEMENT_FORBIDDEN', 'no right');

/** A product whose every call is answered by `answer`. */
function product(answer: () => Promise<QueueProperties | undefined>): QueueAdministration {
  const done = async () => void (await answer());
  return {
    product: 'the product',
    exclusive: { property: 'accessType', value: 'EXCLUSIVE', unshown: 'unknown' },
    remedy: 'delete it',
    requirements: eventMeshRequirements,
    pattern: (topic) => topic,
    ready: done,
    get: answer,
    put: done,
    subscriptions: async () => [],
    addSubscription: done,
    removeSubscription: done,
  };
}

describe('the watch over the queue', () => {
  const watched = (answer: () => Promise<QueueProperties | undefined>) => {
    const [clock, log] = [new ManualClock(), new RecordingLog()];
    const watch = new QueueWatch({ queue: 'q', administration: product(answer), clock, log });
    watch.start();
    return { clock, log, watch };
  };

  it('holds readiness down while the queue is shared, and up again within a minute of its repair', async () => {
    let accessType = 'NON_EXCLUSIVE';
    const { clock, log, watch } = watched(async () => ({ accessType }));
    await clock.elapse(0);
    expect(watch.check()).toMatchObject({
      status: 'DOWN',
      reason: expect.stringContaining('NON_EXCLUSIVE') as unknown,
    });
    const { since } = watch.check();
    await clock.elapse(120_000);
    expect(watch.check().since).toBe(since);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    accessType = 'EXCLUSIVE';
    await clock.elapse(60_000);
    expect(watch.check()).toEqual({ status: 'UP', since: clock.now() });
    watch.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('keeps what it knows while the API cannot be asked, and says once what is lost', async () => {
    let answer: () => Promise<QueueProperties | undefined> = () => Promise.reject(down());
    const { clock, log, watch } = watched(() => answer());
    await clock.elapse(180_000);
    expect(watch.check().status).toBe('UP');
    expect(log.lines).toMatchObject([
      { level: 'warn', message: expect.stringContaining('order within a territory is lost') as unknown },
    ]);
    answer = async () => undefined;
    await clock.elapse(60_000);
    expect(watch.check()).toMatchObject({
      status: 'DOWN',
      reason: expect.stringContaining('does not exist') as unknown,
    });
    answer = () => Promise.reject(down());
    await clock.elapse(60_000);
    expect(watch.check()).toMatchObject({
      status: 'DOWN',
      reason: expect.stringContaining('does not exist') as unknown,
    });
    watch.stop();
  });

  it('sets no timer after its stop, not even where an answer was on its way', async () => {
    let answer: (properties: QueueProperties) => void = () => undefined;
    const { clock, watch } = watched(() => new Promise((resolve) => (answer = resolve)));
    watch.stop();
    answer({ accessType: 'NON_EXCLUSIVE' });
    await clock.elapse(0);
    expect(clock.pendingTimers).toBe(0);
    expect(watch.check().status).toBe('UP');
  });

  it('says at the start what is lost where there is nothing to ask', () => {
    const [clock, log] = [new ManualClock(), new RecordingLog()];
    const watch = new QueueWatch({ queue: 'q', administration: undefined, clock, log });
    watch.start();
    expect(log.lines).toMatchObject([
      {
        level: 'warn',
        message: expect.stringMatching(/queue q .*order within a territory is lost/) as unknown,
      },
    ]);
    expect(watch.check().status).toBe('UP');
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('the set-up at the start', () => {
  const plan = planQueues({
    mesh: { queue: 'w', deadLetterQueue: 'd', subscriptions: [], queueTtlS: 0 },
    intake: { window: 100 },
    retention: { deadLetterDays: 1 },
  });
  const start = (clock: ManualClock, answer: () => Promise<QueueProperties | undefined>) => {
    const [log, stop] = [new RecordingLog(), new AbortController()];
    const outcome = setupAtStart(plan, {
      administration: product(answer),
      clock,
      random,
      log,
      signal: stop.signal,
    });
    return { outcome, stop };
  };

  it('goes on trying while the API is down, less and less often, never sooner than it asks for', async () => {
    const attempts: number[] = [];
    const clock = new ManualClock();
    const { stop, outcome } = start(clock, () => {
      attempts.push(clock.monotonicMs());
      return Promise.reject(down(attempts.length === 2 ? 30_000 : undefined));
    });
    await clock.elapse(600_000);
    const waits = attempts.slice(1).map((at, index) => at - (attempts[index] ?? 0));
    expect(waits.slice(0, 4)).toEqual([1_000, 30_000, 4_000, 8_000]);
    expect(Math.max(...waits)).toBeLessThanOrEqual(60_000);
    stop.abort();
    expect(await outcome).toBe('stopped');
    expect(clock.pendingTimers).toBe(0);
  });

  it('ends with the reason of a refusal for good', async () => {
    const { outcome } = start(new ManualClock(), () => Promise.reject(refused()));
    await expect(outcome).rejects.toMatchObject({ code: 'MANAGEMENT_FORBIDDEN' });
  });
});

describe('a call', () => {
  const limits = {
    timeoutMs: 1,
    attempts: 3,
    backoff: { firstMs: 100, maxMs: 1_000 },
    readyWithinMs: 10_000,
  };

  it('is repeated a bounded number of times while the trouble is passing', async () => {
    const clock = new ManualClock();
    let calls = 0;
    const outcome = repeatedly(() => Promise.reject(down(++calls && undefined)), { clock, random, limits });
    const failed = expect(outcome).rejects.toThrow('it is down');
    await clock.elapse(60_000);
    await failed;
    expect(calls).toBe(3);
  });

  it('is not repeated where the refusal is for good, or the API asks for a wait beyond the limit', async () => {
    const clock = new ManualClock();
    for (const error of [refused(), down(1_001)]) {
      let calls = 0;
      const attempt = () => Promise.reject((calls++, error));
      await expect(repeatedly(attempt, { clock, random, limits })).rejects.toBe(error);
      expect(calls).toBe(1);
    }
  });

  it('for readiness waits as long as it is asked to, until its limit', async () => {
    const clock = new ManualClock();
    const startMs = clock.monotonicMs();
    const at: number[] = [];
    const outcome = untilReady(
      () => {
        at.push(clock.monotonicMs() - startMs);
        return Promise.reject(down(4_000));
      },
      { clock, random, limits },
    );
    const failed = expect(outcome).rejects.toThrow('it is down');
    await clock.elapse(60_000);
    await failed;
    expect(at).toEqual([0, 4_000, 8_000]);
  });
});
