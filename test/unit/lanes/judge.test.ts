import { describe, expect, test } from 'vitest';
import type { Intent } from '../../../srv/journal/port.ts';
import { Blame } from '../../../srv/lanes/blame.ts';
import type { BulkRecord } from '../../../srv/lanes/unit-verdict.ts';
import { judge, judgeRefusal, judgeUnreadable, type JudgeContext } from '../../../srv/lanes/judge.ts';
import type { LaneReport } from '../../../srv/lanes/lane-report.ts';
import type { Log } from '../../../srv/platform/log.ts';
import { silent } from '../../doubles/silent-log.ts';
import {
  context,
  endChange,
  intent,
  lane,
  pending,
  planned,
  remembering,
  report,
  request,
  update,
} from './samples.ts';

const FIRST = 'first send';
const REPEAT = 'repetition';

interface Case {
  readonly report?: LaneReport;
  readonly intent?: Intent;
  readonly send?: typeof FIRST | typeof REPEAT;
  readonly context?: JudgeContext;
}

/** Judges one answer, and tells what the lane makes of it. */
function judged(answer: BulkRecord, given: Case = {}) {
  const about = given.report ?? report();
  const sent = given.intent ?? intent();
  judge(about, sent, given.send === REPEAT, answer, given.context ?? context());
  const { progress, memory, wait, ended } = about.completion(undefined, 0, endChange);
  return {
    result: progress[0]?.results.get(0),
    memory: memory.records.get(sent.request.id),
    unmergedUpTo: memory.unmergedUpTo,
    conflicts: progress[0]?.conflicts,
    steps: progress[0]?.history.map(({ step, detail }) => (detail ? `${step} ${detail}` : step)),
    writes: about.writes,
    wait,
    ended,
  };
}

/** A blame under which the record is at fault as soon as it is refused again. */
function othersWere(written: 'written' | 'not written'): Blame {
  const blame = new Blame();
  const record = JSON.stringify(['NORTH', 'T1']);
  blame.judge(record, { status: 400, rounds: 0, limit: 2, position: 1 });
  blame.othersSucceeded(record, 0);
  if (written === 'written') blame.succeeded(['another']);
  return blame;
}

function remembered(memory: Parameters<typeof remembering>[0][string]): LaneReport {
  return report(
    lane([pending(1, [update('T1', { owner: 'E2' })])], { records: remembering({ T1: memory }) }),
  );
}

describe('a write that was done', () => {
  test('ends its assignment with the new ETag, clears every doubt, and lets the lane rest', () => {
    const { result, memory, writes, wait } = judged(
      { kind: 'done', status: 200, etag: 'W/"2"' },
      { report: remembered({ doubt: 'sent', conflicts: 2 }) },
    );
    expect(result).toEqual({ id: 'T1', result: 'updated', etag: 'W/"2"' });
    expect(memory).toBeUndefined();
    expect([...writes]).toEqual([['T1', 'W/"2"']]);
    expect(wait).toBeUndefined();
  });

  test('is named by what was done', () => {
    for (const [operation, result] of [
      ['update', 'updated'],
      ['create', 'created'],
      ['delete', 'deleted'],
    ] as const) {
      expect(judged({ kind: 'done', status: 200 }, { intent: intent({}, operation) }).result?.result).toBe(
        result,
      );
    }
  });
});

describe('a conflict', () => {
  test('is counted, and the lane waits longer each time, never shorter than the API asks', () => {
    const conflict = { kind: 'conflict', status: 412 } as const;
    const first = judged(conflict);
    expect(first.memory).toMatchObject({ conflicts: 1, refusals: 1, lastStatus: 412, doubt: 'none' });
    expect(first.conflicts).toBe(1);
    expect(first.steps).toEqual(['conflict 412']);
    expect(first.wait).toEqual({ state: 'retrying', delayMs: 2000 });
    expect(judged(conflict, { report: remembered({ conflicts: 1 }) }).wait?.delayMs).toBe(4000);
    expect(judged(conflict, { context: context({ retryAfterMs: 9000 }) }).wait?.delayMs).toBe(9000);
  });

  test('beyond the limit leaves one last look, at once or when the API allows', () => {
    const spent = () => remembered({ conflicts: 2 });
    expect(judged({ kind: 'conflict', status: 412 }, { report: spent() }).wait).toBeUndefined();
    const asked = { report: spent(), context: context({ retryAfterMs: 9000 }) };
    expect(judged({ kind: 'conflict', status: 412 }, asked).wait?.delayMs).toBe(9000);
  });

  test('of a repetition leaves to a read whether the first send landed', () => {
    const sent = intent();
    const { memory } = judged({ kind: 'conflict', status: 409 }, { intent: sent, send: REPEAT });
    expect(memory).toMatchObject({ doubt: 'refused', intent: sent });
  });

  test('of a later write does not take away a doubt that it has nothing to do with', () => {
    const sent = intent();
    for (const doubt of [{ doubt: 'refused', intent: sent }, { doubt: 'sent' }] as const) {
      expect(judged({ kind: 'conflict', status: 412 }, { report: remembered(doubt) }).memory).toMatchObject(
        doubt,
      );
    }
  });
});

describe('a refusal for the content', () => {
  const refused = { kind: 'refused', status: 400, code: 'BAD_OWNER', message: 'no such owner' } as const;

  test('waits undecided at first, with another idempotency key for the next try', () => {
    const { result, memory, wait } = judged(refused);
    expect(result).toBeUndefined();
    expect(memory).toMatchObject({ undecidedRounds: 1, refusals: 1, doubt: 'none' });
    expect(wait).toEqual({ state: 'retrying', delayMs: 2000 });
  });

  test('is the fault of the change once another record was written meanwhile', () => {
    const known = {
      report: remembered({ undecidedRounds: 1 }),
      context: context({ blame: othersWere('written') }),
    };
    expect(judged(refused, known).result).toEqual({
      id: 'T1',
      result: 'failed',
      error: { status: 400, code: 'REJECTED_BY_API', message: 'no such owner' },
    });
  });

  test("is nobody's fault while nothing is written: a person is told, and no change is dead-lettered", () => {
    const blame = othersWere('not written');
    blame.judge('another', { status: 400, rounds: 0, limit: 2 });
    const told: number[] = [];
    const suspectConfiguration = (status: number) => void told.push(status);
    const known = {
      report: remembered({ undecidedRounds: 2 }),
      context: context({ blame, suspectConfiguration }),
    };
    const { result, wait } = judged(refused, known);
    expect(result).toBeUndefined();
    expect(wait?.state).toBe('retrying');
    expect(told).toEqual([refused.status]);
  });

  test('is called by what the API answered', () => {
    const codes = {
      400: 'REJECTED_BY_API',
      422: 'REJECTED_BY_API',
      403: 'FORBIDDEN',
      404: 'UNKNOWN_ASSIGNMENT',
      413: 'TOO_LARGE',
    };
    for (const [status, code] of Object.entries(codes)) {
      const known = {
        report: remembered({ undecidedRounds: 1 }),
        context: context({ blame: othersWere('written') }),
      };
      const { result } = judged({ kind: 'refused', status: Number(status) }, known);
      expect(result?.error).toMatchObject({ status: Number(status), code });
      expect(result?.error?.message).not.toBe('');
    }
  });

  test('of a merged write blames no change: they are planned one by one, with fresh attempts and another key', () => {
    const changes = [pending(1, [update('T1', { a: 1 })]), pending(2, [update('T1', { a: 2 })])];
    const records = remembering({ T1: { conflicts: 2, undecidedRounds: 1, refusals: 3 } });
    const merged = intent({
      covers: [
        { position: 1, index: 0 },
        { position: 2, index: 0 },
      ],
    });
    const made = judged(refused, { report: report(lane(changes, { records })), intent: merged });
    expect(made.result).toBeUndefined();
    expect(made.unmergedUpTo).toBe(2);
    expect(made.memory).toMatchObject({ conflicts: 0, undecidedRounds: 0, refusals: 4 });
    expect(made.wait).toBeUndefined();
  });

  test('of a repetition means that it is not repeated any more, while nothing is concluded yet', () => {
    const sent = intent();
    const { memory } = judged(refused, {
      report: remembered({ doubt: 'sent', intent: sent }),
      intent: sent,
      send: REPEAT,
    });
    expect(memory).toMatchObject({ doubt: 'sent', intent: undefined, refusals: 1 });
  });

  test('of a merged write that may have landed keeps it together, until others show that it is to blame', () => {
    const changes = [pending(1, [update('T1', { a: 1 })]), pending(2, [update('T1', { a: 2 })])];
    const covers = changes.map(({ position }) => ({ position, index: 0 }));
    const merged = intent({ covers });
    const again = (doubt: 'sent' | 'refused', written: Parameters<typeof othersWere>[0]) => {
      const records = remembering({ T1: { doubt, intent: merged, undecidedRounds: 1 } });
      return judged(refused, {
        report: report(lane(changes, { records })),
        intent: merged,
        send: doubt === 'sent' ? REPEAT : FIRST,
        context: context({ blame: othersWere(written) }),
      });
    };
    for (const doubt of ['sent', 'refused'] as const) {
      const undecided = again(doubt, 'not written');
      expect(undecided.memory).toMatchObject({ doubt: 'refused', intent: merged, undecidedRounds: 2 });
      expect([undecided.unmergedUpTo, undecided.wait?.state]).toEqual([0, 'retrying']);
      const decided = again(doubt, 'written');
      expect(decided.memory).toMatchObject({ doubt: 'sent', undecidedRounds: 0 });
      expect([decided.memory?.intent, decided.unmergedUpTo]).toEqual([undefined, 2]);
    }
  });

  test('because a read did not find the record is judged like a 404', () => {
    const about = remembered({ undecidedRounds: 1 });
    judgeRefusal(about, intent(), { status: 404 }, context({ blame: othersWere('written') }));
    const [made] = about.completion(undefined, 0, endChange).progress;
    expect(made?.results.get(0)?.error?.code).toBe('UNKNOWN_ASSIGNMENT');
  });
});

describe('a delete of what is gone', () => {
  const gone = { kind: 'refused', status: 404 } as const;
  const remove = intent({}, 'delete');

  test('is looked at again first: a late node may not know the record yet', () => {
    const { result, memory, wait } = judged(gone, { intent: remove });
    expect(result).toBeUndefined();
    expect(memory).toMatchObject({ undecidedRounds: 1, refusals: 1, conflicts: 0 });
    expect(wait?.state).toBe('retrying');
  });

  test('is read a last time when every cache has had its time, however short the waits of retries are', () => {
    const often = remembered({ undecidedRounds: 1, lastStatus: 404 });
    const retry = { limit: 2, firstDelayMs: 0, maxDelayMs: 0 };
    const { result, memory, wait } = judged(gone, {
      intent: remove,
      report: often,
      context: context({ retry }),
    });
    expect(result).toBeUndefined();
    expect(memory).toMatchObject({ undecidedRounds: 2, waitedOut: true });
    expect(wait).toEqual({ state: 'retrying', delayMs: 5000 });
  });

  test('may have been by its first send where it is a repetition: what a read shows decides', () => {
    expect(judged(gone, { intent: remove, send: REPEAT }).memory).toMatchObject({
      doubt: 'refused',
      intent: remove,
    });
  });
});

describe('in doubt', () => {
  test('is what is still running: the exact request is kept, no attempt is spent, and it is asked ever less often', () => {
    const sent = intent();
    const running = { kind: 'running', status: 409 } as const;
    const { memory, wait, result } = judged(running, { intent: sent });
    expect(memory).toMatchObject({ doubt: 'sent', intent: sent, conflicts: 0, failures: 0, refusals: 0 });
    expect(wait).toEqual({ state: 'retrying', delayMs: 2000 });
    expect(result).toBeUndefined();
    const often = {
      report: remembered({ waits: 50 }),
      context: context({ blame: othersWere('written') }),
    };
    const later = judged(running, often);
    expect([later.wait?.delayMs, later.memory?.failures, later.result]).toEqual([32_000, 0, undefined]);
  });

  test('is what the answer leaves out: it spends its attempts while others are written, and ends still in doubt', () => {
    const sent = intent();
    const missing = { kind: 'missing' } as const;
    expect(judged(missing, { intent: sent })).toMatchObject({
      memory: { doubt: 'sent', failures: 1, intent: sent },
      wait: { delayMs: 2000 },
    });
    const spent = (written: 'written' | 'not written') =>
      judged(missing, {
        report: remembered({ failures: 2, doubt: 'sent' }),
        context: context({ blame: othersWere(written) }),
      });
    expect(spent('not written')).toMatchObject({ result: undefined, wait: { delayMs: 8000 } });
    expect(spent('written')).toMatchObject({
      result: { error: { code: 'API_ERROR' } },
      memory: { doubt: 'sent', failures: 0 },
    });
  });

  const failed = { kind: 'failed', status: 503 } as const;

  test('is what failed, and a failure counts only if another record was written since the last one', () => {
    const sent = intent();
    expect(judged(failed, { intent: sent }).memory).toMatchObject({
      doubt: 'sent',
      intent: sent,
      failures: 1,
    });
    const again = (written: 'written' | 'not written') =>
      judged(failed, {
        report: remembered({ failures: 1 }),
        context: context({ blame: othersWere(written) }),
      });
    expect(again('written').memory?.failures).toBe(2);
    expect(again('not written').memory?.failures).toBe(1);
    expect(again('not written').wait?.delayMs).toBe(4000);
  });

  test('a record that fails while others succeed ends after its attempts, and is still in doubt', () => {
    const known = {
      report: remembered({ failures: 2, doubt: 'sent' }),
      context: context({ blame: othersWere('written') }),
    };
    const { result, memory } = judged(failed, known);
    expect(result?.error).toMatchObject({ status: 503, code: 'API_ERROR' });
    expect(memory).toMatchObject({ doubt: 'sent', failures: 0 });
    expect(memory?.intent).toBeUndefined();
  });

  test('never ends while nothing else succeeds: that is an outage', () => {
    const alone = {
      report: remembered({ failures: 2, waits: 500 }),
      context: context({ blame: othersWere('not written') }),
    };
    const { result, wait } = judged(failed, alone);
    expect(result).toBeUndefined();
    expect(wait?.delayMs).toBe(32_000);
  });

  const whole = { kind: 'refused', status: 400, whole: true } as const;

  test('remains what was refused as a whole when it was repeated: that says nothing of the first send', () => {
    const sent = intent();
    const { memory } = judged(whole, { intent: sent, send: REPEAT });
    expect(memory).toMatchObject({ doubt: 'sent', intent: sent });
    expect(judged(whole, { intent: sent }).memory).toMatchObject({ doubt: 'none' });
  });
});

describe('a record that cannot be read while others are', () => {
  const trouble = { reason: 'unavailable', status: 500, message: 'the API failed (500)' } as const;
  const read = (known: LaneReport, written: 'written' | 'not written') => {
    judgeUnreadable(known, planned(), trouble, context({ blame: othersWere(written) }));
    const { progress, memory, wait } = known.completion(undefined, 0, endChange);
    return { result: progress[0]?.results.get(0), memory: memory.records.get('T1'), wait };
  };

  test('spends its attempts, and ends as a failure of the API', () => {
    expect(read(remembered({ failures: 1 }), 'written')).toMatchObject({
      result: undefined,
      memory: { failures: 2, doubt: 'none' },
      wait: { state: 'retrying', delayMs: 4000 },
    });
    const { result, memory } = read(remembered({ failures: 2 }), 'written');
    expect(result?.error).toMatchObject({ status: 500, code: 'API_ERROR' });
    expect(memory).toBeUndefined();
  });

  test('never ends while nothing is written: that is an outage', () => {
    const { result, wait } = read(remembered({ failures: 2, waits: 500 }), 'not written');
    expect([result, wait?.delayMs]).toEqual([undefined, 32_000]);
  });
});

test('a request that the API calls malformed is our defect: dead letter at once, with an error in the log', () => {
  const told: unknown[] = [];
  const log: Log = { ...silent, error: (_, fields) => void told.push(fields?.['alert']) };
  const { result } = judged({ kind: 'defect', status: 428 }, { context: context({ log }) });
  expect(result?.error).toMatchObject({ status: 428, code: 'REJECTED_BY_API' });
  expect(told).toEqual(['TerritorySyncDeadLetter']);
});

test('a step is noted once for a change, however many of its assignments the write covers', () => {
  const changes = [pending(1, [update('T1', { a: 1 }), update('T1', { b: 2 })])];
  const both = intent({
    request: request(),
    covers: [
      { position: 1, index: 0 },
      { position: 1, index: 1 },
    ],
  });
  const { steps } = judged({ kind: 'done', status: 200 }, { report: report(lane(changes)), intent: both });
  expect(steps).toEqual(['applied 200']);
});
