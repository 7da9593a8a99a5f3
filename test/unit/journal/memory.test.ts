import { describe, expect, it } from 'vitest';
import { MemoryJournal } from '../../../srv/journal/memory/journal.ts';
import { Lane } from '../../../srv/journal/memory/lane.ts';
import { NEW_RECORD, NO_MEMORY, type LaneMemory } from '../../../srv/journal/port.ts';
import { appendNew, change, claimOnly, completion, sendAll } from '../../contract/journal/samples.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';

describe('The memory journal', () => {
  it('goes on with higher positions and fences after a restart, however busy it was', async () => {
    const clock = new ManualClock();
    const before = new MemoryJournal({ clock });
    await appendNew(
      before,
      Array.from({ length: 500 }, (_, index) => change(`a${index}`, 'EMEA')),
    );
    const [last = 0] = await appendNew(before, [change('z', 'EMEA')]);
    const { fence } = await claimOnly(before);
    await clock.elapse(1);
    const after = new MemoryJournal({ clock });
    const [first] = await appendNew(after, [change('a', 'EMEA')]);
    expect(first).toBeGreaterThan(last);
    expect((await claimOnly(after)).fence).toBeGreaterThan(fence);
  });

  it('has higher fences than another that was started later and claimed before, as where one stands by', async () => {
    const clock = new ManualClock();
    const standingBy = new MemoryJournal({ clock });
    await clock.elapse(1);
    const active = new MemoryJournal({ clock });
    await appendNew(active, [change('a', 'EMEA'), change('b', 'APAC')]);
    const fences = (await active.claim({ records: 10, leaseMs: 1000 })).map(({ fence }) => fence);
    await clock.elapse(1);
    await appendNew(standingBy, [change('a', 'EMEA'), change('b', 'APAC')]);
    const after = (await standingBy.claim({ records: 10, leaseMs: 1000 })).map(({ fence }) => fence);
    expect(Math.min(...after)).toBeGreaterThan(Math.max(...fences));
    // Wherever the time of day goes, its own fences only grow.
    clock.jumpWallTime(-3_600_000);
    await appendNew(standingBy, [change('c', 'NA')]);
    expect((await claimOnly(standingBy)).fence).toBeGreaterThan(Math.max(...after));
  });

  it('keeps leases and waits where the wall time jumps', async () => {
    const clock = new ManualClock();
    const journal = new MemoryJournal({ clock });
    await appendNew(journal, [change('a', 'EMEA')]);
    const lane = await claimOnly(journal, 1000);
    clock.jumpWallTime(3_600_000);
    expect((await journal.figures()).lanes['in-flight']).toBe(1);
    await journal.complete([completion(lane, { ends: 0, wait: { state: 'retrying', delayMs: 2000 } })]);
    clock.jumpWallTime(-7_200_000);
    expect(await journal.nextDueMs()).toBe(2000);
  });

  it('releases and tells all that is told within one call, and can be left by a listener', async () => {
    const journal = new MemoryJournal({ clock: new ManualClock() });
    const receipts: string[] = [];
    const stop = journal.onReleased((receipt) => receipts.push(receipt));
    await appendNew(journal, [change('a', 'EMEA'), change('b', 'EMEA')]);
    await journal.complete([completion(await claimOnly(journal), { ends: 1 })]);
    await sendAll(journal);
    expect(receipts).toHaveLength(1);
    stop();
    await journal.complete([completion(await claimOnly(journal))]);
    await sendAll(journal);
    expect(receipts).toHaveLength(1);
  });
});

describe('A lane', () => {
  const left = (memory: Partial<LaneMemory>) => {
    const lane = new Lane('EMEA');
    lane.claim(1, 10, 0);
    const done = {
      territoryId: 'EMEA',
      fence: 1,
      progress: [],
      ended: [],
      memory: { ...NO_MEMORY, ...memory },
    };
    lane.giveBack(done, 5);
    return lane;
  };

  it('may be forgotten once nothing is pending, owned, waited for or remembered', () => {
    expect(left({}).forgettable(5, 0)).toBe(true);
    const waiting = left({});
    waiting.waitUntil('resting', 20);
    expect(waiting.forgettable(19, 0)).toBe(false);
    expect(waiting.forgettable(20, 0)).toBe(true);
    const owned = left({});
    owned.claim(2, 30, 0);
    expect(owned.forgettable(29, 0)).toBe(false);
  });

  it('is kept for a rest that is not over, a record in doubt, and a field that a dead letter left unwritten', () => {
    const resting = left({ rest: { latest: 1000, expected: new Map() } });
    expect(resting.forgettable(5, 999)).toBe(false);
    expect(resting.forgettable(5, 1000)).toBe(true);
    const doubtful = left({ records: new Map([['T1', { ...NEW_RECORD, doubt: 'sent' as const }]]) });
    expect(doubtful.forgettable(5, 0)).toBe(false);
    const unwritten = left({ unwritten: [{ id: 'T1', name: 'a', values: [1], position: 1, until: 1000 }] });
    expect(unwritten.forgettable(5, 999)).toBe(false);
    expect(unwritten.forgettable(5, 1000)).toBe(true);
  });

  describe('that may be left by its receiver to another instance', () => {
    const all = ['a', 'b', 'c'].map((id) => change(id, 'EMEA'));
    const open = async () => {
      const clock = new ManualClock();
      const journal = new MemoryJournal({ clock, standbys: 'expected' });
      await appendNew(journal, all);
      return { clock, journal };
    };
    const waiting = async (journal: MemoryJournal) =>
      (await journal.claim({ records: 10, leaseMs: 1000 })).flatMap(({ changes }) =>
        changes.map((pending) => pending.change.id),
      );

    it('forgets what was begun too: who receives now has it, and may be done with it', async () => {
      const { journal } = await open();
      await journal.complete([completion(await claimOnly(journal), { begins: 3, ends: 0 })]);
      await journal.receiverLost();
      expect(await waiting(journal)).toEqual([]);
      await appendNew(journal, all);
      expect(await waiting(journal)).toEqual(['a', 'b', 'c']);
    });

    it('lets a running flight end, and then forgets what was not delivered again, with all behind it', async () => {
      const { journal } = await open();
      const lane = await claimOnly(journal);
      await journal.receiverLost();
      // The second has ended, the first has not: applied again alone it would undo the second.
      const ended = completion(lane, { begins: 3, ends: 2 });
      const [, second] = ended.ended;
      await journal.complete([{ ...ended, ended: second ? [second] : [] }]);
      await appendNew(journal, all);
      expect(await waiting(journal)).toEqual(['a', 'b', 'c']);
    });

    it('applies again what is delivered again while it flies: what was settled before it comes too, and must not come after it', async () => {
      const { journal } = await open();
      await journal.complete([completion(await claimOnly(journal), { begins: 3, ends: 1 })]);
      await journal.markSent((await journal.takeUnsent(100)).map(({ id }) => id));
      const lane = await claimOnly(journal);
      await journal.receiverLost();
      expect((await journal.append(all)).map(({ kind }) => kind)).toEqual([
        'appended',
        'appended',
        'appended',
      ]);
      await journal.complete([completion(lane, { begins: 2, ends: 2 })]);
      expect(await waiting(journal)).toEqual(['a', 'b', 'c']);
    });

    it('forgets what has ended and is not settled: what was settled before it comes again too', async () => {
      const { journal } = await open();
      await journal.complete([completion(await claimOnly(journal), { begins: 3, ends: 3 })]);
      const [first, ...others] = (await journal.takeUnsent(100)).map(({ id }) => id);
      await journal.markSent([first ?? '']);
      await journal.receiverLost();
      await journal.markSent(others);
      await appendNew(journal, all);
      expect(await waiting(journal)).toEqual(['a', 'b', 'c']);
    });

    it('forgets what it has settled: its settlement may be lost, and others may have begun again before it', async () => {
      const { journal } = await open();
      await journal.complete([completion(await claimOnly(journal), { begins: 3, ends: 3 })]);
      await journal.markSent((await journal.takeUnsent(100)).map(({ id }) => id));
      expect((await journal.append(all)).map(({ kind }) => kind)).toEqual(Array(3).fill('duplicate'));
      await journal.receiverLost();
      await appendNew(journal, all);
      expect(await waiting(journal)).toEqual(['a', 'b', 'c']);
    });

    it('forgets what a flight that never came back was given', async () => {
      const { clock, journal } = await open();
      await claimOnly(journal, 1000);
      await journal.receiverLost();
      await clock.elapse(1000);
      expect(await waiting(journal)).toEqual([]);
    });

    it('keeps of a forgotten change that its request may land, and blames no other for its conflicts', async () => {
      const { journal } = await open();
      const lane = await claimOnly(journal);
      const records = new Map(
        lane.changes.flatMap(({ change: { assignments } }) =>
          assignments.map(({ id }) => [id, { ...NEW_RECORD, doubt: 'sent' as const, conflicts: 3 }]),
        ),
      );
      const memory: LaneMemory = { ...NO_MEMORY, records };
      await journal.complete([completion(lane, { begins: 3, ends: 0, memory })]);
      await journal.receiverLost();
      await appendNew(journal, all);
      const again = await claimOnly(journal);
      expect(again.memory.records.size).toBe(records.size);
      for (const known of again.memory.records.values()) {
        expect(known).toMatchObject({ doubt: 'sent', conflicts: 0 });
      }
    });

    it('remembers nothing of a forgotten change of which no request can land, so that the lane can be forgotten', async () => {
      const { journal } = await open();
      const lane = await claimOnly(journal);
      const records = new Map(
        lane.changes.flatMap(({ change: { assignments } }) =>
          assignments.map(({ id }) => [id, { ...NEW_RECORD, conflicts: 3, refusals: 2 }]),
        ),
      );
      await journal.complete([completion(lane, { begins: 3, ends: 0, memory: { ...NO_MEMORY, records } })]);
      await journal.receiverLost();
      await appendNew(journal, all);
      expect((await claimOnly(journal)).memory.records).toEqual(new Map());
    });
  });
});
