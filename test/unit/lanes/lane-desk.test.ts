import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import type { OperatorAction } from '../../../srv/lanes/audit.ts';
import { JournalLaneDesk } from '../../../srv/lanes/lane-desk.ts';
import {
  appendNew,
  change,
  claimOnly,
  completion,
  RECEIVED_AT,
  SOURCE,
} from '../../contract/journal/samples.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

describe('The desk of lanes', () => {
  let clock: ManualClock;
  let journal: MemoryJournal;
  let desk: JournalLaneDesk;
  let actions: OperatorAction[];

  beforeEach(() => {
    clock = new ManualClock();
    journal = new MemoryJournal({ clock });
    actions = [];
    desk = new JournalLaneDesk({
      journal,
      deadLetters: { counts: async () => ({ open: 2, byTerritory: new Map([['EMEA', 2]]) }) },
      instance: 'instance 3',
      audit: (action) => actions.push(action),
    });
  });

  it('lists territories page by page, whatever comes and goes between the pages', async () => {
    const ids = ['A', 'B', 'C', 'D', 'E'];
    await appendNew(
      journal,
      ids.map((id) => change(id, id)),
    );
    const first = await desk.territories({ limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual(['A', 'B']);
    await appendNew(journal, [change('late', 'AA')]);
    const second = await desk.territories({ limit: 3, cursor: first.next ?? '' });
    expect(second).toMatchObject({ items: [{ id: 'C' }, { id: 'D' }, { id: 'E' }], next: null });
    for (const cursor of ['nonsense', Buffer.from('["dead-letters",1,"x"]').toString('base64url')]) {
      await expect(desk.territories({ limit: 2, cursor })).rejects.toMatchObject({ code: 'UNKNOWN_CURSOR' });
    }
  });

  it('says why a territory does not go on and until when, and how many dead letters it has', async () => {
    await appendNew(journal, [change('a', 'EMEA')]);
    const wait = { state: 'resting', delayMs: 5000 } as const;
    await journal.complete([completion(await claimOnly(journal), { ends: 0, wait })]);
    const [item] = (await desk.territories({ limit: 9 })).items;
    expect(item).toEqual({
      id: 'EMEA',
      state: 'resting',
      pending: 1,
      oldestReceivedAt: RECEIVED_AT,
      waitingFor: 'propagation',
      until: clock.now() + 5000,
      deadLetters: 2,
    });
    await clock.elapse(5000);
    expect((await desk.territories({ limit: 9 })).items).toMatchObject([{ waitingFor: null, until: null }]);
  });

  it('shows one territory with its changes, and who works on it', async () => {
    const [position] = await appendNew(journal, [change('a', 'EMEA', { records: ['T1', 'T2'] })]);
    const { fence } = await claimOnly(journal);
    expect(await desk.territory('EMEA')).toMatchObject({
      state: 'in-flight',
      fence,
      owner: 'instance 3',
      changes: [{ id: 'a', source: SOURCE, position, receivedAt: RECEIVED_AT, assignments: 2, attempts: 0 }],
    });
    expect(await desk.territory('NOWHERE')).toBeUndefined();
  });

  it('tells the path of a change, or that its id is not enough', async () => {
    const own = change('a', 'EMEA');
    await appendNew(journal, [own, { ...own, change: { ...own.change, source: '/elsewhere' } }]);
    expect(await desk.change('a')).toEqual({ kind: 'ambiguous', sources: [SOURCE, '/elsewhere'] });
    expect(await desk.change('a', SOURCE)).toMatchObject({
      kind: 'found',
      path: { id: 'a', source: SOURCE, territoryId: 'EMEA', state: 'pending', outcome: null, decision: 0 },
    });
    expect(await desk.change('never')).toEqual({ kind: 'unknown' });
  });

  it('pauses and resumes a territory on the record', async () => {
    await desk.pauseTerritory('EMEA', 'anna');
    expect(await desk.resumeTerritory('EMEA', 'bert')).toBe(true);
    expect(await desk.resumeTerritory('NOWHERE', 'bert')).toBe(false);
    expect(actions).toEqual([
      { by: 'anna', what: 'pause territory', to: { territoryId: 'EMEA' } },
      { by: 'bert', what: 'resume territory', to: { territoryId: 'EMEA' } },
    ]);
  });
});
