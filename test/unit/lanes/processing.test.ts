import { beforeEach, describe, expect, it } from 'vitest';
import { auditLog } from '../../../srv/lanes/audit.ts';
import { Processing } from '../../../srv/lanes/processing.ts';
import { Receiving } from '../../../srv/lanes/receiving.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { createRecordingLog, type RecordingLog } from '../../doubles/recording-log.ts';

describe('The switch of all processing', () => {
  let calls: string[];
  let log: RecordingLog;
  let receiving: Receiving;
  let processing: Processing;

  beforeEach(() => {
    calls = [];
    log = createRecordingLog();
    receiving = new Receiving({ pause: () => calls.push('pause'), resume: () => calls.push('resume') });
    processing = new Processing({
      receiving,
      wake: () => calls.push('wake'),
      received: () => calls.push('received'),
      audit: auditLog(log, new ManualClock()),
    });
  });

  it('stops and starts intake and flights each for itself', async () => {
    await processing.pause(['flights'], 'anna');
    expect([processing.paused(), calls]).toEqual([{ intake: false, flights: true }, []]);
    await processing.pause(['intake'], 'anna');
    expect([processing.paused(), calls]).toEqual([{ intake: true, flights: true }, ['pause']]);
    await processing.resume(['intake', 'flights'], 'anna');
    expect(processing.paused()).toEqual({ intake: false, flights: false });
    expect(calls).toEqual(['pause', 'resume', 'received', 'wake']);
  });

  it('starts paused until somebody resumes', async () => {
    processing.startPaused();
    expect(processing.paused()).toEqual({ intake: true, flights: true });
    await processing.resume(['intake', 'flights'], 'anna');
    expect(processing.paused()).toEqual({ intake: false, flights: false });
  });

  it('resumes no intake that is held for another reason too', async () => {
    receiving.hold('memory');
    await processing.pause(['intake'], 'anna');
    await processing.resume(['intake'], 'anna');
    expect(calls).toEqual(['pause', 'received']);
  });

  it('records who did what, and when', async () => {
    await processing.pause(['intake', 'flights'], 'anna');
    expect(log.lines).toEqual([
      {
        level: 'info',
        message: 'Operator action: pause intake and flights',
        fields: {
          audit: true,
          who: 'anna',
          when: '2026-11-22T10:00:00.000Z',
          what: 'pause intake and flights',
          why: '',
        },
      },
    ]);
  });
});
