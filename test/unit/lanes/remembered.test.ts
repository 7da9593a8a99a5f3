import { describe, expect, it } from 'vitest';
import { DeadLetterDecisions } from '../../../srv/lanes/dead-letter-decisions.ts';
import { ExpiryWatch, type ExpiringLetter } from '../../../srv/lanes/dead-letter-expiry.ts';
import { Suspects } from '../../../srv/lanes/suspects.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';

const MOST = 10_000;
const names = Array.from({ length: MOST + 1 }, (_, index) => `T${index}`);
const [first = '', second = ''] = names;
const last = names.at(-1) ?? '';

describe('What is remembered of more than ten thousand', () => {
  it('decisions is the latest', () => {
    const decisions = new DeadLetterDecisions();
    for (const id of names) decisions.finish(id, { at: 0, by: 'somebody', action: 'discard', note: '' });
    expect([first, second, last].map((id) => decisions.isDone(id))).toEqual([false, true, true]);
  });

  it('suspects are the latest: the oldest are trusted again', async () => {
    const suspects = new Suspects();
    const records = names.map((id) => ({ territoryId: 'EMEA', id }));
    const trouble = { reason: 'unavailable', message: '503' } as const;
    await suspects.ask(records, async (part) => part.map(() => ({ kind: 'trouble', trouble, sent: true })));
    expect([first, second, last].map((id) => suspects.has({ territoryId: 'EMEA', id }))).toEqual([
      false,
      true,
      true,
    ]);
  });

  it('warnings are the latest: the oldest is given again', () => {
    const clock = new ManualClock();
    const log = createRecordingLog();
    let letters: readonly ExpiringLetter[] = names.map((id) => ({ id, expiresAt: clock.now() }));
    const watch = new ExpiryWatch({ letters: () => letters, clock, log });
    watch.look();
    letters = letters.filter(({ id }) => id === first || id === last);
    watch.look();
    expect(log.lines.map(({ fields }) => fields?.['count'])).toEqual([MOST + 1, 1]);
  });
});
