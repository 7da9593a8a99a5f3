/** A lane that stops at a dead letter: what only a journal promises that keeps what waits behind it. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { Journal, LaneCompletion, OperatedJournal } from '../../../srv/journal/port.ts';
import type { Bench } from './bench.ts';
import { flown, letterOf, replayOf } from './dead-letters.ts';
import { state } from './questions.ts';
import { appendNew, change, claimOnly, completion, idsOf, LEASE_MS, message, SOURCE } from './samples.ts';

export function holdGuarantees(bench: Bench): void {
  let journal: Journal & OperatedJournal;
  beforeEach(() => {
    journal = bench.under.journal;
  });

  const dead = change('dead', 'EMEA', { records: ['BAD1'] });

  /** Ends the first change, a dead letter that holds its lane. */
  function holding(made: LaneCompletion): LaneCompletion {
    return { ...made, ended: made.ended.map((ending) => ({ ...ending, holds: true })) };
  }
  async function hold(): Promise<void> {
    await appendNew(journal, [dead, change('next', 'EMEA')]);
    await journal.complete([holding(flown(await claimOnly(journal), 1))]);
  }
  const discard = (id = 'dead', decision = 0) =>
    journal.discard({
      deadLetterId: letterOf(id, decision),
      ref: { source: SOURCE, id },
      messages: [message(`discard of ${id}`)],
    });

  describe('a held lane', () => {
    it('is neither claimed nor due, whatever comes and however long it takes, and the others go on', async () => {
      await hold();
      expect(await state(journal)).toBe('held');
      await appendNew(journal, [change('more', 'EMEA')]);
      await bench.under.pass(100 * LEASE_MS);
      expect(await journal.nextDueMs()).toBeUndefined();
      expect(await journal.lane('EMEA')).toMatchObject({ state: 'held', pending: 2, inFlight: false });
      expect(await journal.lanes({ limit: 9, state: 'held' })).toMatchObject([{ territoryId: 'EMEA' }]);
      await appendNew(journal, [change('other', 'APJ')]);
      expect(await journal.nextDueMs()).toBe(0);
      expect((await claimOnly(journal)).territoryId).toBe('APJ');
    });

    it('is shown and counted as long as it is held, though nothing waits behind the dead letter', async () => {
      await appendNew(journal, [dead]);
      await journal.complete([holding(flown(await claimOnly(journal), 1))]);
      expect(await journal.lanes({ limit: 9, state: 'held' })).toMatchObject([{ territoryId: 'EMEA' }]);
      expect(await journal.figures()).toMatchObject({ pendingChanges: 0, lanes: { ready: 0, held: 1 } });
      await discard();
      expect(await journal.figures()).toMatchObject({ lanes: { ready: 0, held: 0 } });
    });

    it('goes on with what stands behind when the dead letter is discarded', async () => {
      await hold();
      expect(await discard()).toBe('accepted');
      expect(await discard()).toBe('decided');
      expect(await state(journal)).toBe('ready');
      expect(idsOf(await claimOnly(journal))).toEqual(['next']);
    });

    it('goes on with the replay first, and stops again where that fails', async () => {
      await hold();
      await journal.append([replayOf(dead)]);
      const lane = await claimOnly(journal);
      expect(idsOf(lane)).toEqual(['dead', 'next']);
      await journal.complete([holding(flown(lane, 1))]);
      expect(await state(journal)).toBe('held');
      await discard('dead', 1);
      expect(idsOf(await claimOnly(journal))).toEqual(['next']);
    });

    it('waits for each of several dead letters', async () => {
      await appendNew(journal, [
        dead,
        change('dead too', 'EMEA', { records: ['BAD2'] }),
        change('c', 'EMEA'),
      ]);
      await journal.complete([holding(flown(await claimOnly(journal), 2))]);
      await discard('dead too');
      expect(await state(journal)).toBe('held');
      await discard('dead');
      expect(await state(journal)).toBe('ready');
    });

    it('goes on with a wait that is not over, its own or that of a related lane', async () => {
      await appendNew(journal, [dead, change('next', 'EMEA')]);
      const wait = { state: 'resting', delayMs: 30_000 } as const;
      await journal.complete([{ ...holding(flown(await claimOnly(journal), 1)), wait }]);
      await appendNew(journal, [change('b', 'APJ')]);
      const alsoRest = { territoryIds: ['EMEA'], delayMs: 60_000 };
      await journal.complete([completion(await claimOnly(journal), { alsoRest })]);
      expect(await state(journal)).toBe('held');
      await discard();
      expect(await state(journal)).toBe('resting');
      await bench.under.pass(40_000);
      expect(await journal.claim({ records: 9, leaseMs: LEASE_MS })).toEqual([]);
      await bench.under.pass(30_000);
      expect(idsOf(await claimOnly(journal))).toEqual(['next']);
    });
  });
}
