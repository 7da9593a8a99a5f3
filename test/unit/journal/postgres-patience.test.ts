import { describe, expect, it } from 'vitest';
import { JournalUnavailable } from '../../../srv/journal/port.ts';
import { patiently } from '../../../srv/journal/postgres/patience.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

const random = { fraction: () => 0, uuid: () => 'u' };

/** Fails so many times, then answers how often it was called. */
const failing = (times: number, error: Error = new JournalUnavailable('gone')) => {
  let calls = 0;
  return async () => {
    calls += 1;
    if (calls <= times) throw error;
    return calls;
  };
};

describe('Patience', () => {
  it('repeats what the database could not take, with growing waits', async () => {
    const clock = new ManualClock();
    const result = patiently({ clock, random, signal: new AbortController().signal }, 10_000, failing(4));
    await clock.elapse(50 + 100 + 200 + 400);
    expect(await result).toBe(5);
  });

  it('ends after its time', async () => {
    const clock = new ManualClock();
    const result = patiently({ clock, random, signal: new AbortController().signal }, 2000, failing(100));
    const refused = expect(result).rejects.toThrow(JournalUnavailable);
    await clock.elapse(2000);
    await refused;
  });

  it('does not repeat what fails for another reason, or when the journal closes', async () => {
    const clock = new ManualClock();
    const closed = new AbortController();
    const options = { clock, random, signal: closed.signal };
    await expect(patiently(options, 1000, failing(1, new TypeError('defect')))).rejects.toThrow('defect');
    const waiting = patiently(options, 1000, failing(100));
    closed.abort();
    await expect(waiting).rejects.toThrow('gone');
  });
});
