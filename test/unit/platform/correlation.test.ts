import { describe, expect, it } from 'vitest';
import { sleep, systemClock } from '../../../srv/platform/clock.ts';
import { correlated, correlatedLog, correlationId } from '../../../srv/platform/correlation.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';

describe('A correlation id', () => {
  it('goes along with the work, over its waits, and with no other', async () => {
    const work = async () => {
      await sleep(systemClock, 1);
      return correlationId();
    };
    const found = await Promise.all([correlated('one', work), correlated('two', work), work()]);
    expect(found).toEqual(['one', 'two', undefined]);
  });

  it('is not that of what a timer wakes, which may go on long after the work', async () => {
    const woken = await correlated(
      'one',
      () =>
        new Promise((resolve) => {
          systemClock.after(0, () => resolve(correlationId() ?? 'none'));
        }),
    );
    expect(woken).toBe('none');
  });

  it('stands in the lines of the logs that are asked to have it', () => {
    const log = createRecordingLog();
    correlated('one', () => {
      log.info('without');
      correlatedLog(log).info('with', { lanes: 2 });
    });
    correlatedLog(log).info('outside');
    expect(log.lines.map(({ fields }) => fields?.['correlationId'])).toEqual([undefined, 'one', undefined]);
  });
});
