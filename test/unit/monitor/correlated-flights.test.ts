import { describe, expect, it } from 'vitest';

import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import type { ChangeArrival, ClaimedLane } from '../../../srv/journal/port.ts';
import { correlatedFlights } from '../../../srv/monitor/correlated-flights.ts';
import { correlationId } from '../../../srv/platform/correlation.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { createRecordingLog } from '../../doubles/recording-log.ts';
import { arrival } from './arrivals.ts';

async function lanesOf(...changes: readonly ChangeArrival[]): Promise<readonly ClaimedLane[]> {
  const journal = new MemoryJournal({ clock: new ManualClock() });
  await journal.append(changes);
  return journal.claim({ records: 10, leaseMs: 1000 });
}

/** What a flight of these lanes is correlated by, and whether the log was told of its changes. */
async function fly(lanes: readonly ClaimedLane[]) {
  const log = createRecordingLog();
  const id = await correlatedFlights(() => Promise.resolve(correlationId()), log)(lanes);
  return { id, told: log.lines.map(({ fields }) => fields?.['changes']) };
}

describe('the correlation id of a flight', () => {
  it('is that of its changes, where they have one together', async () => {
    expect(await fly(await lanesOf(arrival('1')))).toEqual({ id: '1', told: [] });
    expect(
      await fly(
        await lanesOf(arrival('1', { correlationId: 'order' }), arrival('2', { correlationId: 'order' })),
      ),
    ).toEqual({
      id: 'order',
      told: [],
    });
  });

  it('is one of its own, where they have not, and the log says whose it is', async () => {
    const { id, told } = await fly(await lanesOf(arrival('1'), arrival('2')));
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(told).toEqual(['1 2']);
  });

  it('is another one for the next flight of the same changes', async () => {
    const lanes = await lanesOf(arrival('1'), arrival('2'));
    const again = lanes.map((lane) => ({ ...lane, fence: lane.fence + lanes.length }));
    const turned = lanes.toReversed();
    const flown = await Promise.all([lanes, again, turned].map(fly));
    expect(new Set(flown.map(({ id }) => id)).size).toBe(3);
  });
});
