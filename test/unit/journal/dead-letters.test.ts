import { describe, expect, it } from 'vitest';
import type { AssignmentResult } from '../../../srv/events/outcome.ts';
import { DeadLetters } from '../../../srv/journal/memory/dead-letters.ts';
import { newChangeEntry, type ChangeEntry } from '../../../srv/journal/memory/entry.ts';
import { Trails } from '../../../srv/journal/memory/trails.ts';
import { change } from '../../contract/journal/samples.ts';
import { replayOf } from '../../contract/journal/dead-letters.ts';

const FAILED: AssignmentResult = { id: 'T1', result: 'failed' };

function failed(id: string, position: number, territoryId = 'EMEA'): ChangeEntry {
  return newChangeEntry(change(id, territoryId), position, [FAILED]);
}

/** The pending replay of a dead letter that `id` names. */
function replayed(id: string, position: number, territoryId = 'EMEA'): ChangeEntry {
  return newChangeEntry(replayOf(change(id, territoryId), { deadLetterId: id }), position);
}

describe('What is remembered for replays', () => {
  const updated = (id: string) => new Map([[0, { id, result: 'updated' } as const]]);

  it('is given up for the oldest dead letters where there are too many', () => {
    const letters = new DeadLetters({ letters: 2, later: 100 });
    for (const [index, id] of ['a', 'b', 'c'].entries()) letters.open(id, failed(id, index + 1), []);
    expect(['a', 'b', 'c'].map((id) => letters.known(id) !== undefined)).toEqual([false, true, true]);
  });

  it('is given up where it is too much, but never for a replay that is pending', () => {
    const letters = new DeadLetters({ letters: 10, later: 4 });
    letters.open('pending', failed('pending', 1), []);
    letters.replaying('pending');
    letters.open('idle', failed('idle', 1, 'APJ'), []);
    for (let position = 2; position < 9; position += 1) {
      for (const lane of ['EMEA', 'APJ']) {
        const record = `R${position}`;
        letters.note(newChangeEntry(change('x', lane, { records: [record] }), position), updated(record));
      }
    }
    letters.note(newChangeEntry(change('x', 'EMEA'), 9), updated('T1'));
    expect(letters.known('idle')).toBeUndefined();
    expect([...(letters.laterThan(replayed('pending', 1))?.keys() ?? [])]).toEqual(['T1']);
    expect(letters.laterThan(replayed('idle', 1, 'APJ'))).toBeUndefined();
  });

  it('is dropped with the last dead letter of its lane', () => {
    const letters = new DeadLetters();
    letters.open('a', failed('a', 1), []);
    letters.note(newChangeEntry(change('x', 'EMEA'), 5), updated('T1'));
    letters.forget('a');
    letters.open('b', failed('b', 2), []);
    letters.replaying('b');
    expect(letters.laterThan(replayed('b', 2))?.size).toBe(0);
  });
});

describe('Trails', () => {
  const ref = (id: string) => ({ id, source: '/crm' });
  const begin = (trails: Trails, id: string) =>
    trails.begin({ ref: ref(id), territoryId: 'EMEA', position: 1, decision: 0 }, [
      { at: 0, step: 'received' },
    ]);

  it('are remembered for the latest that ended, and for all that have not', () => {
    const trails = new Trails(2);
    for (const id of ['pending', 'a', 'b', 'c']) begin(trails, id);
    for (const id of ['a', 'b', 'c']) trails.end(ref(id), 'applied');
    expect(['pending', 'a', 'b', 'c'].map((id) => trails.find(id).length)).toEqual([1, 0, 1, 1]);
  });

  it('are kept while a replay is pending, however many end meanwhile', () => {
    const trails = new Trails(1);
    begin(trails, 'dead');
    trails.end(ref('dead'), 'failed');
    trails.begin({ ref: ref('dead'), territoryId: 'EMEA', position: 1, decision: 1 }, [
      { at: 1, step: 'replayed' },
    ]);
    for (const id of ['a', 'b']) {
      begin(trails, id);
      trails.end(ref(id), 'applied');
    }
    expect(trails.find('dead')).toMatchObject([{ decision: 1, ended: false, outcome: undefined }]);
    expect(trails.find('dead')[0]?.steps.map(({ step }) => step)).toEqual(['received', 'replayed']);
  });

  it('keep their beginning and their end where they are long', () => {
    const trails = new Trails(1);
    begin(trails, 'a');
    for (let at = 1; at <= 500; at += 1) trails.add(ref('a'), [{ at, step: 'conflict' }]);
    const steps = trails.find('a')[0]?.steps ?? [];
    expect(steps.length).toBeLessThanOrEqual(60);
    expect([steps[0]?.step, steps.at(-1)?.at]).toEqual(['received', 500]);
  });
});
