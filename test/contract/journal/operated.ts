/** What operators see of a journal, and the switch of each lane. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Journal, OperatedJournal } from '../../../srv/journal/port.ts';
import type { Bench } from './bench.ts';
import { flown, letterOf, replayOf } from './dead-letters.ts';
import { state } from './questions.ts';
import {
  appendNew,
  change,
  claimOnly,
  completion,
  intent,
  LEASE_MS,
  message,
  RECEIVED_AT,
  sendAll,
  SOURCE,
} from './samples.ts';

export function operatedGuarantees(bench: Bench): void {
  let journal: Journal & OperatedJournal;
  beforeEach(() => {
    journal = bench.under.journal;
  });

  describe('a paused lane', () => {
    it('is not claimed and is not due, until it is resumed', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      await journal.pauseLane('EMEA');
      expect(await state(journal)).toBe('paused');
      expect(await journal.claim({ records: 10, leaseMs: LEASE_MS })).toEqual([]);
      expect(await journal.nextDueMs()).toBeUndefined();
      let calls = 0;
      const stop = journal.onWork(() => (calls += 1));
      expect(await journal.resumeLane('EMEA')).toBe(true);
      await expect.poll(() => calls).toBeGreaterThan(0);
      stop();
      expect(await state(journal)).toBe('ready');
    });

    it('ends the flight that is under way', async () => {
      await appendNew(journal, [change('a', 'EMEA'), change('b', 'EMEA')]);
      const lane = await claimOnly(journal);
      await journal.pauseLane('EMEA');
      expect(await state(journal)).toBe('in-flight');
      expect(await journal.complete([completion(lane, { ends: 1 })])).toEqual(new Set(['EMEA']));
      expect(await state(journal)).toBe('paused');
    });

    it('stays paused while nothing is pending, and is then known too', async () => {
      await journal.pauseLane('EMEA');
      await bench.under.pass(10 * LEASE_MS);
      expect(await journal.lanes({ limit: 10 })).toMatchObject([
        { territoryId: 'EMEA', state: 'paused', pending: 0 },
      ]);
      expect(await journal.figures()).toMatchObject({ pendingChanges: 0, lanes: { ready: 0, paused: 1 } });
      await appendNew(journal, [change('a', 'EMEA')]);
      expect(await state(journal)).toBe('paused');
    });

    it('costs other lanes nothing', async () => {
      await journal.pauseLane('EMEA');
      await appendNew(journal, [change('a', 'EMEA'), change('b', 'APJ')]);
      expect((await claimOnly(journal)).territoryId).toBe('APJ');
    });

    it('can be resumed only if it is known', async () => {
      expect(await journal.resumeLane('NOWHERE')).toBe(false);
    });
  });

  describe('lanes', () => {
    it('are listed by territory, page by page, and by state', async () => {
      await appendNew(
        journal,
        ['C', 'A', 'B', 'D'].map((id) => change(id, id)),
      );
      await journal.pauseLane('B');
      const ids = async (query: Parameters<OperatedJournal['lanes']>[0]) =>
        (await journal.lanes(query)).map(({ territoryId }) => territoryId);
      expect(await ids({ limit: 3 })).toEqual(['A', 'B', 'C']);
      expect(await ids({ limit: 3, after: 'C' })).toEqual(['D']);
      expect(await ids({ limit: 3, state: 'paused' })).toEqual(['B']);
      expect(await ids({ limit: 2, state: 'ready', after: 'A' })).toEqual(['C', 'D']);
    });

    it('show what is pending in them, since when, and until when they wait', async () => {
      await appendNew(journal, [
        { ...change('a', 'EMEA', { records: ['T1', 'T2'] }), receivedAt: RECEIVED_AT - 5 },
      ]);
      const [position] = await appendNew(journal, [change('b', 'EMEA')]);
      const wait = { state: 'retrying', delayMs: 30_000 } as const;
      const lane = await claimOnly(journal);
      expect(await journal.lane('EMEA')).toMatchObject({
        state: 'in-flight',
        inFlight: true,
        fence: lane.fence,
      });
      await journal.complete([completion(lane, { ends: 1, wait })]);
      const detail = await journal.lane('EMEA');
      expect(detail).toMatchObject({
        territoryId: 'EMEA',
        state: 'retrying',
        pending: 1,
        oldestReceivedAt: RECEIVED_AT,
        inFlight: false,
        changes: [
          {
            ref: { id: 'b', source: SOURCE },
            position,
            receivedAt: RECEIVED_AT,
            assignments: 1,
            attempts: 0,
          },
        ],
      });
      expect(detail?.waitsUntil).toBeGreaterThan(0);
      expect(await journal.lane('NOWHERE')).toBeUndefined();
    });
  });

  describe('the trail of an event', () => {
    const trail = async (id: string) => {
      const [only, ...others] = await journal.trails(id);
      expect(others).toEqual([]);
      return only;
    };
    const steps = async (id: string) => (await trail(id))?.steps.map(({ step }) => step) ?? [];

    it('leads from its receipt to its end', async () => {
      const [position] = await appendNew(journal, [change('a', 'EMEA')]);
      expect(await trail('a')).toMatchObject({
        ref: { id: 'a', source: SOURCE },
        territoryId: 'EMEA',
        position,
        state: 'pending',
        outcome: undefined,
        decision: 0,
      });
      expect(await steps('a')).toEqual(['received', 'appended']);
      const lane = await claimOnly(journal);
      const intents = [intent('EMEA', 'T1', [position ?? 0])];
      await journal.storeIntents([{ territoryId: 'EMEA', fence: lane.fence, intents }]);
      expect(await trail('a')).toMatchObject({ state: 'in-flight' });
      expect(await steps('a')).toEqual(expect.arrayContaining(['received', 'appended', 'intent']));
      await journal.complete([completion(lane)]);
      expect(await steps('a')).toEqual(['received', 'appended', 'claimed', 'intent', 'applied']);
      await sendAll(journal);
      expect(await trail('a')).toMatchObject({ state: 'ended', outcome: 'applied' });
      expect(await steps('a')).toEqual(['received', 'appended', 'claimed', 'intent', 'applied', 'published']);
    });

    it('tells of each wait', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      const wait = { state: 'retrying', delayMs: 30_000 } as const;
      await journal.complete([completion(await claimOnly(journal), { begins: 1, ends: 0, wait })]);
      expect((await trail('a'))?.steps.at(-1)).toMatchObject({
        step: 'waiting',
        detail: 'retrying, 30000 ms',
      });
    });

    it('tells of a discard', async () => {
      await appendNew(journal, [change('dead', 'EMEA', { records: ['BAD1'] })]);
      await journal.complete([flown(await claimOnly(journal))]);
      await sendAll(journal);
      const ref = { source: SOURCE, id: 'dead' };
      await journal.discard({ deadLetterId: letterOf('dead'), ref, messages: [message('discarded')] });
      expect((await steps('dead')).slice(-3)).toEqual(['dead-letter', 'published', 'discarded']);
    });

    it('goes on through a replay', async () => {
      const dead = change('dead', 'EMEA', { records: ['BAD1'] });
      await appendNew(journal, [dead]);
      await journal.complete([flown(await claimOnly(journal))]);
      expect(await trail('dead')).toMatchObject({ state: 'ended', outcome: 'failed', decision: 0 });
      expect((await steps('dead')).at(-1)).toBe('dead-letter');
      await journal.append([replayOf(dead)]);
      expect(await trail('dead')).toMatchObject({ state: 'pending', outcome: undefined, decision: 1 });
      await journal.complete([flown(await claimOnly(journal))]);
      await sendAll(journal);
      const path = await steps('dead');
      const runs = path.filter((step) => ['received', 'dead-letter', 'replayed'].includes(step));
      expect(runs).toEqual(['received', 'dead-letter', 'replayed', 'dead-letter']);
    });

    it('is told from that of another source with the same id', async () => {
      const own = change('a', 'EMEA');
      const other = { ...own, change: { ...own.change, source: '/elsewhere' } };
      await appendNew(journal, [own, other]);
      const sources = (await journal.trails('a')).map(({ ref }) => ref.source);
      expect(sources.toSorted()).toEqual([SOURCE, '/elsewhere'].toSorted());
      expect(await journal.trails('a', '/elsewhere')).toMatchObject([{ ref: { source: '/elsewhere' } }]);
      expect(await journal.trails('a', '/nowhere')).toEqual([]);
      expect(await journal.trails('never')).toEqual([]);
    });

    it('of a change that is dropped with its link ends there', async () => {
      await appendNew(journal, [change('a', 'EMEA')]);
      await journal.receiverLost();
      expect(await journal.trails('a')).toHaveLength(journal.durability === 'queue' ? 0 : 1);
    });
  });
}
