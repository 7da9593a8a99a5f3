/** Which writes go without a read, and what a foreign change meanwhile costs: real flights on an API double that counts. */
import { describe, expect, it } from 'vitest';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import { Blame } from '../../../srv/lanes/blame.ts';
import { BulkReads } from '../../../srv/lanes/bulk-read.ts';
import { fly, type FlightDeps } from '../../../srv/lanes/flight.ts';
import { OwnEtags, ownEtagRule, withoutRead } from '../../../srv/lanes/own-etags.ts';
import { planLane } from '../../../srv/lanes/plan.ts';
import { PropagationEstimate } from '../../../srv/lanes/propagation-estimate.ts';
import { Suspects } from '../../../srv/lanes/suspects.ts';
import type { ReadRequest, WriteRequest } from '../../../srv/territory-api/port.ts';
import { appendNew, change } from '../../contract/journal/samples.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { TerritoryApiDouble } from '../../doubles/territory-api.ts';
import { create, endChange, lane, pending, remembering, remove, report, silent, update } from './samples.ts';

class CountingApi extends TerritoryApiDouble {
  readonly reads: ReadRequest[] = [];
  readonly writes: (readonly WriteRequest[])[] = [];

  override async read(request: ReadRequest) {
    this.reads.push(request);
    return super.read(request);
  }

  override async write(requests: readonly WriteRequest[]) {
    this.writes.push(requests);
    return super.write(requests);
  }
}

function world() {
  const clock = new ManualClock();
  const api = new CountingApi(clock, {
    idempotency: 'kept',
    etags: 'told',
    checksFirst: 'version',
    freshReads: 'past-cache',
    maxLagMs: 5000,
  });
  const journal = new MemoryJournal({ clock });
  api.seed('NORTH/T1', { owner: 'nobody' });
  const propagation = { minMs: 0, maxMs: 0 };
  const deps: FlightDeps = {
    api,
    journal,
    clock,
    random: { fraction: () => 0, uuid: () => '' },
    log: silent,
    blame: new Blame(),
    suspects: new Suspects(),
    reads: new BulkReads(),
    propagation: new PropagationEstimate(propagation),
    endChange,
    rules: {
      retry: { limit: 5, firstDelayMs: 2000, maxDelayMs: 32_000 },
      onOverlap: 'source-wins',
      ownEtags: 'trusted',
      propagation,
      doubtLastsMs: 120_000,
    },
  };
  const flyOnce = async () => {
    const lanes = await journal.claim({ records: 50, leaseMs: 60_000 });
    await fly(lanes, 50, deps, () => true, new AbortController().signal);
  };
  return { api, journal, flyOnce };
}

describe('A record that we have written before', () => {
  it('is written again without a read', async () => {
    const { api, journal, flyOnce } = world();
    for (const id of ['first', 'second', 'third']) {
      await appendNew(journal, [change(id, 'NORTH', { records: ['T1'] })]);
      await flyOnce();
    }
    expect(api.reads.length).toBe(1);
    expect(api.landed.length).toBe(3);
  });

  it('costs one read at once where somebody else has changed it, and nothing of theirs is lost', async () => {
    const { api, journal, flyOnce } = world();
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
