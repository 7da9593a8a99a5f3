/**
 * The clock of a service whose time passes faster: `TIME_SPEED` of its seconds are one of ours, and at SIGUSR2 a day and an hour pass
 * at once (timers wait for what is left of their time nevertheless, as on a machine that was suspended). The servers around it keep
 * our time.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../../srv/platform/clock.ts';

export { sleep } from '../../../srv/platform/clock.ts';

const JUMP_MS = 25 * 3_600_000;

const speed = Number(process.env['TIME_SPEED']);
const startedAtMs = Date.now();
let jumpedMs = 0;
process.on('SIGUSR2', () => (jumpedMs += JUMP_MS));

// As the system's.
const apart = AsyncLocalStorage.snapshot();

const passedMs = (): number => performance.now() * speed + jumpedMs;

export const systemClock: Clock = {
  now: () => startedAtMs + passedMs(),
  monotonicMs: passedMs,
  after(delayMs, action) {
    const handle = setTimeout(apart, delayMs / speed, action);
    return { cancel: () => clearTimeout(handle) };
  },
};
