/** What is told to the mesh, and when the mesh may forget: outbox, figures, release, a lost receiver. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { receiptOf, type ClaimedLane, type Journal, type OutboxMessage } from '../../../srv/journal/port.ts';
import {
  appendNew,
  change,
  claimOnly,
  completion,
  idsOf,
  intent,
  LEASE_MS,
  message,
  RECEIVED_AT,
  sendAll,
  unreadable,
} from './samples.ts';
import type { Bench } from './bench.ts';
import { kinds, unsent } from './questions.ts';

export function settlingGuarantees(bench: Bench): void {
  let journal: Journal;
  beforeEach(() => {
    journal = bench.under.journal;
  });

  describe('the outbox', () => {
    it('hands messages out oldest first, each once until it is given back', async () => {
      await journal.append(['1', '2', '3'].map((id) => unreadable(id, { messages: [message(id)] })));
      expect(await unsent(journal, 2)).toEqual(['1', '2']);
      expect(await unsent(journal, 2)).toEqual(['3']);
      await journal.giveBack(['2', '1']);
      expect(await unsent(journal, 10)).toEqual(['1', '2']);
      expect((await journal.figures()).outboxUnsent).toBe(3);
      await journal.markSent(['1', '2', '3']);
      expect((await journal.figures()).outboxUnsent).toBe(0);
      expect(await unsent(journal, 10)).toEqual([]);
    });

    it('gives only messages of the kinds that are asked for, oldest first', async () => {
      const messages = [message('1', 'dead-letter'), message('2'), message('3', 'dead-letter'), message('4')];
      await journal.append([unreadable('x', { messages })]);
      const taken = async (limit: number, ...kinds: OutboxMessage['kind'][]): Promise<string[]> =>
        (await journal.takeUnsent(limit, kinds)).map(({ id }) => id);
      expect(await taken(1, 'outcome')).toEqual(['2']);
      expect(await taken(10, 'outcome')).toEqual(['4']);
      expect(await taken(10, 'outcome')).toEqual([]);
      await journal.giveBack(['2']);
      expect(await taken(10, 'outcome', 'dead-letter')).toEqual(['1', '2', '3']);
    });

    it('gives messages as they were made', async () => {
      const made = message('m', 'dead-letter');
      await journal.append([unreadable('x', { messages: [made] })]);
      expect(await journal.takeUnsent(1)).toEqual([made]);
    });

    it('announces what is given back', async () => {
      await journal.append([unreadable('x')]);
      await journal.takeUnsent(1);
      let calls = 0;
      const stop = journal.onWork(() => (calls += 1));
      await journal.giveBack(['dead letter x']);
      await expect.poll(() => calls).toBeGreaterThan(0);
      stop();
    });

    it('passes over ids that it does not know', async () => {
      await journal.markSent(['never']);
      await journal.giveBack(['never']);
      expect(await unsent(journal, 10)).toEqual([]);
    });

    it('sends both of two messages under one id, the later after the earlier', async () => {
      const twin = (id: string, digest: string) => unreadable(id, { digest, messages: [message('twin')] });
      await journal.append([twin('x', 'one'), twin('x', 'two')]);
      expect(await unsent(journal, 10)).toEqual(['twin']);
      await journal.markSent(['twin']);
      expect(await unsent(journal, 10)).toEqual(['twin']);
      await journal.giveBack(['twin']);
      expect(await unsent(journal, 10)).toEqual(['twin']);
      await journal.markSent(['twin']);
      expect((await journal.figures()).outboxUnsent).toBe(0);
    });
  });

  describe('figures', () => {
    it('count pending changes, lanes that are shown by state, and unsent messages', async () => {
      expect(await journal.figures()).toMatchObject({
        pendingChanges: 0,
        oldestReceivedAt: undefined,
        lanes: { ready: 0, 'in-flight': 0, retrying: 0, resting: 0, locked: 0, held: 0, paused: 0 },
        outboxUnsent: 0,
      });
      const old = { ...change('a', 'L1'), receivedAt: RECEIVED_AT - 5000 };
      await appendNew(journal, [change('b', 'L2'), old, change('c', 'L1'), unreadable('x')]);
      const lanes = await journal.claim({ records: 1, leaseMs: LEASE_MS });
      expect(await journal.figures()).toMatchObject({
        pendingChanges: 3,
        oldestReceivedAt: RECEIVED_AT - 5000,
        lanes: { ready: 1, 'in-flight': 1, retrying: 0, resting: 0, locked: 0, held: 0, paused: 0 },
        outboxUnsent: 1,
      });
      await journal.complete(lanes.map((lane) => completion(lane)));
      await journal.complete([completion(await claimOnly(journal))]);
      expect(await journal.figures()).toMatchObject({ pendingChanges: 0, outboxUnsent: 4 });
    });
  });

  describe('release', () => {
    let released: string[];
    let stop: () => void;
    beforeEach(() => {
      released = [];
      stop = journal.onReleased((receipt) => released.push(receipt));
    });
    afterEach(() => stop());
    const receipts = (...ids: readonly string[]) => ids.map((id) => receiptOf(change(id, '')));
    const embedded = () => journal.durability === 'queue';

    it('follows the order of the lane, and waits until the mesh has accepted all that is told of a change', async () => {
      await appendNew(
        journal,
        ['a', 'b', 'c'].map((id) => change(id, 'EMEA')),
      );
      await journal.complete([completion(await claimOnly(journal))]);
      expect(released).toEqual([]);
      await journal.takeUnsent(10);
      await journal.markSent(['outcome of b']);
      expect(released).toEqual([]);
      await journal.markSent(['outcome of a']);
      expect(released).toEqual(embedded() ? receipts('a', 'b') : []);
      await journal.markSent(['outcome of c']);
      expect(released).toEqual(embedded() ? receipts('a', 'b', 'c') : []);
    });

    it('waits for an earlier change of the lane that is still pending', async () => {
      await appendNew(
        journal,
        ['a', 'b'].map((id) => change(id, 'EMEA')),
      );
      const lane = await claimOnly(journal);
      const done = completion(lane, { begins: 2, ends: 2 });
      await journal.complete([{ ...done, ended: done.ended.slice(1), progress: done.progress.slice(1) }]);
      await sendAll(journal);
      expect(released).toEqual([]);
      await journal.complete([completion(await claimOnly(journal))]);
      await sendAll(journal);
      expect(released).toEqual(embedded() ? receipts('a', 'b') : []);
    });

    it('of one lane does not wait for another lane', async () => {
      await appendNew(journal, [change('a', 'SLOW'), change('b', 'FAST')]);
      const lanes = await journal.claim({ records: 1000, leaseMs: LEASE_MS });
      const fast = lanes.find(({ territoryId }) => territoryId === 'FAST') as ClaimedLane;
      await journal.complete([completion(fast)]);
      await sendAll(journal);
      expect(released).toEqual(embedded() ? receipts('b') : []);
    });

    it('of what cannot be read waits for all of its messages', async () => {
      const arrival = unreadable('x', { messages: [message('copy'), message('event')] });
      await journal.append([arrival]);
      await journal.takeUnsent(10);
      await journal.markSent(['copy']);
      expect(released).toEqual([]);
      await journal.markSent(['event']);
      expect(released).toEqual(embedded() ? [receiptOf(arrival)] : []);
    });

    it('of a change that has nothing to tell comes with its end', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      const done = completion(await claimOnly(journal));
      await journal.complete([{ ...done, ended: done.ended.map((ending) => ({ ...ending, messages: [] })) }]);
      expect(released).toEqual(embedded() ? receipts('a') : []);
    });

    it('makes a later delivery a duplicate', async () => {
      await appendNew(journal, [change('a', 'EMEA'), unreadable('x')]);
      await journal.complete([completion(await claimOnly(journal))]);
      await sendAll(journal);
      const again = await kinds(journal, [change('a', 'EMEA'), unreadable('x')]);
      expect(again).toEqual(['duplicate', 'duplicate']);
      expect(await journal.nextDueMs()).toBeUndefined();
    });

    it('is remembered for as many changes as the limit says, the latest', async () => {
      const small = await bench.setup({ rememberedChanges: 2 });
      try {
        if (small.journal.durability === 'journal') return;
        for (const id of ['a', 'b', 'c']) {
          await appendNew(small.journal, [change(id, 'EMEA')]);
          await small.journal.complete([completion(await claimOnly(small.journal))]);
          await sendAll(small.journal);
        }
        const again = await kinds(
          small.journal,
          ['b', 'c', 'a'].map((id) => change(id, 'EMEA')),
        );
        expect(again).toEqual(['duplicate', 'duplicate', 'appended']);
      } finally {
        await small.close();
      }
    });
  });

  describe('a lost receiver', () => {
    it('costs an embedded journal exactly what no flight has begun, a durable one nothing', async () => {
      await appendNew(
        journal,
        ['a', 'b', 'c', 'd'].map((id) => change(id, 'EMEA')),
      );
      await appendNew(journal, [change('z', 'APJ')]);
      const lanes = await journal.claim({ records: 1, leaseMs: LEASE_MS });
      await journal.complete(lanes.map((lane) => completion(lane, { begins: 3, ends: 1 })));
      await journal.receiverLost();
      const kept = await journal.claim({ records: 1000, leaseMs: LEASE_MS });
      const durable = journal.durability === 'journal';
      expect(kept.map(idsOf)).toEqual(durable ? [['z'], ['b', 'c', 'd']] : [['b', 'c']]);
    });

    it('costs nothing that a flight was given and has not given back, also when its lease is over', async () => {
      await appendNew(
        journal,
        ['a', 'b'].map((id) => change(id, 'EMEA')),
      );
      await claimOnly(journal, 1000);
      await journal.receiverLost();
      await bench.under.pass(1000);
      await journal.receiverLost();
      expect(idsOf(await claimOnly(journal))).toEqual(['a', 'b']);
    });

    it('costs nothing that a request in doubt covers', async () => {
      const positions = await appendNew(
        journal,
        ['a', 'b'].map((id) => change(id, 'EMEA')),
      );
      const doubt = {
        conflicts: 0,
        refusals: 0,
        undecidedRounds: 0,
        failures: 0,
        doubt: 'sent' as const,
        intent: intent('EMEA', 'T1', positions),
      };
      const memory = { prefixEnd: positions[0] ?? 0, records: new Map([['T1', doubt]]) };
      await journal.complete([completion(await claimOnly(journal), { begins: 1, ends: 0, memory })]);
      await journal.receiverLost();
      expect(idsOf(await claimOnly(journal))).toEqual(['a', 'b']);
    });

    it('leaves the order as it was once everything has been delivered again', async () => {
      const all = ['a', 'b', 'c', 'd'].map((id) => change(id, 'EMEA'));
      await appendNew(journal, all);
      await journal.complete([completion(await claimOnly(journal), { begins: 2, ends: 1 })]);
      await journal.receiverLost();
      const again = await kinds(journal, all);
      const dropped = journal.durability === 'queue' ? 'appended' : 'pending';
      expect(again).toEqual(['pending', 'pending', dropped, dropped]);
      expect(idsOf(await claimOnly(journal))).toEqual(['b', 'c', 'd']);
    });

    it('costs no message that is unsent', async () => {
      await appendNew(journal, [change('a', 'EMEA'), unreadable('x')]);
      await journal.complete([completion(await claimOnly(journal))]);
      await journal.receiverLost();
      expect((await unsent(journal, 10)).toSorted()).toEqual(['dead letter x', 'outcome of a']);
    });
  });
}
