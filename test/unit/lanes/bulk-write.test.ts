import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sendBulk, sendSuspecting } from '../../../srv/lanes/bulk-write.ts';
import { Suspects } from '../../../srv/lanes/suspects.ts';
import type {
  TerritoryApi,
  UnansweredWrite,
  WriteAnswer,
  WriteRequest,
} from '../../../srv/territory-api/port.ts';
import { request } from './samples.ts';

const DONE = { kind: 'done', status: 200 } as const;
const REFUSED: UnansweredWrite = { kind: 'refused-whole', status: 400, code: 'MALFORMED' };
const TIMEOUT: UnansweredWrite = {
  kind: 'trouble',
  trouble: { reason: 'timeout', message: 'no answer in time' },
  sent: true,
};

function requests(...ids: readonly string[]): WriteRequest[] {
  return ids.map((id) => request({ id }));
}

/** An API that answers by ids, and keeps which ids it was sent together. */
function apiThat(
  answer: (ids: readonly string[]) => WriteAnswer,
): TerritoryApi & { readonly sent: string[] } {
  const sent: string[] = [];
  return {
    sent,
    read: () => Promise.reject(new Error('not read here')),
    probe: () => Promise.resolve(undefined),
    async write(written) {
      const ids = written.map(({ id }) => id);
      sent.push(ids.join(' '));
      return answer(ids);
    },
  };
}

function refusing(...culprits: readonly string[]) {
  return apiThat((ids) =>
    ids.some((id) => culprits.includes(id)) ? REFUSED : { kind: 'answered', records: ids.map(() => DONE) },
  );
}

const { signal } = new AbortController();

test('one request where the API takes it, with the answers in its order and the wait that it asks for', async () => {
  const conflict = { kind: 'conflict', status: 412 } as const;
  const api = apiThat(() => ({ kind: 'answered', records: [DONE, conflict], retryAfterMs: 700 }));
  expect(await sendBulk(api, requests('T1', 'T2'), signal)).toEqual([
    { kind: 'answered', record: DONE, retryAfterMs: 700 },
    { kind: 'answered', record: conflict, retryAfterMs: 700 },
  ]);
  expect(api.sent).toEqual(['T1 T2']);
});

test('a record that the answer leaves out is missing', async () => {
  const api = apiThat(() => ({ kind: 'answered', records: [DONE] }));
  expect(await sendBulk(api, requests('T1', 'T2'), signal)).toMatchObject([
    {},
    { record: { kind: 'missing' } },
  ]);
});

test('trouble of the request is the answer of every record', async () => {
  expect(
    await sendBulk(
      apiThat(() => TIMEOUT),
      requests('T1', 'T2'),
      signal,
    ),
  ).toEqual([TIMEOUT, TIMEOUT]);
});

describe('a request that is refused as a whole is divided', () => {
  test('until the culprit stands alone: it is refused, and every other record is written once', async () => {
    const api = refusing('T3');
    const answers = await sendBulk(api, requests('T1', 'T2', 'T3', 'T4', 'T5'), signal);
    expect(answers.map((answer) => answer.kind === 'answered' && answer.record.kind)).toEqual([
      'done',
      'done',
      'refused',
      'done',
      'done',
    ]);
    expect(answers[2]).toEqual({
      kind: 'answered',
      record: { kind: 'refused', status: 400, code: 'MALFORMED', whole: true },
    });
    expect(api.sent).toEqual(['T1 T2 T3 T4 T5', 'T1 T2', 'T3 T4', 'T3', 'T4', 'T5']);
  });

  test('with fewer than twice as many requests as records, whoever the culprits are', async () => {
    const ids = Array.from({ length: 12 }, (_, index) => `T${index}`);
    await fc.assert(
      fc.asyncProperty(fc.subarray(ids), async (culprits) => {
        const api = refusing(...culprits);
        const answers = await sendBulk(api, requests(...ids), signal);
        const refused = ids.filter((_, index) => {
          const answer = answers[index];
          return answer?.kind === 'answered' && answer.record.kind === 'refused';
        });
        expect(refused).toEqual(culprits);
        expect(api.sent.length).toBeLessThan(2 * ids.length);
      }),
    );
  });

  test('but not beyond trouble: the first part keeps its answers, the rest was certainly not sent', async () => {
    const api = apiThat((ids) =>
      ids.length > 2 ? REFUSED : ids.includes('T3') ? TIMEOUT : { kind: 'answered', records: [DONE, DONE] },
    );
    const answers = await sendBulk(api, requests('T1', 'T2', 'T3', 'T4', 'T5', 'T6', 'T7', 'T8'), signal);
    const unsent = { ...TIMEOUT, sent: false };
    expect(answers.slice(0, 2)).toEqual([
      { kind: 'answered', record: DONE },
      { kind: 'answered', record: DONE },
    ]);
    expect(answers.slice(2)).toEqual([TIMEOUT, unsent, unsent, unsent, unsent, unsent]);
    expect(api.sent.at(-1)).toBe('T3');
  });

  test('and not beyond the end of the lease: the rest is not sent', async () => {
    const api = refusing('T1');
    const answers = await sendBulk(api, requests('T1', 'T2', 'T3', 'T4'), signal, () => api.sent.length < 2);
    expect(answers).toHaveLength(4);
    for (const answer of answers) expect(answer).toEqual({ kind: 'not-sent' });
    expect(api.sent).toEqual(['T1 T2 T3 T4', 'T1 T2']);
  });
});

test('the parts of a divided request are sent as many at a time as flights may be, whatever many culprits there are', async () => {
  const ids = Array.from({ length: 50 }, (_, index) => `T${index}`);
  const api = refusing('T3', 'T17', 'T30', 'T49');
  let underWay = 0;
  let most = 0;
  const slow: TerritoryApi = {
    ...api,
    async write(...sent) {
      most = Math.max(most, (underWay += 1));
      const answer = await api.write(...sent);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return answer;
    },
  };
  const answers = await sendSuspecting(new Suspects(3), slow, requests(...ids), signal);
  const refused = ids.filter((_, index) => {
    const answer = answers[index];
    return answer?.kind === 'answered' && answer.record.kind === 'refused';
  });
  expect(refused).toEqual(['T3', 'T17', 'T30', 'T49']);
  expect(most).toBe(3);
});

describe('where a write takes several requests', () => {
  test('the trouble of one of them is the answer of its records only', async () => {
    const api = apiThat(() => ({ kind: 'answered', records: [DONE, { kind: 'missing', request: TIMEOUT }] }));
    expect(await sendBulk(api, requests('T1', 'T2'), signal)).toEqual([
      { kind: 'answered', record: DONE },
      TIMEOUT,
    ]);
  });

  test('the culprit is sought among the records of the one that was refused', async () => {
    const missing = { kind: 'missing', request: REFUSED } as const;
    const api = apiThat((ids) => {
      if (ids.length === 4) return { kind: 'answered', records: [missing, DONE, missing, DONE] };
      return ids.includes('T3') ? REFUSED : { kind: 'answered', records: ids.map(() => DONE) };
    });
    const answers = await sendBulk(api, requests('T1', 'T2', 'T3', 'T4'), signal);
    expect(answers.map((answer) => answer.kind === 'answered' && answer.record.kind)).toEqual([
      'done',
      'done',
      'refused',
      'done',
    ]);
    expect(api.sent).toEqual(['T1 T2 T3 T4', 'T1', 'T3']);
  });

  test('but it is not sought while another one is in trouble', async () => {
    const api = apiThat(() => ({
      kind: 'answered',
      records: [
        { kind: 'missing', request: REFUSED },
        { kind: 'missing', request: TIMEOUT },
      ],
    }));
    expect(await sendBulk(api, requests('T1', 'T2'), signal)).toEqual([{ ...TIMEOUT, sent: false }, TIMEOUT]);
    expect(api.sent).toHaveLength(1);
  });
});
