import { describe, expect, test } from 'vitest';
import { Blame, type RefusedAgain } from '../../../srv/lanes/blame.ts';

const LIMIT = 3;

function refusal(rounds: number, limit = LIMIT, status = 400): RefusedAgain {
  return { status, rounds, limit };
}

describe('a refused record', () => {
  test('is not to blame at its first refusal, whatever succeeded before', () => {
    const blame = new Blame();
    blame.succeeded(['A', 'B']);
    expect(blame.judge('T1', refusal(0))).toBe('undecided');
  });

  test('is to blame once another record was written since', () => {
    const blame = new Blame();
    blame.judge('T1', refusal(0));
    blame.succeeded(['A']);
    expect(blame.judge('T1', refusal(1))).toBe('record');
  });

  test('is not to blame for what was seen here of an earlier change, though others of its rounds were seen elsewhere', () => {
    const blame = new Blame();
    blame.judge('T1', { ...refusal(0), position: 1 });
    blame.succeeded(['A']);
    expect(blame.judge('T1', { ...refusal(2), position: 2 })).toBe('undecided');
    blame.succeeded(['A']);
    expect(blame.judge('T1', { ...refusal(2), position: 2 })).toBe('record');
  });

  test('that was refused alone is to blame after as many rounds as there are retries', () => {
    const blame = new Blame();
    const verdicts = [0, 1, 2, 3].map((round) => blame.judge('T1', refusal(round)));
    expect(verdicts).toEqual(['undecided', 'undecided', 'undecided', 'record']);
  });

  test('is never to blame while others are refused too and none is written: that is the configuration', () => {
    const blame = new Blame();
    for (const round of [0, 1, 2]) for (const record of ['T1', 'T2']) blame.judge(record, refusal(round));
    expect(['T1', 'T2', 'T1', 'T2'].map((record) => blame.judge(record, refusal(3)))).toEqual(
      Array(4).fill('configuration'),
    );
  });

  test('counts as alone if the others were refused before the latest success', () => {
    const blame = new Blame();
    blame.judge('T1', refusal(0));
    blame.succeeded(['A']);
    for (const round of [0, 1, 2]) blame.judge('T2', refusal(round));
    expect(blame.judge('T2', refusal(3))).toBe('record');
  });

  test('starts anew with another change: successes since an old refusal prove nothing', () => {
    const blame = new Blame();
    blame.judge('T1', refusal(0));
    blame.succeeded(['A']);
    expect(blame.judge('T1', refusal(0))).toBe('undecided');
  });

  test('is not convicted by its own success', () => {
    const blame = new Blame();
    blame.judge('T1', refusal(0));
    blame.succeeded(['T1']);
    expect(blame.judge('T1', refusal(1))).toBe('undecided');
  });

  test('of an earlier run of the program is judged by what happens from now on', () => {
    const blame = new Blame();
    expect(blame.judge('T1', refusal(2))).toBe('undecided');
    blame.succeeded(['A']);
    expect(blame.judge('T1', refusal(3))).toBe('record');
  });
});

describe('a failure counts', () => {
  test('only if another record was written since the one before', () => {
    const blame = new Blame();
    blame.succeeded(['A']);
    expect(blame.othersSucceeded('T1', 0)).toBe(false);
    expect(blame.othersSucceeded('T1', 1)).toBe(false);
    blame.succeeded(['A']);
    expect(blame.othersSucceeded('T1', 1)).toBe(true);
    expect(blame.othersSucceeded('T1', 2)).toBe(false);
  });
});

test('what is remembered is bounded: the record refused longest ago starts anew', () => {
  const blame = new Blame();
  for (let record = 0; record <= 10_000; record += 1) blame.judge(`T${record}`, refusal(0));
  blame.succeeded(['A']);
  expect(blame.judge('T1', refusal(1))).toBe('record');
  expect(blame.judge('T0', refusal(1))).toBe('undecided');
});

test('what succeeded only after the request was sent convicts nobody: it may have been repaired in between', () => {
  const blame = new Blame();
  for (const record of ['a', 'b', 'c']) blame.judge(record, refusal(0, 2));
  const seen = blame.writes;
  blame.succeeded(['c']);
  expect(blame.judge('a', refusal(5, 2), seen)).toBe('undecided');
  expect(blame.judge('b', refusal(5, 2), seen)).toBe('undecided');
});
