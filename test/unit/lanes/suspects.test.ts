import { expect, test } from 'vitest';
import { sendSuspecting } from '../../../srv/lanes/bulk-write.ts';
import { Suspects } from '../../../srv/lanes/suspects.ts';
import type { TerritoryApi, WriteAnswer, WriteRequest } from '../../../srv/territory-api/port.ts';

const request = (id: string): WriteRequest => ({
  territoryId: 'T',
  id,
  operation: 'update',
  ifMatch: '"1"',
  fields: {},
  idempotencyKey: id,
});
const requests = (count: number) => Array.from({ length: count }, (_, index) => request(`A${index}`));

/** An API that fails on every request which holds one of these records. */
function apiFailingOn(poison: (id: string) => boolean, suspects = new Suspects()) {
  const sizes: number[] = [];
  const api: TerritoryApi = {
    read: () => Promise.reject(new Error('not used')),
    probe: () => Promise.resolve(undefined),
    write(part): Promise<WriteAnswer> {
      sizes.push(part.length);
      if (part.some(({ id }) => poison(id))) {
        return Promise.resolve({
          kind: 'trouble',
          trouble: { reason: 'unavailable', status: 500, message: 'no' },
          sent: true,
        });
      }
      return Promise.resolve({ kind: 'answered', records: part.map(() => ({ kind: 'done', status: 200 })) });
    },
  };
  const send = (part: readonly WriteRequest[]) =>
    sendSuspecting(suspects, api, part, new AbortController().signal);
  return { send, sizes };
}

test('the first trouble is the trouble of the API: nothing is halved', async () => {
  const { send, sizes } = apiFailingOn((id) => id === 'A3');
  const answers = await send(requests(8));
  expect(sizes).toEqual([8]);
  expect(answers.every(({ kind }) => kind === 'trouble')).toBe(true);
});

test('when the same records meet trouble again, the culprit is found and the others are written', async () => {
  const { send, sizes } = apiFailingOn((id) => id === 'A37');
  await send(requests(50));
  sizes.length = 0;
  const answers = await send(requests(50));
  expect(answers[37]).toMatchObject({ kind: 'answered', record: { kind: 'failed', status: 500 } });
  const others = answers.filter((_, index) => index !== 37);
  expect(others.every((answer) => answer.kind === 'answered' && answer.record.kind === 'done')).toBe(true);
  expect(sizes.length).toBeLessThanOrEqual(14);
});

test('a search that begins with all suspects at once goes on to divide them, however many requests it may have under way', async () => {
  const failing = new Set(['A0', 'A1', 'A2']);
  const { send } = apiFailingOn((id) => failing.has(id), new Suspects(4));
  await send(requests(3));
  failing.clear();
  // It was a hiccup: the next search asks about all of them together first.
  await send(requests(3));
  failing.add('A0');
  await send(requests(3));
  const answers = await send(requests(3));
  expect(answers.map((answer) => answer.kind === 'answered' && answer.record.kind)).toEqual([
    'failed',
    'done',
    'done',
  ]);
});

test('two culprits are both found', async () => {
  const { send } = apiFailingOn((id) => id === 'A2' || id === 'A15');
  await send(requests(16));
  const answers = await send(requests(16));
  const failed = answers.flatMap((answer, index) =>
    answer.kind === 'answered' && answer.record.kind === 'failed' ? [index] : [],
  );
  expect(failed).toEqual([2, 15]);
});

test('a known culprit travels alone and leaves the others in peace', async () => {
  const { send, sizes } = apiFailingOn((id) => id === 'A0');
  await send(requests(4));
  await send(requests(4));
  sizes.length = 0;
  const answers = await send([request('A0'), request('B1'), request('B2')]);
  expect(sizes).toEqual([2, 1]);
  expect(answers[0]).toMatchObject({ record: { kind: 'failed' } });
});

test('a known culprit that fails with nobody else about is no trouble of the API: nobody else has to wait for it', async () => {
  const { send } = apiFailingOn((id) => id === 'A0');
  await send(requests(4));
  await send(requests(4));
  expect(await send([request('A0')])).toMatchObject([{ kind: 'answered', record: { kind: 'failed' } }]);
});

test('after a hiccup the suspects are first sent together, which takes one request', async () => {
  let isUp = false;
  const { send, sizes } = apiFailingOn(() => !isUp);
  for (const expected of [
    [9, 3, 3, 3],
    [9, 9],
  ]) {
    sizes.length = 0;
    isUp = false;
    await send(requests(9));
    isUp = true;
    await send(requests(9));
    expect(sizes).toEqual(expected);
  }
});

test('who fails alone while nothing is answered is tried last the next time, so every search gets further', async () => {
  const { send } = apiFailingOn((id) => Number(id.slice(1)) < 15);
  for (let round = 0; round < 10; round += 1) await send(requests(16));
  const answers = await send(requests(16));
  expect(answers[15]).toMatchObject({ kind: 'answered', record: { kind: 'done' } });
});

test('a record with which the API refuses every request travels alone from then on', async () => {
  const sizes: number[] = [];
  const api: TerritoryApi = {
    read: () => Promise.reject(new Error('not used')),
    probe: () => Promise.resolve(undefined),
    write(part): Promise<WriteAnswer> {
      sizes.push(part.length);
      const isRefused = part.some(({ id }) => id === 'A5');
      return Promise.resolve(
        isRefused
          ? { kind: 'refused-whole', status: 413 }
          : { kind: 'answered', records: part.map(() => ({ kind: 'done', status: 200 })) },
      );
    },
  };
  const suspects = new Suspects();
  const send = () => sendSuspecting(suspects, api, requests(9), new AbortController().signal);
  await send();
  sizes.length = 0;
  const answers = await send();
  expect(sizes).toEqual([8, 1]);
  expect(answers[5]).toMatchObject({ record: { kind: 'refused', status: 413, whole: true } });
});

test('several parts of a search are under way at a time, as many as flights may be', async () => {
  let underWay = 0;
  let most = 0;
  const suspects = new Suspects(4);
  const ask = async (part: readonly WriteRequest[]) => {
    underWay += 1;
    most = Math.max(most, underWay);
    await Promise.resolve();
    underWay -= 1;
    const fails = part.some(({ id }) => id === 'A20');
    const trouble = { reason: 'unavailable', message: 'no' } as const;
    return part.map(() =>
      fails
        ? ({ kind: 'trouble', trouble, sent: true } as const)
        : ({ kind: 'answered', answer: 1 } as const),
    );
  };
  await suspects.ask(requests(50), ask);
  const found = await suspects.ask(requests(50), ask);
  expect(most).toBe(4);
  expect(found.map(({ kind }) => kind).indexOf('culprit')).toBe(20);
  expect(found.filter(({ kind }) => kind === 'answered')).toHaveLength(49);
});

test('in an outage nobody is blamed and the search gives up after few requests', async () => {
  const { send, sizes } = apiFailingOn(() => true);
  await send(requests(64));
  sizes.length = 0;
  const answers = await send(requests(64));
  expect(sizes.length).toBeLessThanOrEqual(8);
  expect(answers.some((answer) => answer.kind === 'answered' && answer.record.kind === 'failed')).toBe(false);
});

test('what was written in a part of which the rest met trouble is not sent again', async () => {
  const asked: string[] = [];
  const trouble = {
    kind: 'trouble',
    trouble: { reason: 'network', message: 'reset' },
    sent: true,
  } as const;
  const suspects = new Suspects();
  await suspects.ask(requests(8), async (part) => part.map(() => trouble));
  const found = await suspects.ask(requests(8), async (part) => {
    asked.push(...part.map(({ id }) => id));
    return part.map(({ id }) => (id === 'A1' ? trouble : { kind: 'answered', answer: id }));
  });
  expect(found[1]).toMatchObject({ kind: 'culprit' });
  expect(asked.filter((id) => id === 'A1').length).toBeGreaterThan(1);
  expect(asked.filter((id) => id !== 'A1').toSorted()).toEqual(['A0', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7']);
});
