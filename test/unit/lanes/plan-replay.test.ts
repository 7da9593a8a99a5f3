import { describe, expect, it } from 'vitest';
import type { PendingChange } from '../../../srv/journal/port.ts';
import { LaneReport } from '../../../srv/lanes/lane-report.ts';
import { oneByOne, planLane } from '../../../srv/lanes/plan.ts';
import { endChange, intent, lane, pending, remembering, update } from './samples.ts';

const REPLAY = { deadLetterId: 'd', decision: 1, overwrite: false, history: [] };

const replayed = (
  position: number,
  assignments: Parameters<typeof pending>[1],
  more: Partial<PendingChange> = {},
) =>
  pending(position, assignments, {
    decision: 1,
    replay: { ...REPLAY, deadLetterId: `d${position}` },
    ...more,
  });

const positionsOf = (plan: ReturnType<typeof planLane>) =>
  plan.writes.map(({ covers }) => covers.map(({ position }) => position));

describe('A plan with replays', () => {
  it('flies a replay before what stands behind it, and alone', () => {
    const changes = [replayed(3, [update('T1', { a: 1 })]), pending(7, [update('T1', { a: 2 })])];
    const plan = planLane(lane(changes), 50);
    expect(positionsOf(plan)).toEqual([[3]]);
    expect(plan).toMatchObject({ replays: [3], prefixEnd: 0 });
  });

  it('keeps a replay out of a prefix under way, and of the re-read after a refused repetition', () => {
    const sent = intent({ covers: [{ position: 7, index: 0 }] });
    const records = remembering({ T1: { doubt: 'refused', intent: sent } });
    const changes = [replayed(3, [update('T1', { b: 1 })]), pending(7, [update('T1', { owner: 'E2' })])];
    const plan = planLane(lane(changes, { prefixEnd: 7, records }), 50);
    expect(positionsOf(plan)).toEqual([[7]]);
    expect(plan.replays).toBeUndefined();
  });

  it('merges replays that stand next to each other, in their order', () => {
    const changes = [replayed(3, [update('T1', { a: 1 })]), replayed(5, [update('T1', { a: 2, b: 2 })])];
    const plan = planLane(lane(changes), 50);
    expect(positionsOf(plan)).toEqual([[3, 5]]);
    expect(plan).toMatchObject({ replays: [3, 5], writes: [{ fields: { a: 2, b: 2 } }] });
  });

  it('lets changes fly that stand before a replay, up to it', () => {
    const changes = [
      pending(1, [update('T1', { a: 1 })]),
      replayed(3, [update('T2', { a: 1 })]),
      pending(7, [update('T3', { a: 1 })]),
    ];
    const plan = planLane(lane(changes), 50);
    expect(positionsOf(plan)).toEqual([[1]]);
    expect(plan).toMatchObject({ prefixEnd: 1 });
  });

  it('stays with the replays under way, whatever comes between them', () => {
    const changes = [replayed(2, [update('T1', { a: 0 })]), replayed(3, [update('T1', { a: 1 })])];
    const plan = planLane(lane(changes, { prefixEnd: 9, replays: [3, 5] }), 50);
    expect(positionsOf(plan)).toEqual([[3]]);
    expect(plan).toMatchObject({ replays: [3], prefixEnd: 9 });
  });

  it('takes no more replays than the flight has room for records', () => {
    const changes = [1, 2, 3].map((position) => replayed(position, [update(`T${position}`, { a: 1 })]));
    expect(planLane(lane(changes), 2).replays).toEqual([1, 2]);
  });

  it('names what later changes have superseded, and writes the rest', () => {
    const later = new Map([['T1', { fields: new Set(['a']), deleted: false }]]);
    const changes = [replayed(3, [update('T1', { a: 1 }), update('T2', { a: 1 })], { later })];
    const plan = planLane(lane(changes), 50);
    expect(plan.superseded).toEqual([{ id: 'T1', covered: { position: 3, index: 0 } }]);
    expect(plan.writes.map(({ id }) => id)).toEqual(['T2']);
  });
});

describe('A lane that stops at a dead letter', () => {
  const planned = (changes: readonly PendingChange[], memory: Parameters<typeof lane>[1] = {}) =>
    planLane(oneByOne(lane(changes, memory)), 50);

  it('flies its first change alone, a replay before what stands behind it', () => {
    const first = pending(1, [update('T1', { a: 1 })]);
    const second = pending(2, [update('T1', { a: 2 })]);
    expect(positionsOf(planned([first, second]))).toEqual([[1]]);
    expect(positionsOf(planned([replayed(1, [update('T1', { a: 1 })]), second], { prefixEnd: 1 }))).toEqual([
      [1],
    ]);
  });

  it('ends what was begun before it was told to, merged as it was sent, and only then runs a replay', () => {
    const covers = [5, 6].map((position) => ({ position, index: 0 }));
    const whole = intent({ covers });
    const changes = [
      replayed(1, [update('T1', { a: 1 })]),
      ...[5, 6, 7].map((position) => pending(position, [update('T1', { a: position })])),
    ];
    const sent = remembering({ T1: { doubt: 'sent', intent: whole } });
    expect(planned(changes, { records: sent })).toMatchObject({ repeats: [whole], prefixEnd: 6 });
    const refused = remembering({ T1: { doubt: 'refused', intent: whole } });
    expect(positionsOf(planned(changes, { prefixEnd: 6, records: refused }))).toEqual([[5, 6]]);
  });
});

describe('A report on replays', () => {
  const reportOn = (
    changes: readonly PendingChange[],
    replays: readonly number[],
    records = remembering({}),
  ) => new LaneReport(lane(changes, { prefixEnd: 2, records }), 2, 0, replays);

  it('ends what is superseded without a write, and forgets nothing of its record', () => {
    const changes = [replayed(3, [update('T1', { a: 1 })])];
    const made = reportOn(changes, [3], remembering({ T1: { doubt: 'sent' } }));
    made.supersede([{ id: 'T1', covered: { position: 3, index: 0 } }]);
    const { progress, ended, memory } = made.completion(undefined, 0, endChange);
    expect(progress).toMatchObject([{ attempts: 0 }]);
    expect(ended).toMatchObject([{ position: 3, outcome: 'superseded' }]);
    expect(memory.records.get('T1')?.doubt).toBe('sent');
  });

  it('remembers the replays that go on, and no other', () => {
    const changes = [replayed(3, [update('T1', { a: 1 })]), replayed(5, [update('T2', { a: 1 })])];
    const made = reportOn(changes, [3, 5]);
    made.end('T1', { covers: [{ position: 3, index: 0 }], supersedes: [] }, { result: 'updated' });
    expect(made.completion(undefined, 0, endChange).memory).toMatchObject({ replays: [5], prefixEnd: 2 });
  });

  it('plans one by one up to the last replay after a merged write of theirs was refused', () => {
    const made = reportOn(
      [replayed(3, [update('T1', { a: 1 })]), replayed(5, [update('T1', { a: 2 })])],
      [3, 5],
    );
    made.unmerge('T1');
    expect(made.completion(undefined, 0, endChange).memory.unmergedUpTo).toBe(5);
  });

  it('ends a replay of which nothing was left to run', () => {
    const results = [{ id: 'T1', result: 'updated' } as const];
    const made = reportOn([replayed(3, [update('T1', { a: 1 })], { results })], [3]);
    expect(made.completion(undefined, 0, endChange).ended).toMatchObject([
      { position: 3, outcome: 'applied' },
    ]);
  });
});
