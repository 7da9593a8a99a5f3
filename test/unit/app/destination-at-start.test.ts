/** A destination that cannot be used is known when the program starts, not only when there is something to write. */
import { expect, test } from 'vitest';
import { DestinationAtStart, type DestinationLookUp } from '../../../srv/app/destination-at-start.ts';
import type { ApiTrouble } from '../../../srv/territory-api/port.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';

const MISSING: ApiTrouble = { reason: 'destination', message: 'destination TERRITORY_API not found' };

/** The look-up at the start, what the breaker hears of it, and its log. */
function atStart(destination: DestinationLookUp | undefined) {
  const foreseen: ApiTrouble[] = [];
  const log = createRecordingLog();
  const breaker = { foresee: (trouble: ApiTrouble) => void foreseen.push(trouble) };
  return { foreseen, log, look: new DestinationAtStart({ destination, breaker, log }) };
}

test('the breaker hears of a destination that cannot be used', async () => {
  const { look, foreseen } = atStart({ lookUp: async () => MISSING });
  await look.start();
  expect(foreseen).toEqual([MISSING]);
});

test('of a destination that can be used, and where there is none, it hears nothing', async () => {
  for (const destination of [{ lookUp: async () => undefined }, undefined]) {
    const { look, foreseen, log } = atStart(destination);
    await look.start();
    expect([foreseen, log.lines]).toEqual([[], []]);
  }
});

test('a look-up that the stop ends is no trouble of the destination', async () => {
  const { look, foreseen } = atStart({
    lookUp: (signal) =>
      new Promise((resolve) => signal.addEventListener('abort', () => resolve(MISSING), { once: true })),
  });
  const looking = look.start();
  look.stop();
  await looking;
  expect(foreseen).toEqual([]);
});

test('a defect in the look-up is logged and keeps nothing from going on', async () => {
  const { look, foreseen, log } = atStart({ lookUp: () => Promise.reject(new Error('defect')) });
  await look.start();
  expect(foreseen).toEqual([]);
  expect(log.lines.map(({ level }) => level)).toEqual(['error']);
});
