/** What flights leave behind: memory, waits, endings. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { ClaimedLane, Journal } from '../../../srv/journal/port.ts';
import { appendNew, change, claimOnly, completion, idsOf, intent, LEASE_MS, RECEIVED_AT } from './samples.ts';
import type { Bench } from './bench.ts';
import { territories, state, near } from './questions.ts';

export function flightGuarantees(bench: Bench): void {
  let journal: Journal;
  beforeEach(() => {
    journal = bench.under.journal;
  });

  describe('memory of a lane', () => {
    it('is kept between flights as it was left', async () => {
      const [position = 0] = await appendNew(journal, [change('a', 'EMEA'), change('b', 'EMEA')]);
      const record = {
        conflicts: 2,
        refusals: 3,
        undecidedRounds: 1,
        failures: 4,
        lastStatus: 412,
        doubt: 'sent' as const,
        intent: intent('EMEA', 'T1', [position]),
      };
      const memory = {
        prefixEnd: position,
        unmergedUpTo: position,
        records: new Map([['T1', record]]),
        rest: {
          latest: RECEIVED_AT + 5000,
          expected: new Map([['T1', 'W/"2"']]),
          shownBy: new Map([['T1', RECEIVED_AT + 4000]]),
        },
        undeleted: [{ id: '__proto__', etag: 'W/"2"', until: RECEIVED_AT + 9000 }],
        unwritten: [
          { id: '__proto__', name: 'owner', values: ['E1', null], position, until: RECEIVED_AT + 9000 },
        ],
      };
      await journal.complete([completion(await claimOnly(journal), { begins: 1, ends: 0, memory })]);
      expect((await claimOnly(journal)).memory).toEqual(memory);
    });

    it('keeps what else is known of a record whose intent is stored', async () => {
      const [position = 0] = await appendNew(journal, [change('a', 'EMEA')]);
      const known = { conflicts: 2, refusals: 3, undecidedRounds: 0, failures: 0, doubt: 'none' as const };
      const others = { ...known, conflicts: 1 };
      const records = new Map([
        ['T1', known],
        ['T2', others],
      ]);
      await journal.complete([completion(await claimOnly(journal), { ends: 0, memory: { records } })]);
      const lane = await claimOnly(journal, 1000);
      const stored = intent('EMEA', 'T1', [position]);
      await journal.storeIntents([{ ...lane, intents: [stored] }]);
      await bench.under.pass(1000);
      const { memory } = await claimOnly(journal);
      expect(memory.records.get('T1')).toEqual({ ...known, doubt: 'sent', intent: stored });
      expect(memory.records.get('T2')).toEqual(others);
    });

    it('keeps in mind what was given up and may land yet, where another request is stored after it', async () => {
      const [position = 0] = await appendNew(journal, [change('a', 'EMEA')]);
      const counts = { conflicts: 0, refusals: 0, undecidedRounds: 0, failures: 0 };
      const until = RECEIVED_AT + 120_000;
      const givenUp = { ...counts, doubt: 'sent' as const, mayLand: { operation: 'update' as const, until } };
      const records = new Map([['T1', givenUp]]);
      await journal.complete([completion(await claimOnly(journal), { ends: 0, memory: { records } })]);
      const stored = intent('EMEA', 'T1', [position]);
      const expected = { ...givenUp, intent: stored, givenUpUntil: until };
      // A repetition is stored as well, and changes nothing of that.
      for (let times = 0; times < 2; times += 1) {
        const lane = await claimOnly(journal, 1000);
        await journal.storeIntents([{ ...lane, intents: [stored] }]);
        await bench.under.pass(1000);
        const { memory, ...claim } = await claimOnly(journal);
        expect(memory.records.get('T1')).toEqual(expected);
        await journal.complete([completion({ ...claim, memory }, { ends: 0, memory })]);
      }
    });

    it('adds up what flights made of a change, and never replaces a result', async () => {
      await appendNew(journal, [change('a', 'EMEA', { records: ['T1', 'T2'] })]);
      const lane = await claimOnly(journal);
      const part = completion(lane, { begins: 1, ends: 0 });
      const made = { ...part.progress[0], attempts: 1, conflicts: 1 } as (typeof part.progress)[number];
      const first = { id: 'T1', result: 'updated', etag: 'W/"2"' } as const;
      await journal.complete([{ ...part, progress: [{ ...made, results: new Map([[0, first]]) }] }]);
      const again = await claimOnly(journal);
      const second = { id: 'T2', result: 'unchanged' } as const;
      const late = new Map([
        [0, second],
        [1, second],
      ]);
      await journal.complete([{ ...part, fence: again.fence, progress: [{ ...made, results: late }] }]);
      const { changes } = await claimOnly(journal);
      expect(changes[0]).toMatchObject({ results: [first, second], attempts: 2, conflicts: 2 });
      expect(changes[0]?.history).toHaveLength(2);
    });

    it('keeps the history of a change bounded, its start and its end', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      const part = completion(await claimOnly(journal), { begins: 1, ends: 0 });
      const history = Array.from({ length: 500 }, (_, at) => ({ at, step: 'conflict' as const }));
      await journal.complete([{ ...part, progress: part.progress.map((made) => ({ ...made, history })) }]);
      const kept = (await claimOnly(journal)).changes[0]?.history ?? [];
      expect(kept.length).toBeLessThanOrEqual(100);
      expect(kept[0]?.at).toBe(0);
      expect(kept.at(-1)?.at).toBe(499);
    });
  });

  describe('a wait', () => {
    const waits = ['retrying', 'resting', 'locked'] as const;

    it.each(waits)('keeps a lane %s until it is over, not longer', async (waiting) => {
      await appendNew(journal, [change('a', 'EMEA')]);
      await journal.complete([
        completion(await claimOnly(journal), { ends: 0, wait: { state: waiting, delayMs: 2000 } }),
      ]);
      expect(await state(journal)).toBe(waiting);
      expect(near(await journal.nextDueMs())).toBe(2000);
      await bench.under.pass(1500);
      expect(await territories(journal, 1)).toEqual([]);
      expect(near(await journal.nextDueMs())).toBe(500);
      await bench.under.pass(500);
      expect(await state(journal)).toBe('ready');
      expect(await journal.nextDueMs()).toBe(0);
      expect(await territories(journal, 1)).toEqual(['EMEA']);
    });

    it('is not cut short by changes that arrive meanwhile', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      await journal.complete([
        completion(await claimOnly(journal), { wait: { state: 'resting', delayMs: 2000 } }),
      ]);
      await appendNew(journal, [change('b', 'EMEA')]);
      expect(await state(journal)).toBe('resting');
      expect(await territories(journal, 1)).toEqual([]);
    });

    it('of one lane makes no other wait', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      await journal.complete([
        completion(await claimOnly(journal), { ends: 0, wait: { state: 'retrying', delayMs: 2000 } }),
      ]);
      await appendNew(journal, [change('b', 'APJ')]);
      expect(await journal.nextDueMs()).toBe(0);
      expect(await territories(journal, 1000)).toEqual(['APJ']);
    });

    it('of related lanes begins with the write, whatever they do, and the longer wait counts', async () => {
      await appendNew(journal, [change('a', 'WRITER'), change('b', 'READY'), change('c', 'WAITING')]);
      const lanes = await journal.claim({ records: 1000, leaseMs: LEASE_MS });
      const by = (id: string) => lanes.find(({ territoryId }) => territoryId === id) as ClaimedLane;
      await journal.complete([
        completion(by('READY'), { ends: 0 }),
        completion(by('WAITING'), { ends: 0, wait: { state: 'retrying', delayMs: 9000 } }),
      ]);
      const alsoRest = { territoryIds: ['READY', 'WAITING', 'EMPTY', 'WRITER'], delayMs: 3000 };
      await journal.complete([completion(by('WRITER'), { ends: 0, alsoRest })]);
      await appendNew(journal, [change('d', 'EMPTY')]);
      expect((await journal.figures()).lanes).toMatchObject({ ready: 0, resting: 3, retrying: 1 });
      await bench.under.pass(3000);
      expect((await territories(journal, 1000)).toSorted()).toEqual(['EMPTY', 'READY', 'WRITER']);
    });

    it('of a related lane that is in flight begins when that flight ends', async () => {
      await appendNew(journal, [change('a', 'WRITER'), change('b', 'FLYING')]);
      const [one, two] = await journal.claim({ records: 1000, leaseMs: LEASE_MS });
      const writer = one?.territoryId === 'WRITER' ? one : two;
      const flying = writer === one ? two : one;
      const alsoRest = { territoryIds: ['FLYING'], delayMs: 3000 };
      await journal.complete([completion(writer as ClaimedLane, { alsoRest })]);
      expect(await state(journal)).toBe('in-flight');
      await journal.complete([completion(flying as ClaimedLane, { ends: 0 })]);
      expect(await state(journal)).toBe('resting');
    });

    it('is due with the lease where a lane is in flight', async () => {
      expect(await journal.nextDueMs()).toBeUndefined();
      await appendNew(journal, [change('a', 'EMEA')]);
      const lane = await claimOnly(journal, 1000);
      expect(near(await journal.nextDueMs())).toBe(1000);
      await journal.complete([completion(lane)]);
      expect(await journal.nextDueMs()).toBeUndefined();
    });
  });

  describe('complete', () => {
    it('ends changes, queues their messages and keeps the rest in order', async () => {
      await appendNew(
        journal,
        ['a', 'b', 'c'].map((id) => change(id, 'EMEA')),
      );
      await journal.complete([completion(await claimOnly(journal), { ends: 2 })]);
      expect((await journal.takeUnsent(10)).map(({ id }) => id)).toEqual(['outcome of a', 'outcome of b']);
      expect(idsOf(await claimOnly(journal))).toEqual(['c']);
    });

    it('keeps what was appended during the flight', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      const lane = await claimOnly(journal);
      await appendNew(journal, [change('b', 'EMEA')]);
      await journal.complete([completion(lane)]);
      expect(idsOf(await claimOnly(journal))).toEqual(['b']);
    });

    it('announces that the lane may be ready and messages unsent', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      const lane = await claimOnly(journal);
      let calls = 0;
      const stop = journal.onWork(() => (calls += 1));
      await journal.complete([completion(lane)]);
      await expect.poll(() => calls).toBeGreaterThan(0);
      stop();
    });
  });
}
