import { describe, expect, it } from 'vitest';

import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import { countedJournal } from '../../../srv/monitor/counted-journal.ts';
import { Liveness } from '../../../srv/monitor/liveness.ts';
import { watchedJournal } from '../../../srv/monitor/watched-journal.ts';
import { createHttpServer } from '../../../srv/http/server.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';

function liveness() {
  const clock = new ManualClock();
  return { clock, lives: new Liveness(clock) };
}

describe('liveness', () => {
  it('is up while nothing is under way, and while what is has time left', async () => {
    const { clock, lives } = liveness();
    expect(lives.check()).toEqual({ status: 'UP' });
    const { promise, resolve } = Promise.withResolvers<number>();
    const step = lives.within(60_000, 'a step', () => promise);
    clock.advance(60_000);
    expect(lives.check()).toEqual({ status: 'UP' });
    resolve(5);
    expect(await step).toBe(5);
    clock.advance(60_000);
    expect(lives.check()).toEqual({ status: 'UP' });
  });

  it('is down while a step has not ended long after it had to, and up again if it does end', async () => {
    const { clock, lives } = liveness();
    const { promise, reject } = Promise.withResolvers<number>();
    const step = lives.within(60_000, 'a flight', () => promise);
    clock.advance(60_001);
    expect(lives.check()).toEqual({
      status: 'DOWN',
      reason: 'a flight has not ended within 60 s: a restart helps',
    });
    reject(new Error('at last'));
    await expect(step).rejects.toThrow('at last');
    expect(lives.check()).toEqual({ status: 'UP' });
  });

  it.each(['append', 'claim', 'complete'] as const)('sees a journal whose %s never ends', (call) => {
    const { clock, lives } = liveness();
    const stuck = new MemoryJournal({ clock });
    stuck[call] = () => new Promise<never>(() => undefined);
    const activity = { received: () => undefined, ended: () => undefined };
    const journal = watchedJournal(countedJournal(stuck, { activity, clock }), lives);
    const calls = {
      append: () => journal.append([]),
      claim: () => journal.claim({ records: 1, leaseMs: 1 }),
      complete: () => journal.complete([]),
    };
    void calls[call]();
    clock.advance(599_000);
    expect(lives.check()).toEqual({ status: 'UP' });
    clock.advance(2000);
    expect(lives.check()).toMatchObject({ status: 'DOWN' });
  });

  it('is what the platform is told', async () => {
    const { clock, lives } = liveness();
    const server = createHttpServer({
      host: '127.0.0.1',
      port: 0,
      log: createRecordingLog(),
      readiness: () => ({ mode: 'embedded', receiver: 'active', checks: [] }),
      liveness: () => lives.check(),
    });
    const { port } = await server.listen();
    const live = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/health/live`);
      return [answer.status, await answer.json()];
    };
    expect(await live()).toEqual([200, { status: 'UP' }]);
    void lives.within(1000, 'a flight', () => new Promise<never>(() => undefined));
    clock.advance(2000);
    expect(await live()).toMatchObject([503, { status: 'DOWN', reason: expect.stringMatching(/^a flight/) }]);
    await server.close();
  });
});
