import { expect, test } from 'vitest';
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
function apiFailingOn(poison: (id: string) => boolean) {
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
  const suspects = new Suspects();
  const send = (part: readonly WriteRequest[]) =>
    suspects.send(api, part, new AbortController().signal, () => true);
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
  expect(sizes.length).toBeLessThanOrEqual(13);
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

test('a culprit that flies with nobody is blamed only if another record was answered since it last failed', async () => {
  const { send } = apiFailingOn((id) => id === 'A0');
  await send(requests(4));
  await send(requests(4));
  expect(await send([request('A0')])).toMatchObject([{ kind: 'trouble' }]);
  await send([request('B1')]);
  expect(await send([request('A0')])).toMatchObject([{ kind: 'answered', record: { kind: 'failed' } }]);
  expect(await send([request('A0')])).toMatchObject([{ kind: 'trouble' }]);
});

test('in an outage nobody is blamed and the search gives up after few requests', async () => {
  const { send, sizes } = apiFailingOn(() => true);
  await send(requests(64));
  sizes.length = 0;
  const answers = await send(requests(64));
  expect(sizes.length).toBeLessThanOrEqual(8);
  expect(answers.some((answer) => answer.kind === 'answered' && answer.record.kind === 'failed')).toBe(false);
});
