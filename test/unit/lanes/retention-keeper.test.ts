import { describe, expect, it } from 'vitest';
import { JournalUnavailable, type RetentionRules, type Tidied } from '../../../srv/journal/port.ts';
import { RetentionKeeper } from '../../../srv/lanes/retention-keeper.ts';
import { retentionRules } from '../../../srv/lanes/retention-rules.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';

const DAY_MS = 86_400_000;
const DAYS = { payloadDays: 7, historyDays: 30, deadLetterDays: 90 };
const NOTHING: Tidied = { payloads: 0, histories: 0, changes: 0, others: 0, expired: [], expiring: [] };

describe('The ages at which things are forgotten', () => {
  it('keep keys a day longer than the queue keeps a message', () => {
    expect(retentionRules({ retention: DAYS, mesh: { queueTtlS: 604_800 } })).toEqual({
      payloadMs: 7 * DAY_MS,
      historyMs: 30 * DAY_MS,
      deadLetterMs: 90 * DAY_MS,
      identityMs: 8 * DAY_MS,
    });
  });

  it('keep keys as long as the longest life of any message where the queue sets no end', () => {
    expect(retentionRules({ retention: DAYS, mesh: { queueTtlS: 0 } }).identityMs).toBe(31 * DAY_MS);
  });
});

describe('The keeper of these ages', () => {
  const world = (answer: () => Promise<Tidied | undefined>) => {
    const clock = new ManualClock();
    const log = createRecordingLog();
    const asked: RetentionRules[] = [];
    const keeper = new RetentionKeeper({
      journal: {
        tidy: (rules) => {
          asked.push(rules);
          return answer();
        },
      },
      rules: retentionRules({ retention: DAYS, mesh: { queueTtlS: 604_800 } }),
      clock,
      random: { fraction: () => 0.5, uuid: () => '' },
      log,
    });
    return { clock, log, asked, keeper };
  };

  it('asks about once a minute, and says nothing where nothing was done or it was another one’s turn', async () => {
    const answers = [NOTHING, undefined];
    const { clock, log, asked, keeper } = world(async () => answers.shift());
    keeper.start();
    await clock.elapse(59_000);
    expect(asked).toHaveLength(0);
    await clock.elapse(1000);
    await clock.elapse(60_000);
    expect(asked).toHaveLength(2);
    expect(log.lines).toEqual([]);
    await keeper.stop();
  });

  it('tells what went, what expired and what is about to', async () => {
    const { clock, log, keeper } = world(async () => ({
      ...NOTHING,
      payloads: 3,
      expired: ['a'],
      expiring: [{ withinDays: 7, ids: ['b', 'c'] }],
    }));
    keeper.start();
    await clock.elapse(60_000);
    expect(log.lines.map(({ message, fields }) => [message, fields])).toEqual([
      [
        'Dead letters expire within 7 days and are then gone: replay or discard them',
        { alert: 'TerritorySyncDeadLetterExpiring', count: 2, ids: ['b', 'c'] },
      ],
      ['Dead letters have expired undecided', { count: 1, ids: ['a'] }],
      ['Old changes were forgotten', { payloads: 3, histories: 0, changes: 0, others: 0 }],
    ]);
    await keeper.stop();
  });

  it('asks again after an outage, and no more once stopped', async () => {
    const { clock, log, asked, keeper } = world(async () => {
      throw new JournalUnavailable('gone');
    });
    keeper.start();
    await clock.elapse(60_000);
    await clock.elapse(60_000);
    expect(asked).toHaveLength(2);
    expect(log.lines).toEqual([]);
    await keeper.stop();
    await clock.elapse(600_000);
    expect(asked).toHaveLength(2);
  });
});
