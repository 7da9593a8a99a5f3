import { describe, expect, test } from 'vitest';
import { sendBulk, sendSuspecting, type BulkAnswer } from '../../../srv/lanes/bulk-write.ts';
import { planLane } from '../../../srv/lanes/plan.ts';
import { Suspects } from '../../../srv/lanes/suspects.ts';
import { oneVerdict } from '../../../srv/lanes/unit-verdict.ts';
import type { TerritoryApi, WriteAnswer, WriteRequest } from '../../../srv/territory-api/port.ts';
import {
  context,
  create,
  intent,
  lane,
  pending,
  remembering,
  remove,
  report,
  request,
  update,
} from './samples.ts';
import { judge } from '../../../srv/lanes/judge.ts';

const RULE = { maxRecords: 3 };
const { signal } = new AbortController();

const idsOf = (changes: Parameters<typeof lane>[0], limit = 10) =>
  planLane(lane(changes), limit, RULE).writes.map(({ id, transaction }) => `${id} in ${transaction}`);

describe('where changes are transactions, a flight', () => {
  test('takes whole changes of different records, each as its own transaction', () => {
    const changes = [
      pending(1, [update('T1', { a: 1 }), update('T2', { a: 1 })]),
      pending(2, [update('T3', { a: 1 })]),
    ];
    expect(idsOf(changes)).toEqual(['T1 in 1', 'T2 in 1', 'T3 in 2']);
  });

  test('leaves a change with a record of an earlier one for later, and what stands behind that one too', () => {
    const changes = [
      pending(1, [update('T1', { a: 1 })]),
      pending(2, [update('T1', { a: 2 }), update('T2', { a: 2 })]),
      pending(3, [update('T2', { a: 3 })]),
      pending(4, [update('T4', { a: 4 })]),
    ];
    expect(idsOf(changes)).toEqual(['T1 in 1', 'T4 in 4']);
  });

  test('takes a change that has more records than there is room for, but never a part of one', () => {
    const large = pending(1, [update('T1', { a: 1 }), update('T2', { a: 1 }), update('T3', { a: 1 })]);
    expect(idsOf([large, pending(2, [update('T4', { a: 1 })])], 2)).toEqual([
      'T1 in 1',
      'T2 in 1',
      'T3 in 1',
    ]);
  });

  test('repeats what is in doubt as whole transactions, however little room there is, and whatever lies between', () => {
    const inDoubt = (id: string, transaction: string) => ({
      doubt: 'sent' as const,
      intent: intent({ request: request({ id, transaction }) }),
    });
    const memory = {
      records: remembering({ T1: inDoubt('T1', '1'), T3: inDoubt('T3', '2'), T2: inDoubt('T2', '1') }),
    };
    const { repeats } = planLane(lane([pending(1, [update('T1', { a: 1 })])], memory), 1, RULE);
    expect(repeats.map(({ request: { id } }) => id)).toEqual(['T1', 'T2']);
  });

  test.each([
    ['TOO_LARGE', ['T1', 'T2', 'T3', 'T4'].map((id) => update(id, { a: 1 }))],
    ['INVALID_EVENT', [update('T2', { a: 1 }), remove('T1'), create('T1', { a: 1 })]],
  ] as const)('refuses what cannot be one transaction as %s, for all of its records', (code, assignments) => {
    const { writes } = planLane(lane([pending(1, assignments)]), 10, RULE);
    expect(writes.filter(({ refusal }) => typeof refusal === 'object')).toMatchObject([
      { refusal: { code } },
    ]);
    expect(writes.every(({ refusal }) => refusal !== undefined)).toBe(true);
  });
});

const done = { kind: 'done', status: 200 } as const;
const conflict = { kind: 'conflict', status: 412 } as const;
const refused = { kind: 'refused', status: 400 } as const;
const failed = { kind: 'failed', status: 500 } as const;
const missing = { kind: 'missing' } as const;
const rolledBack = { kind: 'rolled-back' } as const;

test.each([
  [
    [done, done],
    ['done', 'done'],
  ],
  [
    [done, conflict],
    ['rolled-back', 'conflict'],
  ],
  [
    [conflict, conflict],
    ['conflict', 'conflict'],
  ],
  [
    [refused, refused, done],
    ['refused', 'rolled-back', 'rolled-back'],
  ],
  [
    [missing, failed, done],
    ['open', 'failed', 'open'],
  ],
  [
    [missing, missing],
    ['missing', 'open'],
  ],
  [
    [rolledBack, rolledBack],
    ['missing', 'open'],
  ],
  [[rolledBack], ['missing']],
])('of a transaction that is answered %j the verdict is %j', (answers, verdict) => {
  expect(oneVerdict(answers).map(({ kind }) => kind)).toEqual(verdict);
});

function apiThat(answer: (ids: string) => WriteAnswer): TerritoryApi & { readonly sent: string[] } {
  const sent: string[] = [];
  return {
    sent,
    read: () => Promise.reject(new Error('not read here')),
    probe: () => Promise.resolve(undefined),
    async write(written) {
      const ids = written.map(({ id }) => id).join(' ');
      sent.push(ids);
      return answer(ids);
    },
  };
}

const kindOf = (answer: BulkAnswer) => (answer.kind === 'answered' ? answer.record.kind : answer.kind);
const pairs: readonly WriteRequest[] = ['A1', 'A2', 'B1', 'B2', 'C1', 'C2'].map((id) =>
  request({ id, transaction: id.slice(0, 1) }),
);
const answered = (ids: string): WriteAnswer => ({
  kind: 'answered',
  records: ids.split(' ').map(() => done),
});

test('a request that is refused as a whole is divided between transactions, never within one', async () => {
  const api = apiThat((ids) => (ids.includes('B2') ? { kind: 'refused-whole', status: 413 } : answered(ids)));
  const answers = await sendBulk(api, pairs, signal);
  expect(answers.map(kindOf)).toEqual(['done', 'done', 'refused', 'rolled-back', 'done', 'done']);
  expect(api.sent.every((ids) => ids.split(' ').length % 2 === 0)).toBe(true);
});

test('the search for what makes requests fail never divides a transaction', async () => {
  const trouble: WriteAnswer = {
    kind: 'trouble',
    trouble: { reason: 'unavailable', status: 503, message: 'no' },
    sent: true,
  };
  const api = apiThat((ids) => (ids.includes('B2') ? trouble : answered(ids)));
  const suspects = new Suspects();
  await sendSuspecting(suspects, api, pairs, signal);
  const answers = await sendSuspecting(suspects, api, pairs, signal);
  expect(answers.map(kindOf)).toEqual(['done', 'done', 'failed', 'open', 'done', 'done']);
  expect(api.sent.every((ids) => ids.split(' ').length % 2 === 0)).toBe(true);
});

test('of a change that failed while in doubt, the records that are skipped stay in doubt', () => {
  const claimed = lane([pending(1, [update('T1', { a: 1 }), update('T2', { a: 1 })])]);
  const flown = report(claimed);
  const [first, second] = ['T1', 'T2'].map((id, index) =>
    intent({ request: request({ id, transaction: '1' }), covers: [{ position: 1, index }] }),
  ) as [ReturnType<typeof intent>, ReturnType<typeof intent>];
  judge(flown, second, true, { kind: 'open' }, context());
  flown.unanswered(first, 100_000);
  flown.end('T1', first, { result: 'failed' });
  flown.skipRest();
  expect(flown.memoryOf('T2')).toMatchObject({ doubt: 'sent', mayLand: { operation: 'update' } });
  expect(flown.memoryOf('T2')?.intent).toBeUndefined();
});
