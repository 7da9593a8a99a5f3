/** Who gets which lane: fences, leases, packing, fairness. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ClaimedLane, Journal } from '../../../srv/journal/port.ts';
import { appendNew, change, claimOnly, completion, idsOf, intent, LEASE_MS, sendAll } from './samples.ts';
import type { Bench } from './bench.ts';
import { territories, state } from './questions.ts';

export function claimGuarantees(bench: Bench): void {
  let journal: Journal;
  beforeEach(() => {
    journal = bench.under.journal;
  });

  describe('claim', () => {
    it('takes lanes until their records fill the flight, several changes of one record taking one place', async () => {
      await appendNew(journal, [
        change('a', 'L1', { records: ['T1'] }),
        change('b', 'L1', { records: ['T1'] }),
        change('c', 'L2', { records: ['T1'] }),
        change('d', 'L3', { records: ['T1'] }),
      ]);
      expect(await territories(journal, 2)).toEqual(['L1', 'L2']);
      expect(await territories(journal, 2)).toEqual(['L3']);
      expect(await territories(journal, 2)).toEqual([]);
    });

    it('lets a lane that does not fit fly next, and alone if it is too large', async () => {
      await appendNew(journal, [change('a', 'SMALL', { records: ['T1'] })]);
      await bench.under.pass(1);
      await appendNew(journal, [change('b', 'LARGE', { records: ['T1', 'T2', 'T3', 'T4'] })]);
      await bench.under.pass(1);
      await appendNew(journal, [change('c', 'LATE', { records: ['T1'] })]);
      expect(await territories(journal, 3)).toEqual(['SMALL', 'LATE']);
      await appendNew(journal, [change('d', 'LATER', { records: ['T1'] })]);
      expect(await territories(journal, 3)).toEqual(['LARGE']);
    });

    it('serves the lane first that has been ready longest', async () => {
      for (const id of ['L1', 'L2', 'L3']) {
        await appendNew(journal, [change(id, id)]);
        await bench.under.pass(1);
      }
      const [first] = await journal.claim({ records: 1, leaseMs: LEASE_MS });
      expect(first?.territoryId).toBe('L1');
      await bench.under.pass(1);
      await journal.complete([completion(first as ClaimedLane, { ends: 0 })]);
      expect(await territories(journal, 1)).toEqual(['L2']);
      expect(await territories(journal, 1)).toEqual(['L3']);
      expect(await territories(journal, 1)).toEqual(['L1']);
    });

    it('counts only the records that have not ended', async () => {
      await appendNew(journal, [change('a', 'L1', { records: ['T1', 'T2', 'T3'] })]);
      const lane = await claimOnly(journal);
      const done = completion(lane, { begins: 1, ends: 0 });
      const results = new Map(
        [0, 1].map((index) => [index, { id: `T${index + 1}`, result: 'updated' } as const]),
      );
      await journal.complete([{ ...done, progress: done.progress.map((made) => ({ ...made, results })) }]);
      await appendNew(journal, [change('b', 'L2', { records: ['T1'] })]);
      expect(await territories(journal, 2)).toEqual(['L1', 'L2']);
    });

    it('gives each claim a higher fence than any before, of whatever lane', async () => {
      await appendNew(journal, [change('a', 'L1'), change('b', 'L2')]);
      const fences: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        const lanes = await journal.claim({ records: 1000, leaseMs: LEASE_MS });
        fences.push(...lanes.map(({ fence }) => fence));
        await journal.complete(lanes.map((lane) => completion(lane, { ends: 0 })));
      }
      expect(fences).toHaveLength(6);
      expect(fences).toEqual([...new Set(fences)].toSorted((a, b) => a - b));
    });

    it('goes on with positions and fences after a lane had nothing left', async () => {
      const [position = 0] = await appendNew(journal, [change('a', 'EMEA')]);
      const first = await claimOnly(journal);
      await journal.complete([completion(first)]);
      await sendAll(journal);
      await bench.under.pass(10 * LEASE_MS);
      await sendAll(journal);
      const [later] = await appendNew(journal, [change('b', 'EMEA')]);
      expect(later).toBeGreaterThan(position);
      expect((await claimOnly(journal)).fence).toBeGreaterThan(first.fence);
    });

    it('gives a lane to one owner at a time, also where several ask at once', async () => {
      await appendNew(
        journal,
        ['L1', 'L2', 'L3', 'L4'].map((id) => change(id, id)),
      );
      const claims = await Promise.all(
        [1, 2, 3, 4, 5, 6].map(() => journal.claim({ records: 1, leaseMs: LEASE_MS })),
      );
      const claimed = claims.flat().map(({ territoryId }) => territoryId);
      const rest = await territories(journal, 1000);
      expect([...claimed, ...rest].toSorted()).toEqual(['L1', 'L2', 'L3', 'L4']);
    });
  });

  describe('a fence', () => {
    let stale: ClaimedLane;
    let owner: ClaimedLane;
    beforeEach(async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      stale = await claimOnly(journal, 1000);
      await bench.under.pass(1000);
      owner = await claimOnly(journal);
    });

    it('goes to another owner when the lease is over', () => {
      expect(owner.fence).toBeGreaterThan(stale.fence);
      expect(idsOf(owner)).toEqual(['a']);
    });

    it('that is stale stores no intents', async () => {
      const intents = [intent('EMEA', 'T1', [1])];
      expect(await journal.storeIntents([{ ...stale, intents }])).toEqual(new Set());
      await journal.complete([completion(owner, { ends: 0 })]);
      expect((await claimOnly(journal)).memory.records.size).toBe(0);
    });

    it('that is stale completes nothing', async () => {
      expect(await journal.complete([completion(stale)])).toEqual(new Set());
      expect(await journal.takeUnsent(10)).toEqual([]);
      expect(await state(journal)).toBe('in-flight');
      expect(await journal.complete([completion(owner)])).toEqual(new Set(['EMEA']));
    });

    it('that is stale renews nothing', async () => {
      expect(await journal.renew([stale], 10 * LEASE_MS)).toEqual(new Set());
      await bench.under.pass(LEASE_MS);
      expect(await state(journal)).toBe('ready');
    });

    it('is stale as soon as its owner has completed', async () => {
      expect(await journal.complete([completion(owner, { ends: 0 })])).toEqual(new Set(['EMEA']));
      expect(await journal.complete([completion(owner)])).toEqual(new Set());
      expect(await journal.renew([owner], LEASE_MS)).toEqual(new Set());
      expect(await journal.storeIntents([{ ...owner, intents: [] }])).toEqual(new Set());
      expect(await state(journal)).toBe('ready');
    });

    it('holds beyond the end of its lease while nobody has taken the lane over', async () => {
      await bench.under.pass(LEASE_MS);
      expect(await journal.storeIntents([{ ...owner, intents: [] }])).toEqual(new Set(['EMEA']));
      expect(await journal.renew([owner], LEASE_MS)).toEqual(new Set(['EMEA']));
      expect(await state(journal)).toBe('in-flight');
      await bench.under.pass(LEASE_MS);
      expect(await journal.complete([completion(owner)])).toEqual(new Set(['EMEA']));
    });

    it('is judged lane by lane: one that is stale takes nothing from another one', async () => {
      await appendNew(journal, [change('b', 'APJ')]);
      const other = await claimOnly(journal);
      const done = [completion(stale), completion(other)];
      expect(await journal.complete(done)).toEqual(new Set(['APJ']));
      expect((await journal.takeUnsent(10)).map(({ id }) => id)).toEqual(['outcome of b']);
    });
  });

  describe('a lease', () => {
    it('keeps the lane until it ends, and as long again after a renewal', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      const lane = await claimOnly(journal, 1000);
      await bench.under.pass(900);
      expect(await journal.renew([lane], 1000)).toEqual(new Set(['EMEA']));
      await bench.under.pass(900);
      expect(await territories(journal, 1)).toEqual([]);
      await bench.under.pass(100);
      expect(await territories(journal, 1)).toEqual(['EMEA']);
    });

    it('hands the next owner what was stored before, intents included', async () => {
      const [position = 0] = await appendNew(journal, [change('a', 'EMEA')]);
      const lane = await claimOnly(journal, 1000);
      const stored = intent('EMEA', 'T1', [position]);
      expect(await journal.storeIntents([{ ...lane, intents: [stored] }])).toEqual(new Set(['EMEA']));
      await bench.under.pass(1000);
      expect((await claimOnly(journal)).memory.records.get('T1')).toEqual({
        conflicts: 0,
        refusals: 0,
        undecidedRounds: 0,
        failures: 0,
        doubt: 'sent',
        intent: stored,
      });
    });
  });
}
