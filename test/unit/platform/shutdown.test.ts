import { EventEmitter } from 'node:events';

import { afterEach, describe, expect, it, vi } from 'vitest';

import type { Clock } from '../../../srv/platform/clock.ts';
import type { Log } from '../../../srv/platform/log.ts';
import { createShutdown } from '../../../srv/platform/shutdown.ts';
import type { Shutdown } from '../../../srv/platform/shutdown.ts';

/** A process, a clock and a log in one; time moves only when told. */
function stage(timeoutMs = 50_000) {
  const host = Object.assign(new EventEmitter(), { exit: vi.fn<(code: number) => void>() });
  let nowMs = 0;
  const timers = new Map<() => void, number>();
  const clock: Clock = {
    now: () => nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, action) {
      timers.set(action, nowMs + delayMs);
      return { cancel: () => void timers.delete(action) };
    },
  };
  const lines: string[] = [];
  const write = (message: string): void => void lines.push(message);
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  const shutdown = createShutdown({ timeoutMs, clock, log, host });
  started.push(shutdown);
  const pass = (ms: number): void => {
    nowMs += ms;
    for (const [action, atMs] of timers) if (atMs <= nowMs && timers.delete(action)) action();
  };
  return {
    host,
    shutdown,
    lines,
    pass,
    timers,
    exited: () => vi.waitFor(() => expect(host.exit).toHaveBeenCalled()),
  };
}

const started: Shutdown[] = [];
afterEach(() => {
  for (const shutdown of started.splice(0)) shutdown.dispose();
});

describe('the shutdown', () => {
  it.each(['SIGTERM', 'SIGINT'])(
    'on %s stops the parts one after another, in order, and exits with 0',
    async (signal) => {
      const { host, shutdown, exited, timers } = stage();
      const steps: string[] = [];
      for (const part of ['intake', 'flights', 'journal']) {
        shutdown.onStop(part, async () => {
          steps.push(`${part} stops`);
          await Promise.resolve();
          steps.push(`${part} stopped`);
        });
      }
      expect(shutdown.requested.aborted).toBe(false);
      host.emit(signal);
      expect(shutdown.requested.aborted).toBe(true);
      await exited();
      expect(steps).toEqual(
        ['intake', 'flights', 'journal'].flatMap((part) => [`${part} stops`, `${part} stopped`]),
      );
      expect(host.exit.mock.calls).toEqual([[0]]);
      expect(timers.size).toBe(0);
    },
  );

  it('exits with 1 when a part does not stop in time, and names it', async () => {
    const { host, shutdown, lines, pass } = stage(50_000);
    shutdown.onStop('flights', () => new Promise<never>(() => {}));
    host.emit('SIGTERM');
    pass(49_999);
    expect(host.exit).not.toHaveBeenCalled();
    pass(1);
    expect(host.exit.mock.calls).toEqual([[1]]);
    expect(lines.at(-1)).toBe(
      'flights did not stop within 50000 ms: ending without it; SHUTDOWN_TIMEOUT_S sets the time',
    );
  });

  it('goes on with the next part when one fails, and exits with 1', async () => {
    const { host, shutdown, lines, exited } = stage();
    const next = vi.fn<() => Promise<void>>(() => Promise.resolve());
    shutdown.onStop('mesh', () => Promise.reject(new Error('no')));
    shutdown.onStop('journal', next);
    host.emit('SIGTERM');
    await exited();
    expect(next).toHaveBeenCalledOnce();
    expect(host.exit.mock.calls).toEqual([[1]]);
    expect(lines).toContain('mesh did not stop cleanly');
  });

  it('ends at once with 1 on another signal later', () => {
    const { host, shutdown, pass } = stage();
    shutdown.onStop('flights', () => new Promise<never>(() => {}));
    host.emit('SIGINT');
    pass(1000);
    host.emit('SIGINT');
    expect(host.exit.mock.calls).toEqual([[1]]);
  });

  it('takes signals within a second as one, because launcher and terminal both send Ctrl-C', () => {
    const { host, shutdown, pass } = stage();
    shutdown.onStop('flights', () => new Promise<never>(() => {}));
    host.emit('SIGINT');
    host.emit('SIGINT');
    pass(999);
    host.emit('SIGTERM');
    expect(host.exit).not.toHaveBeenCalled();
  });

  it.each(['uncaughtException', 'unhandledRejection'])(
    'logs an %s and ends at once with 1, stopping nothing',
    (event) => {
      const { host, shutdown, lines } = stage();
      const stop = vi.fn<() => Promise<void>>();
      shutdown.onStop('flights', stop);
      host.emit(event, new Error('defect'));
      expect(host.exit.mock.calls).toEqual([[1]]);
      expect(stop).not.toHaveBeenCalled();
      expect(lines[0]).toMatch(/: ending at once$/);
    },
  );

  it('exits only once, however much happens', async () => {
    const { host, shutdown, pass } = stage(10);
    let release = (): void => {};
    shutdown.onStop('flights', () => new Promise((resolve) => (release = resolve)));
    host.emit('SIGTERM');
    pass(10);
    release();
    host.emit('uncaughtException', new Error('late'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(host.exit.mock.calls).toEqual([[1]]);
  });

  it('leaves no listener behind', () => {
    const { host, shutdown } = stage();
    shutdown.dispose();
    expect(host.eventNames()).toEqual([]);
  });
});
