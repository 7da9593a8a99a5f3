/**
 * What every protocol of the territory API must do, seen through the port only. `setup` starts an API that keeps strong versions
 * and an adapter that speaks to it; the tests arrange records and faults through `ApiBehind`, whatever stands behind it.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fields } from '../../srv/events/change.ts';
import { nameUuid } from '../../srv/platform/ids.ts';
import type { ReadAnswer, RecordAnswer, RecordState, WriteRequest } from '../../srv/territory-api/port.ts';
import type { ContractOptions, TerritoryApiUnderTest } from './territory-api-under-test.ts';

export type * from './territory-api-under-test.ts';

const TERRITORY = 'EMEA-NORTH';
const NEVER = new AbortController().signal;

export function territoryApiContract(
  name: string,
  setup: () => Promise<TerritoryApiUnderTest>,
  options: ContractOptions = {},
): void {
  const { idempotency = true, requests = 'many-records', takenKey = 'conflict' } = options;
  const { unknownRecord = 'refused', trouble = 'any' } = options;
  describe(`territory API: ${name}`, () => {
    let under: TerritoryApiUnderTest;
    beforeEach(async () => {
      under = await setup();
      await under.behind.seed(
        ['T1', 'T2', 'T3'].map((id) => ({
          territoryId: TERRITORY,
          id,
          fields: { owner: 'E1', region: 'N' },
        })),
      );
    });
    afterEach(() => under.stop());

    let keys = 0;
    const nextKey = () => nameUuid(`contract ${(keys += 1)}`);
    const update = (id: string, ifMatch: string, fields: Fields): WriteRequest => ({
      territoryId: TERRITORY,
      id,
      operation: 'update',
      ifMatch,
      fields,
      idempotencyKey: nextKey(),
    });
    const create = (id: string, fields: Fields): WriteRequest => ({
      territoryId: TERRITORY,
      id,
      operation: 'create',
      fields,
      idempotencyKey: nextKey(),
    });
    const refs = (ids: readonly string[]) => ids.map((id) => ({ territoryId: TERRITORY, id }));
    const ask = (ids: readonly string[], fields = ['owner']): Promise<ReadAnswer> =>
      under.api.read({ records: refs(ids), fields, pastCache: true }, NEVER);

    async function read(...ids: string[]): Promise<readonly RecordState[]> {
      const answer = await ask(ids);
      if (answer.kind !== 'read') throw new Error(`read failed: ${answer.trouble.message}`);
      return answer.records;
    }
    async function etagOf(id: string): Promise<string> {
      const [state] = await read(id);
      if (!state?.found) throw new Error(`${id} not found`);
      return state.etag;
    }
    async function write(...requests: WriteRequest[]): Promise<readonly RecordAnswer[]> {
      const answer = await under.api.write(requests, NEVER);
      if (answer.kind !== 'answered') throw new Error(`write not answered: ${JSON.stringify(answer)}`);
      return answer.records;
    }

    describe('reading', () => {
      it('gives each record with its ETag and the fields asked for, in the order asked', async () => {
        const records = await read('T3', 'unknown', 'T1');
        expect(records).toMatchObject([
          { found: true, fields: { owner: 'E1' } },
          { found: false },
          { found: true, fields: { owner: 'E1' } },
        ]);
        expect(records[0]).not.toHaveProperty('fields.region');
      });

      it('shows an ETag that changes with every write', async () => {
        const before = await etagOf('T1');
        await under.behind.foreignWrite(TERRITORY, 'T1', { owner: 'E2' });
        expect(await etagOf('T1')).not.toBe(before);
        expect(await etagOf('T1')).toBe(await etagOf('T1'));
      });

      it('finds records whatever characters their ids hold', async () => {
        const ids = ['a,b', "o'h", 'x/y?z#', '100%', '%2C', 'ä€😀', 'a b+c', 'c&d=e', "') or ('", '...'];
        // No URL can have this segment.
        if (requests === 'many-records') ids.push('..');
        await under.behind.seed(ids.map((id) => ({ territoryId: TERRITORY, id, fields: { owner: id } })));
        expect(await read(...ids)).toMatchObject(ids.map((id) => ({ found: true, fields: { owner: id } })));
      });

      it('reads more ids than one URL can hold', async () => {
        const ids = Array.from({ length: 180 }, (_, index) => `${index}-${'long id '.repeat(12)}`);
        await under.behind.seed(ids.map((id) => ({ territoryId: TERRITORY, id, fields: { owner: id } })));
        expect(await read(...ids)).toMatchObject(ids.map((id) => ({ found: true, fields: { owner: id } })));
        expect(under.behind.requestCount()).toBeGreaterThan(1);
      });

      it(`needs one request ${requests === 'one-record' ? 'for a record' : 'where one URL is enough'}`, async () => {
        await read('T1', 'T2', 'T3', 'T1');
        expect(under.behind.requestCount()).toBe(requests === 'one-record' ? 3 : 1);
      });
    });

    describe('writing', () => {
      it('updates what was read, and only the fields named', async () => {
        const [answer] = await write(update('T1', await etagOf('T1'), { owner: 'E2' }));
        expect(answer).toMatchObject({ kind: 'done' });
        expect(await under.behind.fieldsOf(TERRITORY, 'T1')).toMatchObject({ owner: 'E2', region: 'N' });
      });

      it('gives the new ETag, good for the next write without a read', async () => {
        const [first] = await write(update('T1', await etagOf('T1'), { owner: 'E2' }));
        if (first?.kind !== 'done' || first.etag === undefined) throw new Error('no new ETag');
        expect(await write(update('T1', first.etag, { owner: 'E3' }))).toMatchObject([{ kind: 'done' }]);
        expect(await under.behind.fieldsOf(TERRITORY, 'T1')).toMatchObject({ owner: 'E3' });
      });

      it(`needs one request for ${requests === 'one-record' ? 'a record' : 'many records'}, and judges each by itself, in the order sent`, async () => {
        const etags = [await etagOf('T1'), await etagOf('T2'), await etagOf('T3')] as const;
        await under.behind.foreignWrite(TERRITORY, 'T2', { region: 'S' });
        const before = under.behind.requestCount();
        const answers = await write(
          update('T1', etags[0], { owner: 'A' }),
          update('T2', etags[1], { owner: 'B' }),
          update('unknown', etags[1], { owner: 'C' }),
          create('T4', { owner: 'D' }),
          { ...update('T3', etags[2], {}), operation: 'delete' },
        );
        expect(answers).toMatchObject([
          { kind: 'done' },
          { kind: 'conflict' },
          { kind: unknownRecord, status: unknownRecord === 'refused' ? 404 : 412 },
          { kind: 'done' },
          { kind: 'done' },
        ]);
        expect(under.behind.requestCount() - before).toBe(requests === 'one-record' ? 5 : 1);
        expect(await under.behind.fieldsOf(TERRITORY, 'T1')).toMatchObject({ owner: 'A' });
        expect(await under.behind.fieldsOf(TERRITORY, 'T2')).toMatchObject({ owner: 'E1', region: 'S' });
        expect(await under.behind.fieldsOf(TERRITORY, 'T4')).toMatchObject({ owner: 'D' });
        expect(await under.behind.fieldsOf(TERRITORY, 'T3')).toBeUndefined();
      });

      it('never lets one of two writers of the same version overwrite the other', async () => {
        const etag = await etagOf('T1');
        const answers = await Promise.all([
          write(update('T1', etag, { owner: 'A' })),
          write(update('T1', etag, { owner: 'B' })),
        ]);
        expect(new Set(answers.map(([answer]) => answer?.kind))).toEqual(new Set(['conflict', 'done']));
        expect(await under.behind.commits('T1')).toBe(1);
      });

      it('writes records whatever characters their ids hold', async () => {
        const ids = ['a,b', "o'h", 'x/y?z#', '100%', 'ä€😀', 'a b+c', "') or ('", '...'];
        if (requests === 'many-records') ids.push('..');
        await under.behind.seed(ids.map((id) => ({ territoryId: TERRITORY, id, fields: { owner: 'E1' } })));
        const etags = await Promise.all(ids.map(etagOf));
        const answers = await write(...ids.map((id, index) => update(id, etags[index] ?? '', { owner: id })));
        expect(answers.map(({ kind }) => kind)).toEqual(ids.map(() => 'done'));
        for (const id of ids) expect(await under.behind.fieldsOf(TERRITORY, id)).toMatchObject({ owner: id });
      });

      it('keeps values as they are: numbers, booleans, null, any text', async () => {
        const fields = {
          text: 'ä€😀 "quoted" \\',
          number: 12.5,
          large: 9_007_199_254_740_991,
          yes: true,
          none: null,
        };
        await write(update('T1', await etagOf('T1'), fields));
        expect(await under.behind.fieldsOf(TERRITORY, 'T1')).toMatchObject(fields);
        const answer = await ask(['T1'], Object.keys(fields));
        expect(answer).toMatchObject({ records: [{ fields }] });
      });

      it(`a create of a record that exists is a ${takenKey === 'conflict' ? 'conflict' : 'failure'}`, async () => {
        expect(await write(create('T1', { owner: 'X' }))).toMatchObject([{ kind: takenKey }]);
        expect(await under.behind.commits('T1')).toBe(0);
      });

      if (idempotency) {
        it('a repeat of the same request has one effect', async () => {
          const request = update('T1', await etagOf('T1'), { owner: 'E2' });
          const first = await write(request);
          expect(await write(request, update('T2', await etagOf('T2'), { owner: 'E2' }))).toMatchObject([
            first[0] ?? {},
            { kind: 'done' },
          ]);
          expect(await under.behind.commits('T1')).toBe(1);
        });

        it('another request with a key that was used is our own defect', async () => {
          const request = update('T1', await etagOf('T1'), { owner: 'E2' });
          await write(request);
          expect(await write({ ...request, fields: { owner: 'E3' } })).toMatchObject([
            { kind: 'defect', status: 422 },
          ]);
        });
      }
    });

    if (trouble === 'none') return;

    describe('in trouble', () => {
      const statuses = [
        [429, 'throttled', false],
        [500, 'unavailable', true],
        [503, 'unavailable', true],
        [405, 'not-an-answer', false],
      ] as const;
      const ofAllOrOne = [
        [403, 'forbidden', false],
        [404, 'not-an-answer', false],
      ] as const;
      const ofAll = requests === 'many-records' ? [...statuses, ...ofAllOrOne] : statuses;

      if (requests === 'one-record') {
        it.each([403, 404])('%i for a write is the refusal of its record', async (status) => {
          const request = update('T1', await etagOf('T1'), { owner: 'E2' });
          under.behind.failNext('write', { kind: 'status', status });
          expect(await write(request)).toMatchObject([{ kind: 'refused', status }]);
        });

        it('404 for a read is the absence of its record, 403 is trouble', async () => {
          under.behind.failNext('read', { kind: 'status', status: 404 });
          expect(await read('T1')).toEqual([{ found: false }]);
          under.behind.failNext('read', { kind: 'status', status: 403 });
          expect(await ask(['T1'])).toMatchObject({ trouble: { reason: 'forbidden', status: 403 } });
        });

        it('an id that no path can hold is not found, and refused without a request', async () => {
          const before = under.behind.requestCount();
          expect(await read('..', '.')).toEqual([{ found: false }, { found: false }]);
          expect(await write(update('..', '"1"', { owner: 'E2' }))).toMatchObject([
            { kind: 'refused', code: 'UNADDRESSABLE' },
          ]);
          expect(under.behind.requestCount()).toBe(before);
        });
      }

      it.each(ofAll)('%i for a write as a whole is %s', async (status, reason, sent) => {
        const request = update('T1', await etagOf('T1'), { owner: 'E2' });
        under.behind.failNext('write', { kind: 'status', status, retryAfterS: 7 });
        expect(await under.api.write([request], NEVER)).toMatchObject({
          kind: 'trouble',
          sent,
          trouble: { reason, status, retryAfterMs: 7_000 },
        });
      });

      it.each(ofAll)('%i for a read is %s', async (status, reason) => {
        under.behind.failNext('read', { kind: 'status', status });
        expect(await ask(['T1'])).toMatchObject({ kind: 'trouble', trouble: { reason, status } });
      });

      it.each(['html', 'redirect', 'truncated'] as const)(
        '%s is not an answer, to a write or a read',
        async (kind) => {
          const request = update('T1', await etagOf('T1'), { owner: 'E2' });
          under.behind.failNext('write', { kind });
          expect(await under.api.write([request], NEVER)).toMatchObject({
            sent: true,
            trouble: { reason: 'not-an-answer' },
          });
          under.behind.failNext('read', { kind });
          expect(await ask(['T1'])).toMatchObject({ trouble: { reason: 'not-an-answer' } });
        },
      );

      it('a write whose answer is lost may have been sent, and was', async () => {
        const request = update('T1', await etagOf('T1'), { owner: 'E2' });
        under.behind.failNext('write', { kind: 'lost-answer' });
        expect(await under.api.write([request], NEVER)).toMatchObject({
          sent: true,
          trouble: { reason: 'network' },
        });
        expect(await under.behind.fieldsOf(TERRITORY, 'T1')).toMatchObject({ owner: 'E2' });
        expect(await write(request)).toMatchObject([{ kind: idempotency ? 'done' : 'conflict' }]);
        expect(await under.behind.commits('T1')).toBe(1);
      });

      it('a broken connection is network trouble', async () => {
        under.behind.failNext('read', { kind: 'broken' });
        expect(await ask(['T1'])).toMatchObject({ trouble: { reason: 'network' } });
        expect(await read('T1')).toMatchObject([{ found: true }]);
      });

      it('a slow answer ends with the caller, as a time-out', async () => {
        const caller = new AbortController();
        under.behind.failNext('read', { kind: 'slow', delayMs: 10_000 });
        const answer = under.api.read({ records: refs(['T1']), fields: [], pastCache: false }, caller.signal);
        caller.abort();
        expect(await answer).toMatchObject({ trouble: { reason: 'timeout' } });
      });

      it('a record that the answer does not mention is missing, the others are judged', async () => {
        const requests = [
          update('T1', await etagOf('T1'), { owner: 'A' }),
          update('T2', await etagOf('T2'), { owner: 'B' }),
        ];
        under.behind.failNext('write', { kind: 'record-missing', id: 'T1' });
        expect(await write(...requests)).toMatchObject([{ kind: 'missing' }, { kind: 'done' }]);
      });

      it.each([
        [400, 'refused', undefined],
        [403, 'refused', undefined],
        [422, 'refused', undefined],
        [423, 'conflict', undefined],
        [428, 'defect', undefined],
        [500, 'failed', undefined],
        [400, 'conflict', 'record locked by user SMITH'],
      ] as const)('%i for one record is %s (%s), the others are done', async (status, kind, message) => {
        const requests = [
          update('T1', await etagOf('T1'), { owner: 'A' }),
          update('T2', await etagOf('T2'), { owner: 'B' }),
        ];
        under.behind.failNext('write', {
          kind: 'record-status',
          id: 'T1',
          status,
          ...(message !== undefined && { message }),
        });
        expect(await write(...requests)).toMatchObject([{ kind, status }, { kind: 'done' }]);
      });

      it('a probe tells of it, and of its end, and writes nothing', async () => {
        expect(await under.api.probe(NEVER)).toBeUndefined();
        under.behind.failNext('read', { kind: 'status', status: 503 });
        expect(await under.api.probe(NEVER)).toMatchObject({ reason: 'unavailable' });
        expect(await under.api.probe(NEVER)).toBeUndefined();
        expect(await Promise.all(['T1', 'T2', 'T3'].map(async (id) => under.behind.commits(id)))).toEqual([
          0, 0, 0,
        ]);
      });
    });
  });
}
