/** How a journal takes arrivals: in order, once, and telling what is known. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Journal } from '../../../srv/journal/port.ts';
import {
  appendNew,
  change,
  claimOnly,
  completion,
  idsOf,
  LEASE_MS,
  message,
  RECEIVED_AT,
  sendAll,
  unreadable,
} from './samples.ts';
import type { Bench } from './bench.ts';
import { kinds } from './questions.ts';

export function appendGuarantees(bench: Bench): void {
  let journal: Journal;
  beforeEach(() => {
    journal = bench.under.journal;
  });

  describe('append', () => {
    it('keeps the order of a lane over batches, with growing positions', async () => {
      const first = await appendNew(journal, [change('a', 'EMEA'), change('b', 'APJ'), change('c', 'EMEA')]);
      const second = await appendNew(journal, [change('d', 'EMEA')]);
      const positions = [...first, ...second];
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
      expect(new Set(positions).size).toBe(4);
      const lanes = await journal.claim({ records: 1000, leaseMs: LEASE_MS });
      expect(idsOf(lanes.find(({ territoryId }) => territoryId === 'EMEA'))).toEqual(['a', 'c', 'd']);
    });

    it('hands a change to its flight as it arrived', async () => {
      const arrival = change('a', 'EMEA', { records: ['T1', 'T2'] });
      const [position] = await appendNew(journal, [arrival]);
      const lane = await claimOnly(journal);
      expect(lane.changes).toEqual([
        {
          change: arrival.change,
          payload: arrival.payload,
          position,
          decision: 0,
          receivedAt: RECEIVED_AT,
          results: [undefined, undefined],
          attempts: 0,
          conflicts: 0,
          history: [],
        },
      ]);
      expect(lane.memory.records.size).toBe(0);
    });

    it('takes a change once, also within one batch', async () => {
      const results = await journal.append([change('a', 'EMEA'), change('a', 'EMEA')]);
      expect(results.map(({ kind }) => kind)).toEqual(['appended', 'pending']);
      expect(await kinds(journal, [change('a', 'EMEA')])).toEqual(['pending']);
      expect(idsOf(await claimOnly(journal))).toEqual(['a']);
    });

    it('tells another payload under a known id, whatever became of the first', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      const impostor = change('a', 'EMEA', { digest: 'something else' });
      expect(await kinds(journal, [impostor])).toEqual(['clash']);
      await journal.complete([completion(await claimOnly(journal))]);
      await sendAll(journal);
      expect(await kinds(journal, [impostor])).toEqual(['clash']);
      expect(await journal.claim({ records: 1000, leaseMs: LEASE_MS })).toEqual([]);
    });

    it('appends the rest of a batch in which one clashes', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      const batch = [change('b', 'EMEA'), change('a', 'EMEA', { digest: 'other' }), change('c', 'EMEA')];
      expect(await kinds(journal, batch)).toEqual(['appended', 'clash', 'appended']);
      expect(idsOf(await claimOnly(journal))).toEqual(['a', 'b', 'c']);
    });

    it('takes what cannot be read once per payload, outside of every lane, with its messages', async () => {
      const batch = [
        unreadable('x'),
        unreadable('x', { digest: 'other bytes', messages: [message('second')] }),
      ];
      expect(await journal.append(batch)).toEqual([
        { kind: 'appended', position: 0 },
        { kind: 'appended', position: 0 },
      ]);
      expect(await kinds(journal, batch)).toEqual(['pending', 'pending']);
      expect(await journal.nextDueMs()).toBeUndefined();
      expect((await journal.takeUnsent(10)).map(({ id }) => id)).toEqual(['dead letter x', 'second']);
    });

    it('tells what comes alone under the names of another payload, and takes it when it comes again beside', async () => {
      const alone = (id: string, digest: string) =>
        ({ ...unreadable(id, { digest, messages: [message(`${id} ${digest}`)] }), alone: true }) as const;
      await appendNew(journal, [change('a', 'EMEA'), alone('x', 'first')]);
      const others = [
        alone('x', 'second'),
        alone('a', 'no change'),
        alone('y', 'first'),
        alone('y', 'second'),
      ];
      expect(await kinds(journal, others)).toEqual(['clash', 'clash', 'appended', 'clash']);
      const { alone: _, ...beside } = alone('x', 'second');
      expect(await kinds(journal, [beside])).toEqual(['appended']);
      // Whoever was there keeps the names, and each redelivery is known.
      expect(await kinds(journal, [alone('x', 'first'), alone('x', 'second')])).toEqual(
        ['pending', 'duplicate'].map(() => expect.stringMatching(/^(pending|duplicate)$/)),
      );
      expect(await kinds(journal, [alone('x', 'third')])).toEqual(['clash']);
    });

    it('takes the impostor of a known change as unreadable, beside that change', async () => {
      await appendNew(journal, [change('a', 'EMEA'), unreadable('a', { digest: 'something else' })]);
      expect(idsOf(await claimOnly(journal))).toEqual(['a']);
    });

    it('tells whoever listens that there is work, until he stops listening', async () => {
      let calls = 0;
      const stop = journal.onWork(() => (calls += 1));
      await journal.append([change('a', 'EMEA')]);
      await expect.poll(() => calls).toBeGreaterThan(0);
      stop();
      const before = calls;
      await journal.append([change('b', 'EMEA')]);
      expect(calls).toBe(before);
    });
  });
}
