import { beforeEach, describe, expect, it } from 'vitest';
import type { SharedSwitches } from '../../../srv/journal/port.ts';
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

  describe('where several instances share the switches', () => {
    const stopped = { paused: true, resumes: 0 };
    const running = { paused: false, resumes: 0 };
    let state: Awaited<ReturnType<SharedSwitches['switches']>>;
    let ring: () => void;
    let fails: boolean;

    beforeEach(() => {
      state = { intake: running, flights: running };
      fails = false;
      const shared: SharedSwitches = {
        async switches() {
          if (fails) throw new Error('gone');
          return state;
        },
        async setSwitches(what, to) {
          const next = { ...state };
          for (const one of what) {
            const { resumes } = state[one];
            next[one] = { paused: to === 'paused', resumes: to === 'paused' ? resumes : resumes + 1 };
          }
          state = next;
        },
        onSwitched(listener) {
          ring = listener;
          return () => undefined;
        },
      };
      processing = new Processing({
        receiving,
        wake: () => calls.push('wake'),
        audit: auditLog(log, new ManualClock()),
        shared,
      });
    });

    it('receives nothing before they are known, also where the first look fails', async () => {
      fails = true;
      processing.follow();
      expect(calls).toEqual(['pause']);
      fails = false;
      ring();
      await expect.poll(() => calls).toEqual(['pause', 'resume']);
    });

    it('obeys what another instance was told, and what was said before its start', async () => {
      state = { intake: stopped, flights: stopped };
      processing.follow();
      await expect.poll(() => processing.paused()).toEqual({ intake: true, flights: true });
      state = { intake: { paused: false, resumes: 1 }, flights: { paused: false, resumes: 1 } };
      ring();
      await expect.poll(() => processing.paused()).toEqual({ intake: false, flights: false });
      expect(calls).toEqual(['pause', 'resume', 'wake']);
    });

    it('tells the others, and says at once what is paused', async () => {
      processing.follow();
      await processing.pause(['flights'], 'anna');
      expect(processing.paused()).toEqual({ intake: false, flights: true });
      expect(state.flights.paused).toBe(true);
    });

    it('that was started paused goes on with the next resume anywhere, and pauses nobody else', async () => {
      processing.startPaused();
      processing.follow();
      ring();
      await processing.pause([], 'anna');
      expect(processing.paused()).toEqual({ intake: true, flights: true });
      expect(state).toEqual({ intake: running, flights: running });
      state = { intake: { paused: false, resumes: 1 }, flights: running };
      ring();
      await expect.poll(() => processing.paused()).toEqual({ intake: false, flights: true });
    });
  });
});
