/** The end of the program goes through all of its steps, whatever becomes of each of them. */
import { expect, test } from 'vitest';
import { createEnd } from '../../../srv/app/ending.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';

/** Every step by name, in the order in which they are to be done. */
const STEPS = ['start no flight', 'take no more', 'flights', 'outbox', 'intake', 'mesh'] as const;

/** An end of which these steps fail, each with its own name. */
function endFailingAt(...failing: readonly string[]) {
  const clock = new ManualClock();
  const log = createRecordingLog();
  const done: string[] = [];
  const step = (name: (typeof STEPS)[number]) => (): void => {
    done.push(name);
    if (failing.includes(name)) throw new Error(name);
  };
  const later = (name: (typeof STEPS)[number]) => async (): Promise<void> => {
    await Promise.resolve();
    step(name)();
  };
  const end = createEnd({
    clock,
    log,
    startNoFlight: step('start no flight'),
    takeNoMore: later('take no more'),
    handOver: undefined,
    finish: [later('flights'), later('outbox')],
    close: [step('intake'), later('mesh')],
  });
  return { clock, log, done, end };
}

test.each(STEPS)('where "%s" fails, every other step is done, and the stop fails of it', async (failing) => {
  const { clock, done, end } = endFailingAt(failing);
  const stopping = expect(end.stop()).rejects.toThrow(failing);
  await clock.elapse(1000);
  await stopping;
  expect(done).toEqual(STEPS);
  expect(clock.pendingTimers).toBe(0);
});

test('of several failures the first is thrown, and the others stand in the log', async () => {
  const { clock, log, done, end } = endFailingAt('flights', 'mesh');
  const stopping = expect(end.stop()).rejects.toThrow('flights');
  await clock.elapse(1000);
  await stopping;
  expect(done).toEqual(STEPS);
  expect(log.lines.map(({ fields }) => String(fields?.['error']))).toEqual(['Error: mesh']);
});

test('where letting go fails, what has begun is finished all the same, and the queue is handed over meanwhile', async () => {
  const clock = new ManualClock();
  const done: string[] = [];
  const landed = Promise.withResolvers<void>();
  const end = createEnd({
    clock,
    log: createRecordingLog(),
    startNoFlight: () => undefined,
    takeNoMore: () => Promise.reject(new Error('the journal is gone')),
    handOver: () => void done.push('handed over'),
    finish: [() => landed.promise, () => void done.push('outbox')],
    close: [() => void done.push('mesh')],
  });
  await expect(end.letGo()).rejects.toThrow('the journal is gone');
  await clock.elapse(1000);
  expect(done).toEqual(['handed over']);
  const stopping = expect(end.stop()).rejects.toThrow('the journal is gone');
  landed.resolve();
  await stopping;
  expect(done).toEqual(['handed over', 'outbox', 'mesh']);
});
