/** Which writes go without a read, and what a foreign change meanwhile costs: real flights on an API double that counts. */
import { describe, expect, it } from 'vitest';
import { OwnEtags, ownEtagRule, withoutRead } from '../../../srv/lanes/own-etags.ts';
import { OwnEtagTrust } from '../../../srv/lanes/own-etag-trust.ts';
import { planLane } from '../../../srv/lanes/plan.ts';
import { appendNew, change } from '../../contract/journal/samples.ts';
import { flownWorld } from './flown-world.ts';
import { create, endChange, lane, pending, remembering, remove, report, update } from './samples.ts';

describe('A record that we have written before', () => {
  it('is written again without a read', async () => {
    const { api, journal, flyOnce } = flownWorld();
    for (const id of ['first', 'second', 'third']) {
      await appendNew(journal, [change(id, 'NORTH', { records: ['T1'] })]);
      await flyOnce();
    }
    expect(api.reads.length).toBe(1);
    expect(api.landed.length).toBe(3);
  });

  it('costs one read at once where somebody else has changed it, and nothing of theirs is lost', async () => {
    const { api, journal, flyOnce } = flownWorld();
    await appendNew(journal, [change('first', 'NORTH', { records: ['T1'] })]);
    await flyOnce();
    api.writeForeign('NORTH/T1');
    await appendNew(journal, [change('second', 'NORTH', { records: ['T1'] })]);
    await flyOnce();
    expect([api.reads.length, api.writes.length]).toEqual([1, 2]);
    await flyOnce();
    expect([api.reads.length, api.writes.length, api.landed.length]).toEqual([2, 3, 2]);
    expect(api.reads[1]?.pastCache).toBe(true);
    expect(api.history('NORTH/T1').at(-1)).toMatchObject({ note: 1 });
  });
});

describe('Where others write the same records all the time', () => {
  const ROUNDS = 30;

  it('records are read again after a few conflicts, until the reads show that the others have stopped', async () => {
    const { api, journal, flyOnce } = flownWorld();
    const writeOnce = async (id: string) => {
      await appendNew(journal, [change(id, 'NORTH', { records: ['T1'] })]);
      const landed = api.landed.length;
      while (api.landed.length === landed) await flyOnce();
    };
    await writeOnce('first');
    for (let round = 0; round < ROUNDS; round += 1) {
      api.writeForeign('NORTH/T1');
      await writeOnce(`contended ${round}`);
    }
    const refused = () => api.writes.length - api.landed.length;
    expect(refused()).toBeGreaterThan(0);
    expect(refused()).toBeLessThanOrEqual(3);
    expect(api.history('NORTH/T1').at(-1)).toMatchObject({ note: ROUNDS });

    const conflicts = refused();
    for (let round = 0; round < 5 * ROUNDS; round += 1) await writeOnce(`quiet ${round}`);
    const readsThen = api.reads.length;
    await writeOnce('last');
    expect([api.reads.length - readsThen, refused() - conflicts]).toEqual([0, 0]);
  });
});

describe('The trust in ETags of our own', () => {
  const passenger = (latest: number) => {
    const claimed = lane([pending(1, [update('T1', { owner: 'E2' })])], {
      ownEtags: { until: 9000, etags: new Map([['T1', 'W/"2"']]) },
      rest: { latest, expected: new Map() },
    });
    return { plan: planLane(claimed, 50), report: report(claimed), intents: [], withoutRead: new Map() };
  };
  const afterReads = (latest: number, proof: boolean) => {
    const trust = new OwnEtagTrust();
    const state = { found: true, etag: 'W/"1"', fields: {} } as const;
    for (let times = 0; times < 9; times += 1)
      trust.compare(passenger(latest), new Map([['T1', { kind: 'read', state, proof }]]), 1000);
    return trust.holds;
  };

  it('is lost by reads that show another one, unless a cache may be late', () => {
    expect(afterReads(1000, false)).toBe(false);
    expect(afterReads(5000, true)).toBe(false);
    expect(afterReads(5000, false)).toBe(true);
  });
});

describe('Without a read go', () => {
  const known = { ownEtags: { until: 1, etags: new Map([['T1', 'W/"2"']]) } };
  const served = (claimed: ReturnType<typeof lane>, rule = ownEtagRule('source-wins')) =>
    withoutRead(planLane(claimed, 50), report(claimed), rule);

  it('updates, each with the ETag of our own last write', () => {
    expect(served(lane([pending(1, [update('T1', { a: 1 }), update('T2', { a: 1 })])], known))).toEqual(
      new Map([['T1', 'W/"2"']]),
    );
  });

  it('no creates, no deletes, no replays', () => {
    expect(served(lane([pending(1, [create('T1', { a: 1 })])], known)).size).toBe(0);
    expect(served(lane([pending(1, [remove('T1')])], known)).size).toBe(0);
    const replay = { deadLetterId: 'D', decision: 1, overwrite: false, history: [] };
    expect(served(lane([pending(1, [update('T1', { a: 1 })], { replay })], known)).size).toBe(0);
  });

  it('no record of which anything is remembered', () => {
    const records = remembering({ T1: { refusals: 1 } });
    expect(served(lane([pending(1, [update('T1', { a: 1 })])], { ...known, records })).size).toBe(0);
  });

  it('nothing under review', () => {
    const claimed = lane([pending(1, [update('T1', { a: 1 })])], known);
    expect(served(claimed, ownEtagRule('review')).size).toBe(0);
  });
});

describe('The ETags of our own writes', () => {
  const ended = { covers: [], supersedes: [] };
  const left = (act: (made: ReturnType<typeof report>) => void) => {
    const made = report(
      lane([pending(1, [update('T1', { a: 1 })])], {
        ownEtags: { until: 1, etags: new Map([['T1', 'old']]) },
      }),
    );
    act(made);
    return made.completion(undefined, 0, endChange).memory.ownEtags?.etags;
  };

  it('are those of the last update of each record', () => {
    expect(left((made) => made.wrote({ id: 'T1', operation: 'update' }, 'new'))).toEqual(
      new Map([['T1', 'new']]),
    );
    expect(left((made) => made.wrote({ id: 'T2', operation: 'create' }, 'new'))?.has('T2')).toBe(false);
  });

  it('are forgotten with anything that may have changed the record', () => {
    expect(left((made) => made.remember('T1', { conflicts: 1 }))).toBeUndefined();
    expect(left((made) => made.unmerge('T1'))).toBeUndefined();
    expect(left((made) => made.end('T1', ended, { result: 'unchanged' }))).toBeUndefined();
  });

  it('are forgotten five minutes after the last write of the lane', () => {
    const etags = new OwnEtags(undefined, 0);
    etags.wrote('T1', 'e');
    expect(new OwnEtags(etags.all, 299_999).get('T1')).toBe('e');
    expect(new OwnEtags(etags.all, 300_000).get('T1')).toBeUndefined();
  });

  it('are no more than two hundred of a lane, the latest', () => {
    const etags = new OwnEtags(undefined, 0);
    for (let index = 0; index < 250; index += 1) etags.wrote(`T${index}`, 'e');
    etags.wrote('T60', 'e');
    expect(etags.all?.etags.size).toBe(200);
    expect([...(etags.all?.etags ?? [])].at(-1)?.[0]).toBe('T60');
    expect(etags.get('T49')).toBeUndefined();
  });
});
