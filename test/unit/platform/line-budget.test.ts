import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { LogLevel } from '../../../srv/platform/log-formats.ts';
import { createLogger } from '../../../srv/platform/logger.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

function limitedLog(limits = { burst: 10, perSecond: 5 }) {
  const clock = new ManualClock();
  const stream = new PassThrough();
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const log = createLogger({
    level: 'info',
    format: 'json',
    component: { name: 'app', instanceIndex: 0 },
    clock,
    stream,
    limits,
  });
  const lines = () =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { msg: string; level: LogLevel; of?: string; count?: number });
  return { clock, log, lines };
}

const HELD_BACK = /held back/;

test('a message that repeats itself without end is cut, and it is told how many lines were held back', () => {
  const { clock, log, lines } = limitedLog();
  for (let second = 0; second < 60; second += 1) {
    for (let line = 0; line < 1000; line += 1) log.warn('again');
    clock.advance(1000);
  }
  clock.advance(10_000);
  log.warn('again');
  const written = lines().filter(({ msg }) => msg === 'again').length;
  const held = lines().filter(({ msg }) => HELD_BACK.test(msg));
  expect(written).toBeLessThanOrEqual(10 + 60 * 5 + 1);
  expect(held.every(({ of, level }) => of === 'again' && level === 'warn')).toBe(true);
  expect(held.reduce((sum, { count }) => sum + (count ?? 0), written)).toBe(60_001);
  expect(lines().length).toBeLessThan(700);
});

test('another message, and the same one at another level, have lines of their own', () => {
  const { log, lines } = limitedLog();
  for (let line = 0; line < 100; line += 1) log.info('busy');
  log.info('rare');
  log.error('busy');
  const rest = lines().filter(({ level, msg }) => msg !== 'busy' || level !== 'info');
  expect(rest.map(({ level, msg }) => [level, msg])).toEqual([
    ['info', 'rare'],
    ['error', 'busy'],
  ]);
});

test('errors have twice as many', () => {
  const { log, lines } = limitedLog();
  for (let line = 0; line < 100; line += 1) {
    log.error('bad');
    log.info('good');
  }
  expect(lines().filter(({ level }) => level === 'error')).toHaveLength(20);
  expect(lines().filter(({ level }) => level === 'info')).toHaveLength(10);
});

test('messages that differ each time are remembered up to a limit, and nothing that was held back goes untold', () => {
  const { log, lines } = limitedLog({ burst: 1, perSecond: 0 });
  for (let message = 0; message < 2000; message += 1) {
    log.info(`message ${message}`);
    log.info(`message ${message}`);
  }
  expect(lines().filter(({ msg }) => HELD_BACK.test(msg))).toHaveLength(1500);
});

test('the record of what operators do is never cut', () => {
  const { log, lines } = limitedLog();
  for (let line = 0; line < 100; line += 1) log.info('Operator action: replay', { audit: true });
  expect(lines()).toHaveLength(100);
});
