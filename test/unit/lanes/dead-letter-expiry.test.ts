import { beforeEach, describe, expect, it } from 'vitest';
import { ExpiryWatch, type ExpiringLetter } from '../../../srv/lanes/dead-letter-expiry.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { createRecordingLog, type RecordingLog } from '../../doubles/recording-log.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('The watch over dead letters that expire', () => {
  let clock: ManualClock;
  let log: RecordingLog;
  let letters: ExpiringLetter[];
  let watch: ExpiryWatch;

  beforeEach(() => {
    clock = new ManualClock();
    log = createRecordingLog();
    letters = [];
    watch = new ExpiryWatch({ letters: () => letters, clock, log });
  });

  const expiring = (id: string, leftMs: number | null): ExpiringLetter => ({
    id,
    expiresAt: leftMs === null ? null : clock.now() + leftMs,
  });
  const warnings = () =>
    log.lines.map(({ message, fields }) => [/within a \w+/.exec(message)?.[0], fields?.['ids']]);

  it('warns a week before and a day before, of each once', async () => {
    letters = [expiring('a', 8 * DAY_MS), expiring('never', null)];
    watch.start();
    await clock.elapse(23 * HOUR_MS);
    expect(warnings()).toEqual([]);
    await clock.elapse(2 * HOUR_MS);
    expect(warnings()).toEqual([['within a week', ['a']]]);
    await clock.elapse(7 * DAY_MS);
    expect(warnings()).toEqual([
      ['within a week', ['a']],
      ['within a day', ['a']],
    ]);
    expect(log.lines[0]).toMatchObject({
      level: 'warn',
      fields: { alert: 'TerritorySyncDeadLetterExpiring', count: 1 },
    });
    watch.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it('gives the nearer warning alone where both are due', () => {
    letters = [expiring('a', HOUR_MS)];
    watch.look();
    expect(warnings()).toEqual([['within a day', ['a']]]);
  });

  it('names some of many, and counts all', () => {
    letters = Array.from({ length: 500 }, (_, index) => expiring(`${index}`, DAY_MS - index));
    watch.look();
    expect(log.lines).toHaveLength(1);
    expect(log.lines[0]?.fields?.['count']).toBe(500);
    expect(log.lines[0]?.fields?.['ids']).toHaveLength(20);
  });
});
