import { describe, expect, it } from 'vitest';

import type { OutcomeKind } from '../../../srv/events/outcome.ts';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import {
  NO_MEMORY,
  type Journal,
  type LaneClaim,
  type UnreadableArrival,
} from '../../../srv/journal/port.ts';
import { countedJournal } from '../../../srv/monitor/counted-journal.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { arrival } from './arrivals.ts';

const unreadable: UnreadableArrival = {
  kind: 'unreadable',
  ref: { source: '/crm', id: 'garbage' },
  payload: { body: Buffer.from('?'), digest: 'g' },
  receivedAt: 0,
  messages: [],
  letter: {
    id: 'l',
    decision: 0,
    reason: { code: 'INVALID_EVENT', message: '' },
    envelope: { properties: {} },
  },
};

function count(journal: Journal = new MemoryJournal({ clock: new ManualClock() })) {
  const told: (number | OutcomeKind)[] = [];
  const clock = new ManualClock(0);
  const lasted: (number | undefined)[] = [];
  const consumed: number[] = [];
  const counted = countedJournal(journal, {
    activity: {
      received: (changes) => told.push(changes),
      ended: (outcome, durationMs) => {
        told.push(outcome);
        lasted.push(durationMs);
      },
    },
    measurements: { messageConsumed: (durationMs) => consumed.push(durationMs) },
    clock,
  });
  return { counted, told, clock, lasted, consumed };
}

const ending = ({ territoryId, fence }: LaneClaim, position: number, outcome: OutcomeKind) => ({
  territoryId,
  fence,
  progress: [],
  ended: [{ position, outcome, messages: [] }],
  memory: NO_MEMORY,
});

describe('a journal that is counted', () => {
  it('tells of what is new, not of duplicates and clashes', async () => {
    const { counted, told } = count();
    await counted.append([arrival('1'), arrival('2'), arrival('1')]);
    await counted.append([arrival('2'), arrival('1', { digest: 'other' }), arrival('3')]);
    expect(told).toEqual([2, 1]);
  });

  it('tells of what cannot be read as received and failed, once', async () => {
    const { counted, told } = count();
    await counted.append([unreadable, unreadable]);
    expect(told).toEqual(['failed', 1]);
  });

  it('tells of a replay that it ended, not that it was received again', async () => {
    const journal = new MemoryJournal({ clock: new ManualClock() });
    journal.append = async (arrivals) => arrivals.map(() => ({ kind: 'appended', position: 1 }));
    const { counted, told } = count(journal);
    const replay = { deadLetterId: 'd', decision: 1, overwrite: false, history: [] };
    await counted.append([
      { ...arrival('1'), replay },
      { ...unreadable, replayOf: 'd' },
    ]);
    expect(told).toEqual(['failed']);
  });

  it('tells of an append that failed nothing', async () => {
    const journal = new MemoryJournal({ clock: new ManualClock() });
    journal.append = () => Promise.reject(new Error('away'));
    const { counted, told } = count(journal);
    await expect(counted.append([arrival('1')])).rejects.toThrow('away');
    expect(told).toEqual([]);
  });

  it('tells how changes ended, but not what a former owner of the lane says', async () => {
    const { counted, told } = count();
    const [first, second] = await counted.append([arrival('1'), arrival('2')]);
    const [one, two] = await counted.claim({ records: 10, leaseMs: 1000 });
    if (!one || !two || first?.kind !== 'appended' || second?.kind !== 'appended')
      throw new Error('not claimed');
    told.length = 0;
    const stale = { ...two, fence: two.fence - 1 };
    const accepted = await counted.complete([
      ending(one, first.position, 'applied'),
      ending(stale, second.position, 'failed'),
    ]);
    expect([...accepted]).toEqual([one.territoryId]);
    expect(told).toEqual(['applied']);
  });

  it('tells how long changes lasted, from their receipt to their end', async () => {
    const { counted, clock, lasted } = count();
    clock.advance(1000);
    const [first] = await counted.append([arrival('1'), unreadable]);
    clock.advance(2500);
    const [lane] = await counted.claim({ records: 10, leaseMs: 1000 });
    if (!lane || first?.kind !== 'appended') throw new Error('not claimed');
    const { ended, ...rest } = ending(lane, first.position, 'applied');
    await counted.complete([{ ...rest, ended: ended.map((one) => ({ ...one, receivedAt: 0 })) }]);
    expect(lasted).toEqual([1000, 3500]);
  });

  it('tells of every message once: duplicates too, what comes back as unreadable then, a replay never', async () => {
    const { counted, clock, consumed } = count();
    clock.advance(40);
    await counted.append([arrival('1'), arrival('1')]);
    await counted.append([arrival('1', { digest: 'other' })]);
    await counted.append([{ ...unreadable, ref: { source: '/crm', id: '1' } }]);
    const replay = { deadLetterId: 'd', decision: 1, overwrite: true, history: [] };
    await counted.append([{ ...arrival('9'), replay }]);
    expect(consumed).toEqual([40, 40, 40]);
  });

  it('is the same journal in everything else', async () => {
    const { counted } = count();
    expect(counted.durability).toBe('queue');
    let work = 0;
    const stop = counted.onWork(() => (work += 1));
    await counted.append([arrival('1')]);
    expect(work).toBe(1);
    expect(await counted.nextDueMs()).toBe(0);
    expect(await counted.figures()).toMatchObject({ pendingChanges: 1, lanes: { ready: 1 } });
    const [lane] = await counted.claim({ records: 10, leaseMs: 1000 });
    if (!lane) throw new Error('not claimed');
    expect([...(await counted.renew([lane], 1000))]).toEqual([lane.territoryId]);
    expect([...(await counted.storeIntents([{ ...lane, intents: [] }]))]).toEqual([lane.territoryId]);
    expect(await counted.takeUnsent(10)).toEqual([]);
    stop();
    await counted.append([arrival('2')]);
    await counted.receiverLost();
    expect(work).toBe(1);
    expect(await counted.figures()).toMatchObject({ pendingChanges: 1 });
  });
});
