/** One change that meets answers of several kinds: each kind has a count of its own, so no mix ends it early or on a wrong ground. */
import { describe, expect, test } from 'vitest';
import { Blame } from '../../../srv/lanes/blame.ts';
import type { BulkRecord } from '../../../srv/lanes/unit-verdict.ts';
import { judge } from '../../../srv/lanes/judge.ts';
import type { LaneReport } from '../../../srv/lanes/lane-report.ts';
import { context, endChange, intent, lane, pending, remove, report } from './samples.ts';

const LIMIT = 2;
const RUNNING = { kind: 'running', status: 409 } as const;
const FAILED = { kind: 'failed', status: 500 } as const;
const REFUSED = { kind: 'refused', status: 400 } as const;
const FORBIDDEN = { kind: 'refused', status: 403 } as const;
const GONE = { kind: 'refused', status: 404 } as const;

/** Meets these one after the other, `other written`: another record's write succeeded; tells after which it has ended, and how. */
function endedAfter(
  met: readonly (BulkRecord | 'other written')[],
  operation: 'update' | 'delete' = 'update',
  { about = report(), limit = LIMIT }: { readonly about?: LaneReport; readonly limit?: number } = {},
): { readonly after?: number; readonly as?: string; readonly suspected: number } {
  const blame = new Blame();
  const retry = { ...context().retry, limit };
  let suspected = 0;
  for (const [index, answer] of met.entries()) {
    if (answer === 'other written') {
      blame.succeeded(['another']);
      continue;
    }
    const suspectConfiguration = () => void (suspected += 1);
    judge(about, intent({}, operation), false, answer, context({ blame, retry, suspectConfiguration }));
    const result = about
      .completion(undefined, 0, ({ position }, _, results) => ({
        position,
        outcome: results[0]?.result === 'failed' ? 'failed' : 'applied',
        messages: [],
      }))
      .progress[0]?.results.get(0);
    if (result) return { after: index + 1, as: result.error?.code ?? result.result, suspected };
  }
  return { suspected };
}

const times = <T>(count: number, what: T): T[] => Array.from({ length: count }, () => what);

describe('a first refusal is not the last', () => {
  test.each([
    { what: 'answers that it is still running', before: times(10, RUNNING) },
    { what: 'failures that counted for nothing', before: times(10, FAILED) },
    { what: 'failures, with others written since', before: [FAILED, FAILED, 'other written'] as const },
  ])('after $what: it waits undecided for its own rounds', ({ before }) => {
    expect(endedAfter([...before, REFUSED])).toEqual({ suspected: 0 });
    expect(endedAfter([...before, ...times(LIMIT + 1, REFUSED)])).toEqual({
      after: before.length + LIMIT + 1,
      as: 'REJECTED_BY_API',
      suspected: 0,
    });
  });

  test('and what others wrote since a failure decides nothing about it, what they write since it does', () => {
    expect(endedAfter([FAILED, 'other written', REFUSED])).toEqual({ suspected: 0 });
    expect(endedAfter([FAILED, 'other written', REFUSED, 'other written', REFUSED]).as).toBe(
      'REJECTED_BY_API',
    );
  });
});

test('refusals are no failures: only failures of its own end a change as a failure of the API', () => {
  const refused = [REFUSED, REFUSED];
  const failing = times(LIMIT + 1, ['other written', FAILED] as const).flat();
  expect(endedAfter([...refused, ...failing.slice(0, -1)])).toEqual({ suspected: 0 });
  expect(endedAfter([...refused, ...failing]).as).toBe('API_ERROR');
});

test('a record that fails does not make another that is refused alone a sign of misconfiguration', () => {
  const blame = new Blame();
  blame.othersSucceeded('fails', 0);
  const verdicts = [0, 1, 2].map((rounds) => blame.judge('T1', { status: 400, rounds, limit: LIMIT }));
  expect(verdicts).toEqual(['undecided', 'undecided', 'record']);
});

describe('a delete of what is gone', () => {
  test('does not end by that answer, however often it comes, and whatever was met before: it is read', () => {
    for (const before of [times(5, RUNNING), times(5, FAILED), times(LIMIT, REFUSED), times(9, FORBIDDEN)]) {
      expect(endedAfter([...before, ...times(9, GONE)], 'delete').as).toBeUndefined();
    }
  });

  test('is not refused at once because it was looked for before', () => {
    expect(endedAfter([...times(LIMIT, GONE), ...times(LIMIT, REFUSED)], 'delete').as).toBeUndefined();
  });
});

describe('a delete that is answered 404 although a fresh read shows the record', () => {
  const shown = () => {
    const about = report();
    about.sawThere('T1');
    return about;
  };

  test('is refused like any other write once it was tried as often, and never called done', () => {
    const ended = endedAfter(times(9, GONE), 'delete', { about: shown() });
    expect(ended).toEqual({ after: LIMIT + 1, as: 'UNKNOWN_ASSIGNMENT', suspected: 0 });
  });

  test('waits while other records are refused too and none is written: then a path or a right is wrong', () => {
    const blame = new Blame();
    const lanes = ['NORTH', 'SOUTH'].map((territoryId) => {
      const about = report({ ...lane([pending(1, [remove('T1')])]), territoryId });
      about.sawThere('T1');
      return about;
    });
    for (const about of times(9, lanes).flat()) {
      judge(about, intent({}, 'delete'), false, GONE, context({ blame }));
    }
    for (const about of lanes) {
      const { progress, wait } = about.completion(undefined, 0, endChange);
      expect([progress[0]?.results.size, wait?.state]).toEqual([0, 'retrying']);
    }
  });

  test.each([1, 2, 3, 4])(
    'is refused while others are written, and no path or right is suspected (%i retries)',
    (limit) => {
      const blame = new Blame();
      let suspected = 0;
      const met = context({
        blame,
        retry: { ...context().retry, limit },
        suspectConfiguration: () => void (suspected += 1),
      });
      const lanes = ['NORTH', 'SOUTH'].map((territoryId) => {
        const about = report({ ...lane([pending(1, [remove('T1')])]), territoryId });
        about.sawThere('T1');
        return about;
      });
      for (let round = 0; round <= limit; round += 1) {
        blame.judge(`refused for the first time ${round}`, { status: 400, rounds: 0, limit });
        for (const about of lanes) judge(about, intent({}, 'delete'), false, GONE, met);
        blame.succeeded(['another']);
      }
      const ended = lanes.map(
        (about) => about.completion(undefined, 0, endChange).progress[0]?.results.get(0)?.error?.code,
      );
      expect({ ended, suspected }).toEqual({
        ended: ['UNKNOWN_ASSIGNMENT', 'UNKNOWN_ASSIGNMENT'],
        suspected: 0,
      });
    },
  );

  test('is looked for once more however few the retries: somebody may have deleted it since that read', () => {
    expect(endedAfter([GONE], 'delete', { about: shown(), limit: 0 }).as).toBeUndefined();
  });
});

describe('a record that is forbidden, alone of all that is pending', () => {
  test('waits however long it takes, and a person is told: nothing shows that the right is there for others', () => {
    expect(endedAfter(times(50, FORBIDDEN))).toEqual({ suspected: 50 - LIMIT });
  });

  test('is to blame as soon as another was written since', () => {
    expect(endedAfter([...times(9, FORBIDDEN), 'other written', FORBIDDEN]).as).toBe('FORBIDDEN');
  });

  test.each([400, 404, 422])('while one that is refused alone with %i ends after its rounds', (status) => {
    const ended = endedAfter(times(9, { kind: 'refused', status } as const));
    expect(ended).toMatchObject({ after: LIMIT + 1, suspected: 0 });
  });
});
