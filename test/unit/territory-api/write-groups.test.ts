import { describe, expect, it } from 'vitest';
import type { RecordAnswer, WriteAnswer, WriteRequest } from '../../../srv/territory-api/port.ts';
import { gatherWrites, groupWrites } from '../../../srv/territory-api/write-groups.ts';

const write = (territoryId: string, id: string): WriteRequest => ({
  territoryId,
  id,
  operation: 'update',
  ifMatch: '"1"',
  fields: {},
  idempotencyKey: `${territoryId}-${id}`,
});
const byTerritory = ({ territoryId, id }: WriteRequest) =>
  territoryId === 'nowhere' ? undefined : { path: `/${territoryId}`, name: id, address: id };
const onePath = ({ id }: WriteRequest) => ({ path: '/all', name: id, address: id });
const done: RecordAnswer = { kind: 'done', status: 200 };
const trouble = (sent: boolean, retryAfterMs?: number): WriteAnswer => ({
  kind: 'trouble',
  trouble: { reason: 'throttled', message: 'wait', ...(retryAfterMs !== undefined && { retryAfterMs }) },
  sent,
});
const refusedWhole: WriteAnswer = { kind: 'refused-whole', status: 400 };

describe('the requests of a write', () => {
  it('are one per collection, records in the order given', () => {
    const { groups } = groupWrites([write('A', '1'), write('B', '1'), write('A', '2')], byTerritory);
    expect(groups.map(({ path, members }) => [path, members.map(({ index }) => index)])).toEqual([
      ['/A', [0, 2]],
      ['/B', [1]],
    ]);
  });

  it('never name one id twice', () => {
    const { groups } = groupWrites([write('A', '1'), write('B', '1'), write('A', '2')], onePath);
    expect(groups.map(({ members }) => members.map(({ index }) => index))).toEqual([[0, 2], [1]]);
  });
});

describe('the answers of a write', () => {
  const requests = [write('A', '1'), write('B', '1'), write('nowhere', '1'), write('A', '2')];
  const { groups, unsent } = groupWrites(requests, byTerritory);
  const gather = (...answers: WriteAnswer[]) =>
    gatherWrites(
      requests.length,
      groups.map((group, index) => ({ group, answer: answers[index] ?? refusedWhole })),
      unsent,
    );

  it('come back in the order of the requests', () => {
    const conflict: RecordAnswer = { kind: 'conflict', status: 412 };
    const answer = gather(
      { kind: 'answered', records: [done, conflict] },
      { kind: 'answered', records: [done] },
    );
    expect(answer).toMatchObject({
      kind: 'answered',
      records: [done, done, { code: 'UNADDRESSABLE' }, conflict],
    });
  });

  it('of a request that failed beside one that was answered are missing, with what became of it', () => {
    const failed = trouble(true, 7_000);
    const answer = gather({ kind: 'answered', records: [done, done] }, failed);
    expect(answer).toMatchObject({
      kind: 'answered',
      records: [done, { kind: 'missing', request: failed }, { kind: 'refused' }, done],
      retryAfterMs: 7_000,
    });
  });

  it('are trouble where no request was answered, sent if any may have been, with the longest wait', () => {
    expect(gather(trouble(false, 9_000), trouble(true, 1_000))).toMatchObject({
      kind: 'trouble',
      sent: true,
      trouble: { retryAfterMs: 9_000 },
    });
    expect(gather(trouble(false), refusedWhole)).toMatchObject({ kind: 'trouble', sent: false });
  });

  it('are a refusal where every request was refused', () => {
    expect(gather(refusedWhole, refusedWhole)).toEqual(refusedWhole);
  });

  it('judge what no URL can name, where there is nothing else', () => {
    const { groups, unsent } = groupWrites([write('A', '1')], () => undefined);
    expect(groups).toEqual([]);
    expect(gatherWrites(1, [], unsent)).toMatchObject({
      kind: 'answered',
      records: [{ kind: 'refused', status: 400 }],
    });
  });
});

describe('a transaction', () => {
  const member = (territoryId: string, id: string) => ({ ...write(territoryId, id), transaction: 't' });

  it('of which one record cannot be addressed is not sent', () => {
    const target = (request: WriteRequest) => (request.id === 'bad' ? undefined : onePath(request));
    const { groups, unsent } = groupWrites([member('A', '1'), member('A', 'bad'), write('A', '2')], target);
    expect(groups.flatMap(({ members }) => members.map(({ index }) => index))).toEqual([2]);
    expect([...unsent.values()].map(({ kind }) => kind)).toEqual(['rolled-back', 'refused']);
  });

  it('travels in one request, also where a record of it is taken in another one', () => {
    const requests = [write('B', '1'), member('A', '2'), member('A', '1')];
    const { groups } = groupWrites(requests, onePath);
    expect(groups.map(({ members }) => members.map(({ index }) => index))).toEqual([[0], [1, 2]]);
  });

  it('that names a record twice is not sent', () => {
    const { groups, unsent } = groupWrites([member('A', '1'), member('A', '1')], onePath);
    expect(groups).toEqual([]);
    expect([...unsent.values()].map(({ kind }) => kind)).toEqual(['rolled-back', 'refused']);
  });
});
