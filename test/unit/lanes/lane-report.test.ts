import { describe, expect, test } from 'vitest';
import { LaneReport } from '../../../srv/lanes/lane-report.ts';
import { endChange, intent, lane, pending, remembering, report, request, update } from './samples.ts';

const UPDATED = { result: 'updated', etag: 'W/"2"' } as const;
const FAILED = { result: 'failed', error: { code: 'CONFLICT_LIMIT', message: 'too often' } } as const;

const two = [
  pending(1, [update('T1', { a: 1 }), update('T2', { a: 1 })], { relatedTo: ['SOUTH', 'WEST'] }),
  pending(2, [update('T1', { a: 2 })], { relatedTo: ['SOUTH'] }),
];

function completionOf(made: LaneReport) {
  return made.completion(undefined, 2000, endChange);
}

describe('a change ends', () => {
  test('when all of its assignments have a result, those of earlier flights included', () => {
    const claimed = lane([
      pending(1, [update('T1', { a: 1 }), update('T2', { a: 1 })], {
        results: [{ id: 'T1', ...UPDATED }, undefined],
      }),
    ]);
    const made = report(claimed);
    expect(completionOf(made).ended).toEqual([]);
    made.end('T2', { covers: [{ position: 1, index: 1 }], supersedes: [] }, { result: 'unchanged' });
    expect(completionOf(made).ended).toEqual([{ position: 1, outcome: 'applied', messages: [] }]);
  });

  test('not while one of them is open', () => {
    const made = report(lane(two));
    made.end(
      'T1',
      {
        covers: [
          { position: 1, index: 0 },
          { position: 2, index: 0 },
        ],
        supersedes: [],
      },
      UPDATED,
    );
    expect(completionOf(made).ended.map(({ position }) => position)).toEqual([2]);
  });
});

describe('what a later one overwrites', () => {
  const merged = {
    covers: [
      { position: 1, index: 0 },
      { position: 2, index: 0 },
    ],
    supersedes: [{ position: 1, index: 0 }],
  };
  const resultsOf = (made: LaneReport) =>
    completionOf(made).progress.map(({ results }) => results.get(0)?.result);

  test('is superseded together with the success of that one, also if both came back from a journal as copies', () => {
    const made = report(lane(two));
    made.end('T1', structuredClone(merged), UPDATED);
    expect(resultsOf(made)).toEqual(['superseded', 'updated']);
  });

  test('fails together with it', () => {
    const made = report(lane(two));
    made.end('T1', merged, FAILED);
    expect(resultsOf(made)).toEqual(['failed', 'failed']);
  });
});

describe('of a record whose assignment ended', () => {
  const ended = { covers: [{ position: 1, index: 0 }], supersedes: [] };
  const after = (doubt: 'none' | 'sent' | 'refused', result: typeof UPDATED | typeof FAILED) => {
    const records = remembering({ T1: { doubt, conflicts: 3, refusals: 4, intent: intent() } });
    const made = report(lane(two, { records }));
    made.end('T1', ended, result);
    return completionOf(made).memory.records.get('T1');
  };

  test('nothing is remembered', () => {
    expect(after('sent', UPDATED)).toBeUndefined();
    expect(after('none', FAILED)).toBeUndefined();
  });

  test('a create that got no answer is remembered for as long as it may come: a delete has to wait for it', () => {
    const late = intent({ request: request({ operation: 'create' }) });
    const made = report(lane(two));
    made.unanswered(late, 90_000);
    const mayLand = { operation: 'create', until: 90_000 };
    expect(made.memoryOf('T1')).toMatchObject({ doubt: 'sent', intent: late, mayLand });
    made.end('T1', ended, UPDATED);
    expect(made.memoryOf('T1')).toMatchObject({ doubt: 'none', mayLand });
    made.unmerge('T1');
    expect(made.memoryOf('T1')).toMatchObject({ doubt: 'none', mayLand });
  });

  test('what was refused and then found as wanted leaves its count: the next request may equal it to the letter', () => {
    const refusalsAfter = (result: typeof UPDATED | { readonly result: 'unchanged' }) => {
      const made = report(lane(two, { records: remembering({ T1: { refusals: 4, conflicts: 3 } }) }));
      made.end('T1', ended, result);
      return made.memoryOf('T1');
    };
    expect(refusalsAfter({ result: 'unchanged' })).toMatchObject({ refusals: 4, conflicts: 0 });
    // What was written has another ETag.
    expect(refusalsAfter(UPDATED)).toBeUndefined();
  });

  test('only a doubt outlives a failure, without a request that anyone would repeat', () => {
    for (const doubt of ['sent', 'refused'] as const) {
      const memory = after(doubt, FAILED);
      expect(memory).toMatchObject({ doubt: 'sent', conflicts: 0, refusals: 0 });
      expect(memory?.intent).toBeUndefined();
    }
  });
});

describe('a request that was given up and may land yet', () => {
  const GIVEN_UP = { doubt: 'sent', mayLand: { operation: 'create', until: 90_000 } } as const;

  test('is kept in mind over later ones without answer, until its time is over', () => {
    const made = report(lane(two, { records: remembering({ T1: GIVEN_UP }) }));
    made.unanswered(intent(), 100_000);
    made.unanswered(intent(), 110_000);
    expect(made.memoryOf('T1')).toMatchObject({ givenUpUntil: 90_000, intent: intent() });
    made.tellApart(intent());
    expect(made.memoryOf('T1')).toMatchObject({ doubt: 'refused', givenUpUntil: 90_000 });
    const { memory } = completionOf(made);
    expect(new LaneReport(lane(two, memory), 2, 89_999).memoryOf('T1')?.givenUpUntil).toBe(90_000);
    expect(new LaneReport(lane(two, memory), 2, 90_000).memoryOf('T1')).not.toHaveProperty('givenUpUntil');
    made.end('T1', intent(), UPDATED);
    expect(made.memoryOf('T1')).not.toHaveProperty('givenUpUntil');
  });

  test('stays a create, whatever is sent after it: a delete has to wait for it', () => {
    const made = report(lane(two, { records: remembering({ T1: GIVEN_UP }) }));
    made.unanswered(intent(), 100_000);
    expect(made.memoryOf('T1')?.mayLand).toEqual({ operation: 'create', until: 100_000 });
  });
});

test('attempts and conflicts count once per flight and change, however many records were sent', () => {
  const made = report(lane(two));
  made.sent([
    { position: 1, index: 0 },
    { position: 2, index: 0 },
  ]);
  made.sent([{ position: 1, index: 1 }]);
  made.conflicted([{ position: 1, index: 0 }]);
  made.conflicted([{ position: 1, index: 1 }]);
  const counts = completionOf(made).progress.map(({ position, attempts, conflicts }) => [
    position,
    attempts,
    conflicts,
  ]);
  expect(counts).toEqual([
    [1, 1, 1],
    [2, 1, 0],
  ]);
});

test('of several waits the longest counts, under its own name', () => {
  const made = report(lane(two));
  made.waitFor('resting', 3000);
  made.waitFor('retrying', 8000);
  made.waitFor('resting', 5000);
  expect(completionOf(made).wait).toEqual({ state: 'retrying', delayMs: 8000 });
  expect(completionOf(report(lane(two))).wait).toBeUndefined();
});

describe('related lanes rest', () => {
  test('once each, after a write of a change that names them', () => {
    const made = report(lane(two));
    made.end(
      'T1',
      {
        covers: [
          { position: 1, index: 0 },
          { position: 2, index: 0 },
        ],
        supersedes: [],
      },
      UPDATED,
    );
    made.wrote({ id: 'T1', operation: 'update' }, 'W/"2"');
    expect(completionOf(made).alsoRest).toEqual({ territoryIds: ['SOUTH', 'WEST'], delayMs: 2000 });
  });

  test('not for a change of which nothing was written', () => {
    const made = report(lane(two));
    made.end('T2', { covers: [{ position: 1, index: 1 }], supersedes: [] }, FAILED);
    made.end('T1', { covers: [{ position: 2, index: 0 }], supersedes: [] }, UPDATED);
    made.wrote({ id: 'T1', operation: 'update' }, 'W/"2"');
    expect(completionOf(made).alsoRest?.territoryIds).toEqual(['SOUTH']);
    expect(completionOf(report(lane(two))).alsoRest).toBeUndefined();
  });
});

describe('what the lane remembers', () => {
  test('is what it remembered before and what the flight added, under its own fence and prefix', () => {
    const records = remembering({ T1: { conflicts: 1 }, T2: { conflicts: 2 } });
    const made = new LaneReport(lane(two, { records, unmergedUpTo: 1 }), 2, 0);
    made.remember('T1', { conflicts: 2 });
    const { memory, territoryId, fence } = completionOf(made);
    expect([territoryId, fence, memory.prefixEnd, memory.unmergedUpTo]).toEqual(['NORTH', 7, 2, 1]);
    expect([...memory.records].map(([id, { conflicts }]) => [id, conflicts])).toEqual([
      ['T1', 2],
      ['T2', 2],
    ]);
  });

  test('is not written back into what was claimed', () => {
    const claimed = lane(two, { records: remembering({ T1: { conflicts: 1 } }) });
    const made = report(claimed);
    made.remember('T1', { conflicts: 9 });
    made.unmerge('T2');
    expect(claimed.memory.records.get('T1')?.conflicts).toBe(1);
    expect([claimed.memory.records.size, claimed.memory.unmergedUpTo]).toEqual([1, 0]);
  });

  test('after unmerging: the prefix stays, and the record keeps its refusals and its doubt, nothing else', () => {
    const sent = intent({ request: request() });
    const records = remembering({
      T1: { conflicts: 3, refusals: 2, failures: 1, doubt: 'refused', intent: sent },
    });
    const made = new LaneReport(lane(two, { records }), 2, 0);
    made.unmerge('T1');
    const { memory } = completionOf(made);
    expect([memory.prefixEnd, memory.unmergedUpTo]).toEqual([2, 2]);
    expect(memory.records.get('T1')).toEqual({
      conflicts: 0,
      refusals: 3,
      undecidedRounds: 0,
      failures: 0,
      doubt: 'sent',
    });
  });
});
