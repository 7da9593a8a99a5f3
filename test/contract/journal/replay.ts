/** How a dead letter is run again, or not: once, in its old place, and knowing what came later. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { AssignmentChange } from '../../../srv/events/change.ts';
import {
  decisionReceipt,
  type ChangeArrival,
  type ClaimedLane,
  type Journal,
  type OperatedJournal,
} from '../../../srv/journal/port.ts';
import type { Bench } from './bench.ts';
import { flown, letterOf, replayOf } from './dead-letters.ts';
import { kinds, unsent } from './questions.ts';
import { appendNew, change, claimOnly, completion, idsOf, message, sendAll, unreadable } from './samples.ts';

export function replayGuarantees(bench: Bench): void {
  let journal: Journal & OperatedJournal;
  beforeEach(() => {
    journal = bench.under.journal;
  });

  /** Appends these, and ends them all. */
  async function end(...arrivals: readonly ChangeArrival[]): Promise<readonly number[]> {
    const positions = await appendNew(journal, arrivals);
    await journal.complete([flown(await claimOnly(journal))]);
    await sendAll(journal);
    return positions;
  }

  const dead = change('dead', 'EMEA', { records: ['T1', 'BAD2'] });

  describe('a replay', () => {
    it('has the position that its change had, and runs before whatever is pending behind it', async () => {
      const [position] = await end(dead);
      await appendNew(journal, [change('b', 'EMEA'), change('c', 'EMEA')]);
      expect(await journal.append([replayOf(dead)])).toEqual([{ kind: 'appended', position }]);
      const lane = await claimOnly(journal);
      expect(idsOf(lane)).toEqual(['dead', 'b', 'c']);
      expect(lane.changes.map(({ decision }) => decision)).toEqual([1, 0, 0]);
      expect(lane.changes[0]).toMatchObject({ position, attempts: 0, replay: { overwrite: false } });
      expect(lane.changes[0]?.history.at(-1)).toMatchObject({ step: 'replayed' });
    });

    it('runs with others in the order that their changes had', async () => {
      const other = change('other', 'EMEA', { records: ['BAD3'] });
      await end(dead, other);
      await journal.append([replayOf(other), replayOf(dead)]);
      expect(idsOf(await claimOnly(journal))).toEqual(['dead', 'other']);
    });

    it('runs only what had not succeeded, also of edited assignments', async () => {
      await end(dead);
      const edited: readonly AssignmentChange[] = [
        { id: 'BAD2', operation: 'update', fields: { owner: 'edited' } },
        ...dead.change.assignments.slice(0, 1),
      ];
      await journal.append([replayOf({ ...dead, change: { ...dead.change, assignments: edited } })]);
      const lane = await claimOnly(journal);
      expect(lane.changes[0]?.change.assignments).toEqual(edited);
      expect(lane.changes[0]?.results).toEqual([undefined, { id: 'T1', result: 'updated', etag: 'W/"2"' }]);
    });

    it('is told what later changes have ended on, whenever that was, and nothing that failed', async () => {
      await end(dead, change('same flight', 'EMEA', { records: ['T1'] }));
      await end(change('later', 'EMEA', { records: ['BAD2', 'T3'] }));
      await journal.append([replayOf(dead)]);
      const [replayed] = (await claimOnly(journal)).changes;
      expect(replayed?.later?.get('T1')).toEqual({ fields: new Set(['owner']), deleted: false });
      expect(replayed?.later?.has('BAD2')).toBe(false);
    });

    it('is told of deletes, which hide everything', async () => {
      await end(dead);
      const gone = change('gone', 'EMEA');
      const assignments = [{ id: 'T1', operation: 'delete', fields: {} } as const];
      await end({ ...gone, change: { ...gone.change, assignments } });
      await journal.append([replayOf(dead)]);
      const [replayed] = (await claimOnly(journal)).changes;
      expect(replayed?.later?.get('T1')).toEqual({ fields: new Set(), deleted: true });
    });

    it('is not told of a delete that was superseded, since it was not carried out', async () => {
      await end(dead);
      const gone = change('gone', 'EMEA');
      const assignments = [{ id: 'T1', operation: 'delete', fields: {} } as const];
      await appendNew(journal, [{ ...gone, change: { ...gone.change, assignments } }]);
      const done = flown(await claimOnly(journal));
      const results = new Map([[0, { id: 'T1', result: 'superseded' as const }]]);
      await journal.complete([{ ...done, progress: done.progress.map((made) => ({ ...made, results })) }]);
      await journal.append([replayOf(dead)]);
      const [replayed] = (await claimOnly(journal)).changes;
      expect(replayed?.later?.has('T1')).toBe(false);
    });

    it('is told nothing of what came before it', async () => {
      await end(change('before', 'EMEA', { records: ['T1'] }), dead);
      await journal.append([replayOf(dead)]);
      const [replayed] = (await claimOnly(journal)).changes;
      expect([...(replayed?.later ?? new Map([['unknown', '']])).keys()]).toEqual([]);
    });

    it('that overwrites is told nothing', async () => {
      await end(dead);
      await end(change('later', 'EMEA'));
      await journal.append([replayOf(dead, { overwrite: true })]);
      expect((await claimOnly(journal)).changes[0]?.later).toBeUndefined();
    });

    it('that fails is a dead letter again, whose replay still knows all that came later', async () => {
      const [position] = await end(dead);
      await end(change('later', 'EMEA'));
      await journal.append([replayOf(dead)]);
      await journal.complete([flown(await claimOnly(journal))]);
      expect(await journal.deadLetter(letterOf('dead', 0))).toBeUndefined();
      expect(await journal.deadLetter(letterOf('dead', 1))).toMatchObject({ position, laterChanges: 1 });
      expect(await kinds(journal, [replayOf(dead, { decision: 2 })])).toEqual(['appended']);
      const [replayed] = (await claimOnly(journal)).changes;
      expect(replayed).toMatchObject({ decision: 2, position });
      expect(replayed?.later?.has('T1')).toBe(true);
    });

    it('happens once, however often it is delivered', async () => {
      await end(dead);
      expect(await kinds(journal, [replayOf(dead), replayOf(dead)])).toEqual(['appended', 'pending']);
      const again = { ...replayOf(dead), payload: { ...dead.payload, digest: 'edited' } };
      expect(await kinds(journal, [again])).toEqual(['pending']);
      expect(idsOf(await claimOnly(journal))).toEqual(['dead']);
    });

    it('comes too late for what was discarded', async () => {
      await end(dead);
      const messages = [message('discarded')];
      const order = { deadLetterId: letterOf('dead'), ref: dead.change, messages };
      expect(await journal.discard(order)).toBe('accepted');
      expect(await journal.discard(order)).toBe('decided');
      expect(await unsent(journal, 10)).toEqual(['discarded']);
      const [kind] = await kinds(journal, [replayOf(dead)]);
      expect(['pending', 'duplicate']).toContain(kind);
      expect(await journal.nextDueMs()).toBeUndefined();
    });

    it('makes it too late for a discard', async () => {
      await end(dead);
      await journal.append([replayOf(dead)]);
      const order = { deadLetterId: letterOf('dead'), ref: dead.change, messages: [message('never')] };
      expect(await journal.discard(order)).toBe('decided');
      expect(await unsent(journal, 10)).toEqual([]);
    });

    it('of what the journal does not know takes the position that it is said to have had, or a new one', async () => {
      const [known = 0] = await end(change('a', 'EMEA'));
      await appendNew(journal, [change('b', 'EMEA')]);
      const old = replayOf(change('old', 'EMEA'), { deadLetterId: 'from before', position: known - 1 });
      const placeless = replayOf(change('new', 'EMEA'), { deadLetterId: 'never placed' });
      await appendNew(journal, [placeless, old]);
      const lane = await claimOnly(journal);
      expect(idsOf(lane)).toEqual(['old', 'b', 'new']);
    });

    it('that cannot be read either is a decision, and a dead letter anew', async () => {
      await journal.append([unreadable('x')]);
      await sendAll(journal);
      const again = { ...unreadable('x', { messages: [message('second copy')] }), replayOf: 'dead letter x' };
      expect(await kinds(journal, [again, again])).toEqual(['appended', 'pending']);
      expect(await unsent(journal, 10)).toEqual(['second copy']);
    });

    it('is not lost with the receiver, and stays where it is', async () => {
      await end(dead);
      await appendNew(journal, [change('b', 'EMEA')]);
      await journal.append([replayOf(dead)]);
      await journal.receiverLost();
      const kept = idsOf(await claimOnly(journal));
      expect(kept).toEqual(journal.durability === 'queue' ? ['dead'] : ['dead', 'b']);
    });

    it('in an embedded journal is released once the mesh has accepted what is told of it, and not before', async () => {
      const released: string[] = [];
      const stop = journal.onReleased((receipt) => released.push(receipt));
      await end(dead);
      released.length = 0;
      await journal.append([replayOf(dead)]);
      await journal.complete([flown(await claimOnly(journal))]);
      expect(released).toEqual([]);
      await sendAll(journal);
      expect(released).toEqual(journal.durability === 'queue' ? [decisionReceipt(letterOf('dead'))] : []);
      stop();
    });

    it('ends once, though the run before stands in the lane still', async () => {
      await appendNew(journal, [change('a', 'EMEA'), dead]);
      const lane: ClaimedLane = await claimOnly(journal);
      // The first one is still pending, so in an embedded journal nothing of the lane is released.
      const both = flown(lane);
      await journal.complete([
        {
          ...both,
          progress: both.progress.slice(1),
          ended: both.ended.slice(1),
          memory: { ...both.memory, prefixEnd: 0 },
        },
      ]);
      await sendAll(journal);
      await journal.append([replayOf(dead)]);
      const again = await claimOnly(journal);
      expect(again.changes.map(({ decision }) => decision)).toEqual([0, 1]);
      await journal.complete([completion(again)]);
      expect(await journal.nextDueMs()).toBeUndefined();
    });
  });

  describe('a dead letter', () => {
    it('is known with its position, its results, and how many changes have ended behind it', async () => {
      const [position] = await end(dead, change('b', 'EMEA'));
      await end(change('c', 'EMEA'));
      expect(await journal.deadLetter(letterOf('dead'))).toEqual({
        position,
        results: [
          { id: 'T1', result: 'updated', etag: 'W/"2"' },
          { id: 'BAD2', result: 'failed', error: { code: 'REJECTED_BY_API', message: 'no' } },
        ],
        laterChanges: 2,
      });
    });

    it('is not known once it is decided', async () => {
      await end(dead);
      await journal.discard({ deadLetterId: letterOf('dead'), ref: dead.change, messages: [message('m')] });
      expect(await journal.deadLetter(letterOf('dead'))).toBeUndefined();
      expect(await journal.deadLetter('never was')).toBeUndefined();
    });
  });
}
