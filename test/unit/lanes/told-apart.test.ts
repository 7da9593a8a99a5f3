/** A merged write at which the API fails: which of its changes is to blame is found out, and none of them takes effect twice. */
import { describe, expect, test } from 'vitest';
import type { Intent, LaneMemory, RecordMemory } from '../../../srv/journal/port.ts';
import { Blame } from '../../../srv/lanes/blame.ts';
import type { BulkRecord } from '../../../srv/lanes/unit-verdict.ts';
import { decide, type Passenger } from '../../../srv/lanes/decide.ts';
import { judge } from '../../../srv/lanes/judge.ts';
import { planLane } from '../../../srv/lanes/plan.ts';
import type { RecordState } from '../../../srv/territory-api/port.ts';
import { recallWholes } from '../../../srv/lanes/told-apart.ts';
import {
  context,
  endChange,
  intent,
  lane,
  pending,
  remembering,
  report,
  request,
  RULES,
  update,
} from './samples.ts';

const CHANGES = [pending(1, [update('T1', { a: 1 })]), pending(2, [update('T1', { a: 2 })])];
const COVERS = [
  { position: 1, index: 0 },
  { position: 2, index: 0 },
];
const WHOLE = intent({ request: request({ ifMatch: 'W/"1"', fields: { a: 2 } }), covers: COVERS });
const SPENT = { failures: 2, refusals: 3, doubt: 'sent', intent: WHOLE } as const;

/** Under which a failure of T1 counts. */
function othersWereWritten(): Blame {
  const blame = new Blame();
  blame.othersSucceeded(JSON.stringify(['NORTH', 'T1']), 0);
  blame.succeeded(['another']);
  return blame;
}

/** The answer to the last repetition of the merged write; tells what is kept of it. */
function failedForLong(answer: BulkRecord, known: Partial<RecordMemory> = {}) {
  const about = report(lane(CHANGES, { records: remembering({ T1: { ...SPENT, ...known } }) }));
  judge(about, WHOLE, true, answer, context({ blame: othersWereWritten() }));
  return about.completion(undefined, 0, endChange);
}

/** What is sent next, after such a read. */
function nextAfter(memory: LaneMemory, state: RecordState, proof = true) {
  const claimed = recallWholes(lane(CHANGES, memory));
  const plan = planLane(claimed, 50);
  const about = report(claimed);
  const passenger: Passenger = { plan, report: about, intents: [], withoutRead: new Map() };
  decide(passenger, new Map([['T1', { kind: 'read', state, proof }]]), context(), RULES);
  const { progress } = about.completion(undefined, 0, endChange);
  const results = progress.flatMap(({ results: of }) =>
    [...of.values()].map(({ result, error }) => error?.code ?? result),
  );
  return { repeats: plan.repeats, intents: passenger.intents, results };
}

/** As after a refused repetition; where other records of the prefix are told apart, and this one is not. */
const DOUBTED: LaneMemory = {
  prefixEnd: 2,
  unmergedUpTo: 2,
  records: remembering({ T1: { doubt: 'refused', intent: WHOLE } }),
};

const read = (etag: string, a: number): RecordState => ({ found: true, etag, fields: { a } });

describe('a merged write at which the API has failed for long', () => {
  const ANSWERS: readonly BulkRecord[] = [
    { kind: 'failed', status: 500 },
    { kind: 'missing' },
    { kind: 'refused', status: 400, whole: true },
  ];

  test.each(ANSWERS)(
    'blames none of its changes: they are told apart, with fresh attempts ($kind)',
    (answer) => {
      const { progress, memory } = failedForLong(answer);
      expect(progress.flatMap(({ results }) => [...results])).toEqual([]);
      expect(memory.unmergedUpTo).toBe(2);
      expect(memory.records.get('T1')).toMatchObject({
        doubt: 'refused',
        intent: WHOLE,
        failures: 0,
        refusals: 4,
      });
    },
  );

  const { memory: told } = failedForLong({ kind: 'failed', status: 500 });

  test('is remembered without the one that it was a part of, however often it fails', () => {
    const about = report(lane(CHANGES, { records: remembering({ T1: { ...SPENT, toldApart: 'once' } }) }));
    about.tellApart({ ...WHOLE, partOf: WHOLE });
    expect(about.memoryOf('T1')).toMatchObject({ intent: WHOLE, toldApart: 'again' });
    expect(about.memoryOf('T1')?.intent?.partOf).toBeUndefined();
  });

  test('ends well where a read proves that it has landed all the same', () => {
    expect(nextAfter(told, read('W/"2"', 2))).toMatchObject({
      intents: [],
      results: ['superseded', 'updated'],
    });
  });

  test('gives way to its first change alone where it has not landed, under the ETag that was read', () => {
    const { intents, repeats } = nextAfter(told, read('W/"1"', 0));
    expect(repeats).toEqual([]);
    expect(intents).toMatchObject([
      { covers: [COVERS[0]], request: { fields: { a: 1 }, ifMatch: 'W/"1"' }, partOf: { covers: COVERS } },
    ]);
    expect(intents[0]?.request.idempotencyKey).not.toBe(WHOLE.request.idempotencyKey);
  });

  test('goes again as it is where an unproven read shows it: its older values must not come after it', () => {
    expect(nextAfter(told, read('W/"2"', 2), false).intents).toMatchObject([{ covers: COVERS }]);
  });

  test('is looked for once more before a part that had no answer is sent again, over a crash too', () => {
    const [part] = nextAfter(told, read('W/"1"', 0)).intents as [Intent];
    const records = remembering({ T1: { doubt: 'sent', intent: part, toldApart: 'once', refusals: 4 } });
    const crashed = { ...told, records };
    expect(nextAfter(crashed, read('W/"2"', 2))).toMatchObject({
      intents: [],
      results: ['superseded', 'updated'],
    });
    // Unless it shows that nothing has landed: then it is the same request under the same key.
    expect(nextAfter(crashed, read('W/"1"', 0)).intents).toEqual([part]);
  });

  describe('once more', () => {
    const { memory: again } = failedForLong({ kind: 'failed', status: 500 }, { toldApart: 'once' });

    test('ends well where a read proves that it has landed', () => {
      expect(nextAfter(again, read('W/"2"', 2)).results).toEqual(['superseded', 'updated']);
    });

    test('goes part by part where a read shows the version that it was sent with, or other values', () => {
      for (const shown of [read('W/"1"', 2), read('W/"2"', 0)]) {
        expect(nextAfter(again, shown, false).intents).toMatchObject([{ covers: [COVERS[0]] }]);
      }
    });

    test('fails with all its changes where a later version shows what it sets: its older values must not come after it', () => {
      const { intents, results } = nextAfter(again, read('W/"2"', 2), false);
      expect(intents).toEqual([]);
      expect(results).toEqual(['API_ERROR', 'API_ERROR']);
    });

    test('fails so too where it was sent again on that later version, which is shown still', () => {
      const { memory: once } = failedForLong({ kind: 'failed', status: 500 });
      const [second] = nextAfter(once, read('W/"2"', 2), false).intents as [Intent];
      expect(second).toMatchObject({ covers: COVERS, request: { ifMatch: 'W/"2"' } });
      const memoryOf = {
        ...once,
        records: remembering({
          T1: { ...once.records.get('T1'), failures: 2, doubt: 'sent', intent: second },
        }),
      };
      const about = report(lane(CHANGES, memoryOf));
      judge(about, second, false, { kind: 'failed', status: 500 }, context({ blame: othersWereWritten() }));
      const { memory } = about.completion(undefined, 0, endChange);
      expect(nextAfter(memory, read('W/"2"', 2), false)).toMatchObject({
        intents: [],
        results: ['API_ERROR', 'API_ERROR'],
      });
    });
  });
});

test('what landed by a read may be the merged write: no other part of it is concluded from one', () => {
  const [part] = nextAfter(failedForLong({ kind: 'missing' }).memory, read('W/"1"', 0)).intents as [Intent];
  const about = report(
    lane(CHANGES, { unmergedUpTo: 2, records: remembering({ T1: { doubt: 'refused' } }) }),
  );
  about.end('T1', part, { result: 'updated' });
  about.doubtOtherParts({ id: 'T1', covers: part.covers });
  expect(about.memoryOf('T1')?.doubt).toBe('sent');
});

test('a single change that the API fails at for long ends as its dead letter, also where its repetition is refused as a whole', () => {
  const codes = (['failed', 'refused'] as const).map((kind) => {
    const sent = intent();
    const about = report(
      lane([pending(1, [update('T1', { owner: 'E2' })])], { records: remembering({ T1: SPENT }) }),
    );
    const answer: BulkRecord = kind === 'failed' ? { kind, status: 500 } : { kind, status: 400, whole: true };
    judge(about, sent, true, answer, context({ blame: othersWereWritten() }));
    return about.completion(undefined, 0, endChange).progress[0]?.results.get(0)?.error?.code;
  });
  expect(codes).toEqual(['API_ERROR', 'REJECTED_BY_API']);
});

test('a merged write of two assignments of one change is told apart too, at once where it is refused for its content', () => {
  const about = report(lane([pending(1, [update('T1', { a: 1 }), update('T1', { b: 2 })])]));
  const both = intent({
    covers: [
      { position: 1, index: 0 },
      { position: 1, index: 1 },
    ],
  });
  judge(about, both, false, { kind: 'refused', status: 400 }, context());
  expect(about.completion(undefined, 0, endChange).memory.unmergedUpTo).toBe(1);
});

test('a merged write that may have landed is not told apart for the sake of another record', () => {
  // The part would go without a word of the whole, and its value could come after that of the whole.
  const { intents } = nextAfter(DOUBTED, read('W/"1"', 0), false);
  expect(intents.map(({ covers, partOf }) => [covers, partOf])).toEqual([[COVERS, undefined]]);
});
